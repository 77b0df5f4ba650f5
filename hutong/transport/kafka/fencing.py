"""Transactions with kafka-python: the producer by which the city's services own what they write."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import OffsetAndMetadata, TopicPartition  # type: ignore[import-untyped]
from kafka import errors as kafka

from hutong import errors
from hutong.transport import Consumer, Outgoing, Partition, Placed, Position
from hutong.transport.fates import Fate
from hutong.transport.kafka.consumer import KafkaReader
from hutong.transport.kafka.fates import asked, explained, fate_of, told
from hutong.transport.kafka.sender import SETTINGS, Sender
from hutong.transport.sending import check_sendable
from hutong.transport.transactions import FENCING, OneLife, check_begins, check_reader, ends_behind, sweepings


class FencingProducer:
    """:class:`hutong.transport.TransactionalProducer` on kafka-python. For one thread."""

    def __init__(self, settings: Mapping[str, object], *, transactional_id: str, timeout: float) -> None:
        self._id = transactional_id
        self._life = OneLife(transactional_id)
        self._sender = Sender(
            {
                **SETTINGS,
                "delivery_timeout_ms": 10_000,
                "transaction_timeout_ms": 10_000,
                **settings,
                "transactional_id": transactional_id,
                "max_block_ms": int(timeout * 1000),
            }
        )
        try:
            self._within(time.monotonic() + timeout, FENCING, self._sender.raw.init_transactions)
        except errors.BusError:
            self._sender.close(0.1)
            raise

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
        check_reader(positions, consumer, KafkaReader)
        with self._at_stake():
            return self._transact(records, positions or {}, consumer, begins or {}, time.monotonic() + timeout)

    def sweep(
        self,
        partitions: Sequence[Partition],
        *,
        inputs: Iterable[Partition] = (),
        consumer: Consumer | None = None,
        timeout: float,
    ) -> dict[Partition, int]:
        raw, deadline = self._sender.raw, time.monotonic() + timeout
        offsets = {TopicPartition(*place): OffsetAndMetadata(0, "", -1) for place in inputs}
        with self._at_stake():
            placed = self._send(sweepings(partitions), deadline)
            if offsets:
                assert isinstance(consumer, KafkaReader)
                group = consumer.group  # by its name alone, which needs no membership: a rebalance does not matter here
                self._within(deadline, "positions", lambda: raw.send_offsets_to_transaction(offsets, group))
            self._within(deadline, "abort", raw.abort_transaction)
        return ends_behind(partitions, placed)

    @contextmanager
    def _at_stake(self) -> Iterator[None]:
        with self._life.at_stake():
            try:
                yield
            except kafka.KafkaError as error:
                raise self._failure("writing", error) from error

    def _transact(
        self,
        records: Sequence[Outgoing],
        positions: Mapping[Partition, Position],
        consumer: Consumer | None,
        begins: Mapping[Partition, int],
        deadline: float,
    ) -> list[Placed]:
        raw, manager = self._sender.raw, self._sender.raw._transaction_manager
        epoch = manager.producer_id_and_epoch
        placed = self._send(records, deadline)
        check_begins(self._id, records, placed, begins)
        if positions:
            assert isinstance(consumer, KafkaReader)
            offsets = {TopicPartition(*p): OffsetAndMetadata(at.offset, at.metadata, -1) for p, at in positions.items()}
            member = consumer.member()
            self._within(deadline, "positions", lambda: raw.send_offsets_to_transaction(offsets, member))
        if manager.producer_id_and_epoch != epoch:
            raise errors.UnknownOutcome(f"{self._id}: the producer was replaced in the middle of a transaction")
        self._within(deadline, "commit", raw.commit_transaction)
        return placed

    def _send(self, records: Sequence[Outgoing], deadline: float) -> list[Placed]:
        """Begin a transaction and write the records into it."""
        check_sendable(records)
        self._sender.know({record.topic for record in records}, deadline)
        self._sender.raw.begin_transaction()
        futures: list[Any] = []
        self._sender.hand_over(records, futures)
        self._sender.flush(deadline)
        for record, future in zip(records, futures, strict=True):
            # kafka-python commits a transaction whose records failed, so this is ours to see.
            if future.failed():
                raise self._failure(f"writing to {record.topic}", future.exception) from future.exception
            if not future.succeeded():
                raise errors.UnknownOutcome(f"{self._id}: no answer in time for a record for {record.topic}")
        return [Placed(partition=f.value.partition, offset=f.value.offset) for f in futures]

    def _within(self, deadline: float, what: str, call: Callable[[], object]) -> None:
        """Run a call of kafka-python that may hang for ever; give up on it, and on the producer, at the deadline."""
        failure: list[BaseException] = []
        done = threading.Event()

        def run() -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001  handed to the caller's thread below
                failure.append(error)
            finally:
                done.set()

        threading.Thread(target=run, name=f"{self._id}-{what}", daemon=True).start()
        if not done.wait(max(deadline - time.monotonic(), 0.001)):
            raise errors.UnknownOutcome(f"{self._id}: no answer to {what} in time")
        if failure:
            raise self._failure(what, failure[0]) from failure[0]

    def _failure(self, what: str, error: BaseException) -> errors.BusError:
        """Fenced or UnknownOutcome; SettingsError where fencing was refused.

        kafka-python hides the reason of a second failure behind a general one.
        """
        manager = self._sender.raw._transaction_manager
        for reason in (error, manager.last_error):
            if reason is not None and fate_of(reason) is Fate.FENCED:
                return errors.Fenced(f"{self._id}: another process owns it now ({what}: {told(reason)})")
        if what == FENCING and fate_of(error) is Fate.WRONG:
            return asked(error, f"{self._id}: {what}", user=self._sender.user)
        return errors.UnknownOutcome(f"{self._id}: {what} failed ({explained(error, self._sender.user)})")

    def close(self) -> None:
        self._sender.close(2.0 if self._life.failure is None else 0.5)
