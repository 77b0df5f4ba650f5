"""The transport's twin in memory: a whole Kafka for the tests of one process.

It keeps what users of the transport may rely on, and what hurts them: transactions take up an offset of their own,
an open one blocks committed readers until its owner is fenced, rebalances make commits moot, positions go out of
range. ``tests/contract`` runs the same suite on it and on a real broker.

Not like Kafka: it is never away; what its access control says stops nobody; a rebalance does not wait for the others
(see :mod:`hutong.transport.memory.group`); a topic's ``max.message.bytes`` is held against the uncompressed size.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from hutong import errors
from hutong.transport import Bounds, Consumer, Outgoing, Partition, Placed, Position, Record, Start, TopicSpec
from hutong.transport.memory.access import MemoryAccessControl
from hutong.transport.memory.group import Group
from hutong.transport.memory.log import Ending, Log, Transaction
from hutong.transport.memory.reader import MemoryReader
from hutong.transport.partition import partition_of
from hutong.transport.sending import spelt
from hutong.transport.transactions import OneLife, check_begins, check_reader, ends_behind, sweepings

_MAX_MESSAGE = 1_048_588  # Kafka's default of max.message.bytes


class MemoryTransport:
    """:class:`hutong.transport.Transport` in memory. Its producers and consumers share it; safe between threads."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        """Guards everything in here, and wakes waiting readers."""
        self.logs: dict[str, list[Log]] = {}
        self.members_of: dict[str, Group] = {}
        self.names = count(1)
        self._configs: dict[str, dict[str, str]] = {}
        self._access = MemoryAccessControl()
        self._epochs: dict[str, int] = {}
        self._open: dict[str, Transaction] = {}
        self.forgetful = False
        """For tests: fencing leaves the former owner's transaction open, as a Kafka with KAFKA-20734 may (ADR 0016)."""
        self._forgotten: dict[str, Transaction] = {}

    def producer(self, *, client_id: str) -> MemoryProducer:
        return MemoryProducer(self)

    def transactional(
        self, *, client_id: str, transactional_id: str, timeout: float = 10.0
    ) -> MemoryTransactionalProducer:
        with self.changed:
            epoch = self._epochs[transactional_id] = self._epochs.get(transactional_id, 0) + 1
            if hanging := self._open.pop(transactional_id, None):
                if self.forgetful:
                    self._forgotten[transactional_id] = hanging
                else:
                    hanging.end(Ending.ABORTED)
                    self.changed.notify_all()
            return MemoryTransactionalProducer(self, transactional_id, epoch)

    def consumer(
        self,
        *,
        client_id: str,
        group: str | None = None,
        instance: str | None = None,
        committed: bool = True,
        start: Start = "earliest",
        session_timeout: float = 6.0,
        max_poll_interval: float = 60.0,
        strangers: bool = False,
    ) -> MemoryReader:
        return MemoryReader(
            self,
            name=f"{client_id}-{next(self.names)}",
            group=group,
            instance=instance,
            committed=committed,
            start=start,
            session_timeout=session_timeout,
        )

    def topics(self) -> dict[str, int]:
        with self.changed:
            return {name: len(logs) for name, logs in self.logs.items()}

    def create(self, topics: Sequence[TopicSpec]) -> None:
        with self.changed:
            for topic in topics:
                if topic.name not in self.logs:
                    self.logs[topic.name] = [Log() for _ in range(topic.partitions)]
                    self._configs[topic.name] = {"max.message.bytes": str(_MAX_MESSAGE), **topic.config}

    def closed(self, topics: Sequence[str]) -> frozenset[str]:
        return frozenset()

    def configs(self, topics: Sequence[str]) -> dict[str, dict[str, str]]:
        with self.changed:
            if missing := [name for name in topics if name not in self._configs]:
                raise errors.SettingsError(f"there is no topic {missing[0]}")
            return {name: dict(self._configs[name]) for name in topics}

    def configure(self, topic: str, **settings: str) -> None:
        """For tests: alter settings of a topic, as an operator does; ``_`` stands for Kafka's dot."""
        with self.changed:
            self._configs[topic] |= {name.replace("_", "."): value for name, value in settings.items()}

    def groups(self, group: str) -> dict[Partition, Position]:
        with self.changed:
            return dict(self.members_of[group].positions) if group in self.members_of else {}

    def members(self) -> dict[str, int]:
        with self.changed:
            sizes = self.topics()
            for group in self.members_of.values():
                group.expire(sizes)
            return {name: group.size for name, group in self.members_of.items()}

    def bounds(self, partitions: Sequence[Partition]) -> dict[Partition, Bounds]:
        with self.changed:
            found = {}
            for partition in partitions:
                logs = self.logs.get(partition.topic, [])
                if not 0 <= partition.number < len(logs):
                    raise errors.SettingsError(f"there is no {partition.topic} partition {partition.number}")
                log = logs[partition.number]
                found[partition] = Bounds(begin=log.begin, stable=log.stable_end, end=log.end)
            return found

    def access(self) -> MemoryAccessControl:
        return self._access

    def close(self) -> None:
        """Nothing to give back."""

    def truncate(self, topic: str, partition: int, before: int) -> None:
        """For tests: delete the records before this offset, as retention does."""
        with self.changed:
            self.logs[topic][partition].truncate(before)

    def hang(self, transactional_id: str, records: Sequence[Outgoing]) -> None:
        """For tests: leave behind what a killed owner of this id leaves, an open transaction with these records."""
        with self.changed:
            self._epochs.setdefault(transactional_id, 1)
            transaction = self._open.setdefault(transactional_id, Transaction())
            self.append(self.place(records), transaction)

    def place(self, records: Sequence[Outgoing]) -> list[tuple[Outgoing, int]]:
        """Each record with its partition. Raises what a broker would refuse, before anything is written."""
        placed = []
        for record in records:
            if record.key is None and record.value is None:
                raise ValueError(f"a record for {record.topic} needs a key or a value")
            logs = self.logs.get(record.topic)
            if logs is None:
                raise errors.SettingsError(
                    f"topic {record.topic} does not exist on the broker: create the city's topics first"
                )
            if record.partition is None and record.key is None:
                raise ValueError(f"a record for {record.topic} needs a key or a partition")
            number = record.partition if record.partition is not None else partition_of(record.key or b"", len(logs))
            if not 0 <= number < len(logs):
                raise errors.SettingsError(f"topic {record.topic} has no partition {number}")
            size = 70 + len(record.key or b"") + len(record.value or b"")
            size += sum(len(name.encode()) + len(value) + 2 for name, value in record.headers)
            if size > int(self._configs[record.topic]["max.message.bytes"]):
                raise errors.InvalidEvent("too_large", f"larger than topic {record.topic} takes ({size} bytes)")
            placed.append((record, number))
        return placed

    def append(self, placed: Sequence[tuple[Outgoing, int]], transaction: Transaction | None) -> list[Placed]:
        """Write records, in a transaction or without, and wake readers."""
        now = int(time.time() * 1000)
        result = []
        for record, number in placed:
            log = self.logs[record.topic][number]
            result.append(Placed(partition=number, offset=log.end))
            log.append(
                Record(
                    topic=record.topic,
                    partition=number,
                    offset=log.end,
                    timestamp_ms=now,
                    key=record.key,
                    value=record.value,
                    headers=tuple((spelt(name), value) for name, value in record.headers),
                ),
                transaction,
            )
        self.changed.notify_all()
        return result

    def owned(self, transactional_id: str, epoch: int) -> bool:
        """Whether this epoch of a transactional id has not been fenced."""
        return self._epochs[transactional_id] == epoch

    def open(self, transactional_id: str, transaction: Transaction) -> None:
        """Remember an open transaction, for the successor to abort."""
        self._open[transactional_id] = transaction

    def end(self, transactional_id: str, transaction: Transaction, ending: Ending) -> None:
        """End an open transaction, and what of a former owner of its id was forgotten."""
        del self._open[transactional_id]
        transaction.end(ending)
        if forgotten := self._forgotten.pop(transactional_id, None):
            forgotten.end_by(transaction)
        self.changed.notify_all()


