"""Reading with confluent-kafka."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer as RawConsumer
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from hutong import errors
from hutong.transport import Partition, Position, Record, Start
from hutong.transport.confluent.admin import ConfluentAdmin
from hutong.transport.confluent.fates import asked_by_consumer, asking, fate_of, reason
from hutong.transport.confluent.records import offsets_of, positions_of, record_of
from hutong.transport.confluent.settings import CONSUMER
from hutong.transport.fates import Fate

POLL_BYTES = 8 * 1024 * 1024
"""A poll is full when its records take up this much."""

_TIMEOUT = 8.0  # seconds for a question
_SLICE = 0.1  # seconds after which a member looks whether it was given other partitions
_ROUND = 0.05  # seconds between two questions
_AT_ONCE = 100  # messages taken without looking at their size
_CLOSING = 2.0  # seconds for leaving a group
_LOST_PLACE = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION)


class ConfluentReader:
    """:class:`hutong.transport.Consumer` on confluent-kafka. For one thread.

    librdkafka's own idea of positions knows no markers and forgets what a rebalance takes and gives back. So positions
    are kept here, and handed over with each assignment: before the first poll after a seek, too.
    """

    user: str | None = None
    """Who this is to the broker; None where it does not ask."""

    def __init__(
        self,
        settings: Mapping[str, object],
        log: logging.Logger,
        *,
        group: str | None,
        instance: str | None,
        committed: bool,
        start: Start,
        session_timeout: float,
        max_poll_interval: float,
        admin: ConfluentAdmin,
    ) -> None:
        self.group = group
        self.user = admin.user
        self._admin = admin
        self._committed_only = committed
        self._start = start
        self._generation = 0
        self._assigned: frozenset[Partition] = frozenset()
        self._places: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._held: set[Partition] = set()  # what librdkafka was told to pause
        self._astray: set[Partition] = set()
        self._attached = True  # whether librdkafka reads where we say
        self._shared = False  # whether a group shares out the partitions
        self._between = False  # a rebalance has taken them, and given none yet
        self._fault: tuple[KafkaError, str] | None = None  # and the topic or group
        made = {
            **CONSUMER,
            **settings,
            # librdkafka wants a group, also from a reader that never commits
            "group.id": group or f"none-{uuid.uuid4()}",
            "isolation.level": "read_committed" if committed else "read_uncommitted",
            "session.timeout.ms": int(session_timeout * 1000),
            "heartbeat.interval.ms": int(session_timeout * 250),
            "max.poll.interval.ms": int(max(max_poll_interval, session_timeout) * 1000),
            # What it says of brokers that are away looks like silence.
            "error_cb": lambda error: None,
        }
        with asking("the settings of the consumer"):
            self._raw: Any = RawConsumer(made | ({"group.instance.id": instance} if instance else {}), logger=log)

    @property
    def generation(self) -> int:
        return self._generation

    def subscribe(self, topics: Sequence[str]) -> None:
        if self.group is None:
            raise ValueError("subscribe() shares partitions within a group: this consumer has none, use assign()")
        self._admin.know(set(topics))
        with asking("subscribing", user=self.user):
            self._raw.subscribe(list(topics), on_assign=self._given, on_revoke=self._taken, on_lost=self._lost)
        self._shared = True

    def _given(self, raw: Any, partitions: Sequence[TopicPartition]) -> None:
        raw.assign([])  # attached by the next poll, once it is known from where to read
        self._between = False
        self._assign(frozenset(Partition(tp.topic, tp.partition) for tp in partitions))

    def _taken(self, raw: Any, partitions: object) -> None:
        raw.unassign()
        self._between = True

    def _lost(self, raw: Any, partitions: object) -> None:
        self._taken(raw, partitions)
        self._places.clear()  # another member may have read on meanwhile
        self._astray.clear()

    def assign(self, partitions: Sequence[Partition]) -> None:
        self._admin.know({p.topic for p in partitions})
        self._assign(frozenset(partitions))

    def _assign(self, partitions: frozenset[Partition]) -> None:
        self._assigned = partitions
        self._places = {p: at for p, at in self._places.items() if p in partitions}
        self._paused &= partitions
        self._astray &= partitions
        self._attached = False
        self._generation += 1

    def assignment(self) -> frozenset[Partition]:
        return self._assigned

    def poll(self, timeout: float, max_records: int = 500) -> dict[Partition, list[Record]]:
        deadline, generation = time.monotonic() + timeout, self._generation
        found: dict[Partition, list[Record]] = {}
        while True:
            self._attach()
            left = max(deadline - time.monotonic(), 0.0)
            with asking("reading", user=self.user):
                message = self._raw.poll(min(left, _SLICE) if self._shared else left)
            if message is not None:
                self._take([message], found)
                self._fill(found, max_records - len(found))
            if found:
                return found
            self._complain()
            if self._generation != generation or (left <= 0 and message is None):
                return {}

    def _fill(self, found: dict[Partition, list[Record]], room: int) -> None:
        """Take what has come already."""
        size = 0
        while room > 0 and size < POLL_BYTES:
            with asking("reading", user=self.user):
                messages = self._raw.consume(min(room, _AT_ONCE), 0)
            if not messages:
                return
            size += self._take(messages, found)
            room -= len(messages)

    def _take(self, messages: Sequence[Message], found: dict[Partition, list[Record]]) -> int:
        """Keep the records of these messages, and where they end. Gives the bytes they take up, about."""
        size, places = 0, self._places
        for message in messages:
            place = Partition(message.topic() or "", message.partition() or 0)
            error, offset = message.error(), message.offset() or 0
            if error is not None:
                self._take_error(place, offset, error)
            elif place in places:
                record = record_of(place, offset, message)
                places[place] = offset + 1
                found.setdefault(place, []).append(record)
                size += len(message)
        return size

    def _take_error(self, place: Partition, offset: int, error: KafkaError) -> None:
        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            if place in self._places:
                self._places[place] = offset
        elif code in _LOST_PLACE:
            self._astray |= {place} & self._assigned
        elif code == KafkaError.GROUP_AUTHORIZATION_FAILED and self.group is None:
            pass  # it is asked for the coordinator of the group that is none
        elif fate_of(error) not in (Fate.AWAY, Fate.MOOT):
            named = self.group if code == KafkaError.GROUP_AUTHORIZATION_FAILED else place.topic
            self._fault = (error, named or "")

    def _complain(self) -> None:
        """Raise what librdkafka said instead of a record. Out of range is out of range until a seek."""
        if self._fault is not None:
            (fault, names), self._fault = self._fault, None
            raise asked_by_consumer(fault, "reading", user=self.user, names=names)
        for place in self._astray:
            offset, begin, end = self._places[place], self.beginning(place), self.end(place)
            raise errors.OutOfRange(
                f"{place.topic} partition {place.number}: offset {offset} is not on the broker, "
                f"which has {begin} to {end}",
                offset=offset,
                begin=begin,
                end=end,
            )

    def _attach(self) -> None:
        """Let librdkafka read the assigned partitions from where they are."""
        if self._attached or self._between:
            return
        self._begin(self._assigned - self._places.keys())
        with asking("assigning", user=self.user):
            if lifted := self._held - self._paused:
                self._raw.resume([TopicPartition(*p) for p in lifted])
            self._raw.assign([TopicPartition(*p, self._places[p]) for p in self._assigned])
            if self._paused:
                self._raw.pause([TopicPartition(*p) for p in self._paused])
        self._held = set(self._paused)
        self._attached = True

    def _begin(self, partitions: Collection[Partition]) -> None:
        """Set the first position: the group's, or where it has none, the beginning or end. "latest" is the end as this
        consumer can see it: behind an open transaction that is the transaction's beginning, so what it commits later is
        read."""
        if partitions and self.group is not None:
            for place, position in self._committed(partitions).items():
                self._places[place] = position.offset
        if wanted := [p for p in partitions if p not in self._places]:
            self._places.update(self._admin.edges(wanted, self._start, self._committed_only))

    def _mine(self, partition: Partition) -> Partition:
        if partition not in self._assigned:
            raise ValueError(f"{partition.topic} partition {partition.number} is not assigned to this consumer")
        return partition

    def seek(self, partition: Partition, offset: int) -> None:
        self._places[self._mine(partition)] = offset
        self._astray.discard(partition)
        self._attached = False

    def pause(self, *partitions: Partition) -> None:
        self._paused |= {self._mine(p) for p in partitions}
        if self._attached and not self._between:
            self._raw.pause([TopicPartition(*p) for p in partitions])
            self._held |= set(partitions)

    def resume(self, *partitions: Partition) -> None:
        self._paused -= {self._mine(p) for p in partitions}
        if self._attached and not self._between:
            self._raw.resume([TopicPartition(*p) for p in partitions])
            self._held -= set(partitions)

    def position(self, partition: Partition) -> int:
        if self._mine(partition) not in self._places:
            self._begin([partition])
        return self._places[partition]

    def committed(self, partition: Partition) -> Position | None:
        self._needs_group()
        return self._committed([partition]).get(partition)

    def _committed(self, partitions: Collection[Partition]) -> dict[Partition, Position]:
        """librdkafka asks once, also of a broker that is no longer the group's coordinator, or not yet."""
        deadline = time.monotonic() + _TIMEOUT
        while True:
            left = max(deadline - time.monotonic(), 0.1)
            try:
                return positions_of(self._raw.committed([TopicPartition(*p) for p in partitions], timeout=left))
            except KafkaException as raised:
                error = reason(raised)
                if fate_of(error) is not Fate.AWAY or time.monotonic() >= deadline:
                    raise asked_by_consumer(
                        error, f"asking for the position of {self.group}", user=self.user, names=self.group or ""
                    ) from raised
            time.sleep(_ROUND)

    def commit(self, positions: Mapping[Partition, Position]) -> bool:
        self._needs_group()
        if self._between and self._fault is None:
            return False  # the question would wait behind our joining, hence for all the others
        try:
            answers = self._raw.commit(offsets=offsets_of(positions), asynchronous=False)
            refused = [tp.error for tp in answers if tp.error is not None]  # the others were committed
        except KafkaException as raised:
            refused = [reason(raised)]
        for error in refused:
            if fate_of(error) is not Fate.MOOT:
                raise asked_by_consumer(error, f"committing for {self.group}", user=self.user, names=self.group or "")
        return not refused

    def _needs_group(self) -> None:
        if self.group is None:
            raise ValueError("positions are committed for a group: this consumer has none")

    def beginning(self, partition: Partition) -> int:
        return self._admin.edges([partition], "earliest", False)[partition]

    def end(self, partition: Partition) -> int:
        return self._admin.edges([partition], "latest", False)[partition]

    def member(self) -> Any:
        """Who this consumer is within its group, for a transaction that carries its positions."""
        return self._raw.consumer_group_metadata()

    def close(self) -> None:
        """In a thread of its own: librdkafka waits for a broker that is away."""
        closing = threading.Thread(target=self._raw.close, name="closing", daemon=True)
        closing.start()
        closing.join(_CLOSING)