class MemoryProducer:
    """:class:`hutong.transport.Producer` in memory."""

    def __init__(self, broker: MemoryTransport) -> None:
        self._broker = broker

    def send(self, records: Sequence[Outgoing], *, timeout: float) -> list[Placed]:
        with self._broker.changed:
            return self._broker.append(self._broker.place(records), None)

    def close(self) -> None:
        """Nothing to give back."""


class MemoryTransactionalProducer:
    """:class:`hutong.transport.TransactionalProducer` in memory."""

    def __init__(self, broker: MemoryTransport, transactional_id: str, epoch: int) -> None:
        self._broker = broker
        self._id = transactional_id
        self._epoch = epoch
        self._life = OneLife(transactional_id)

    def write(
        self,
        records: Sequence[Outgoing],
        *,
        positions: Mapping[Partition, Position] | None = None,
        consumer: Consumer | None = None,
        begins: Mapping[Partition, int] | None = None,
        timeout: float,
    ) -> list[Placed]:
        if not records and not positions:
            return []
        check_reader(positions, consumer, MemoryReader)
        with self._life.at_stake(), self._broker.changed:
            return self._transact(records, positions or {}, consumer, begins or {})

    def sweep(
        self,
        partitions: Sequence[Partition],
        *,
        inputs: Iterable[Partition] = (),
        consumer: Consumer | None = None,
        timeout: float,
    ) -> dict[Partition, int]:
        with self._life.at_stake(), self._broker.changed:
            transaction, placed = self._begin(sweepings(partitions))
            self._broker.end(self._id, transaction, Ending.ABORTED)
        return ends_behind(partitions, placed)

    def _begin(self, records: Sequence[Outgoing]) -> tuple[Transaction, list[Placed]]:
        """Begin a transaction and write the records into it."""
        if not self._broker.owned(self._id, self._epoch):
            raise errors.Fenced(f"{self._id}: another process owns it now")
        placed, transaction = self._broker.place(records), Transaction()
        self._broker.open(self._id, transaction)
        return transaction, self._broker.append(placed, transaction)

    def _transact(
        self,
        records: Sequence[Outgoing],
        positions: Mapping[Partition, Position],
        consumer: Consumer | None,
        begins: Mapping[Partition, int],
    ) -> list[Placed]:
        transaction, written = self._begin(records)
        check_begins(self._id, records, written, begins)
        if positions:
            assert isinstance(consumer, MemoryReader)
            if not consumer.commit(positions):  # the transaction stays open, as it does on a broker
                raise errors.UnknownOutcome(f"{self._id}: the positions' group has rebalanced")
        self._broker.end(self._id, transaction, Ending.COMMITTED)
        return written

    def close(self) -> None:
        """Nothing to give back; an open transaction stays open, as it does on a broker."""
