"""Reading with kafka-python."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import (  # type: ignore[import-untyped]
    ConsumerRebalanceListener,
    KafkaConsumer,
    OffsetAndMetadata,
    TopicPartition,
)
from kafka import errors as kafka
from kafka.coordinator.assignors.range import RangePartitionAssignor  # type: ignore[import-untyped]

from hutong import errors
from hutong.transport import Partition, Position, Record, Start
from hutong.transport.fates import Fate
from hutong.transport.kafka.fates import asked, asking, fate_of
from hutong.transport.kafka.group import keep_finished_joins, watch_fencing
from hutong.transport.kafka.records import survive_records, why_unreadable
from hutong.transport.kafka.security import user_of

SETTINGS: Mapping[str, object] = {
    "enable_auto_commit": False,
    # Never reset by itself: where to begin without a committed position is decided in KafkaReader._begin.
    "auto_offset_reset": "none",
    "allow_auto_create_topics": False,
    # Partition p of ledger and of refusals must come to the same member; only the range assignor sees to that.
    "partition_assignment_strategy": [RangePartitionAssignor],
    "max_poll_records": 500,
    # What is fetched before it is asked for, a partition and a broker. A larger record still comes, alone.
    "max_partition_fetch_bytes": 1024 * 1024,
    "fetch_max_bytes": 8 * 1024 * 1024,
    # A fetch under way holds back seeks and resumed partitions on the same broker for as long.
    "fetch_max_wait_ms": 500,
    "request_timeout_ms": 8_000,
    "retry_backoff_ms": 20,
    "reconnect_backoff_max_ms": 1_000,
    "metrics_enabled": False,
}
_TIMEOUT_MS = 8_000
_TOPIC_WAIT = 5.0  # seconds a topic may take to become known, longer than a new one needs to spread
_NOT_YET = (kafka.KafkaTimeoutError, kafka.UnknownTopicOrPartitionError, kafka.LeaderNotAvailableError)


class _Assigned(ConsumerRebalanceListener):  # type: ignore[misc]
    """Called on kafka-python's I/O thread, where a slow call stops heartbeats: it only counts."""

    def __init__(self) -> None:
        self.count = 0

    def on_partitions_assigned(self, assigned: object) -> None:
        self.count += 1

    def on_partitions_revoked(self, revoked: object) -> None:
        pass


class KafkaReader:
    """:class:`hutong.transport.Consumer` on kafka-python. For one thread."""

    user: str | None = None
    """Who this is to the broker; None where it does not ask."""

    def __init__(
        self,
        settings: Mapping[str, object],
        *,
        group: str | None,
        instance: str | None,
        committed: bool,
        start: Start,
        session_timeout: float,
        max_poll_interval: float,
        edge: Callable[[Partition, Start], int],
    ) -> None:
        """``edge`` asks for beginning or high watermark: a committed kafka-python consumer cannot see the latter."""
        self.group = group
        self.user = user_of(settings)
        self._start = start
        self._edge = edge
        self._listener = _Assigned()
        self._assigns = 0
        self._fenced = False
        with asking(f"connecting to {settings['bootstrap_servers']}", user=self.user):
            self._raw: Any = KafkaConsumer(
                **{
                    **SETTINGS,
                    **settings,
                    "group_id": group,
                    "group_instance_id": instance,
                    "isolation_level": "read_committed" if committed else "read_uncommitted",
                    "session_timeout_ms": int(session_timeout * 1000),
                    "heartbeat_interval_ms": int(session_timeout * 250),
                    "max_poll_interval_ms": int(max_poll_interval * 1000),
                }
            )
        survive_records(self._raw._fetcher)
        keep_finished_joins(self._raw._coordinator)
        watch_fencing(self._raw._coordinator, self._lose)

    def _lose(self) -> None:
        self._fenced = True

    @property
    def generation(self) -> int:
        return self._listener.count + self._assigns

    def subscribe(self, topics: Sequence[str]) -> None:
        if self.group is None:
            raise ValueError("subscribe() shares partitions within a group: this consumer has none, use assign()")
        with asking("subscribing", user=self.user):
            self._raw.subscribe(topics=list(topics), listener=self._listener)
        self._know(set(topics))

    def assign(self, partitions: Sequence[Partition]) -> None:
        with asking("assigning", user=self.user):
            self._raw.assign([TopicPartition(*p) for p in partitions])
        self._know({p.topic for p in partitions})
        self._assigns += 1

    def _know(self, topics: set[str]) -> None:
        """Learn these topics' partitions before the group shares them out.

        kafka-python forgets a wish for metadata that comes while an older one is under way; the group's leader
        then shares out nothing, and nobody reads until metadata grows old.
        """
        cluster = self._raw._cluster
        since = time.monotonic()
        missing = topics
        while missing:
            left = since + _TOPIC_WAIT - time.monotonic()
            if left <= 0 and cluster._last_successful_refresh_ms > since * 1000:
                raise errors.SettingsError(
                    f"topic {min(missing)} does not exist on the broker: create the city's topics first"
                )
            if left <= 0:
                raise errors.Unavailable("looking for topics: the broker does not answer; try again later")
            with asking("looking for topics", user=self.user), suppress(*_NOT_YET):
                self._raw._net.run(self._raw._manager.wait_for, cluster.request_update(), left * 1000)
            if denied := topics & cluster.unauthorized_topics:
                raise asked(kafka.TopicAuthorizationFailedError(denied), "looking for topics", user=self.user)
            missing = {topic for topic in topics if not cluster.partitions_for_topic(topic)}

    def assignment(self) -> frozenset[Partition]:
        return frozenset(Partition(*tp) for tp in self._raw.assignment())

    def poll(self, timeout: float, max_records: int = 500) -> dict[Partition, list[Record]]:
        deadline = time.monotonic() + timeout
        while True:
            left = max(deadline - time.monotonic(), 0.0) * 1000
            try:
                polled = self._raw.poll(timeout_ms=left, max_records=max_records)
            except kafka.NoOffsetForPartitionError as error:
                self._begin(error.args[0])
                continue
            except kafka.OffsetOutOfRangeError as error:
                raise self._out_of_range(error.args[0]) from error
            except kafka.LogTruncationError as error:
                where = {tp: at.offset if at else -1 for tp, at in error.divergent_offsets.items()}
                raise self._out_of_range(where) from error
            except kafka.KafkaError as error:
                raise asked(error, "reading", user=self.user) from error
            if self._fenced:
                raise errors.Fenced("another process runs as this system: give one of the two another name")
            return {Partition(*tp): [_record(r) for r in records] for tp, records in polled.items()}

    def _begin(self, partitions: Iterable[Any]) -> None:
        """Set the first position where the group has none. "latest" is the end as this consumer can see it:
        behind an open transaction that is the transaction's beginning, so what it commits later is read."""
        wanted = [tp for tp in partitions if tp in self._raw.assignment()]
        with asking("looking for the beginning", user=self.user):
            look = self._raw.beginning_offsets if self._start == "earliest" else self._raw.end_offsets
            found = look(wanted, timeout_ms=_TIMEOUT_MS) if wanted else {}
        for tp, offset in found.items():
            if tp in self._raw.assignment():
                self._raw.seek(tp, offset)

    def _out_of_range(self, where: Mapping[Any, int]) -> errors.OutOfRange:
        tp, offset = next(iter(where.items()))
        begin, end = self.beginning(Partition(*tp)), self.end(Partition(*tp))
        return errors.OutOfRange(
            f"{tp.topic} partition {tp.partition}: offset {offset} is not on the broker, which has {begin} to {end}",
            offset=offset,
            begin=begin,
            end=end,
        )

    def _mine(self, partition: Partition) -> Any:
        tp = TopicPartition(*partition)
        if tp not in self._raw.assignment():
            raise ValueError(f"{partition.topic} partition {partition.number} is not assigned to this consumer")
        return tp

    def seek(self, partition: Partition, offset: int) -> None:
        self._raw.seek(self._mine(partition), offset)

    def pause(self, *partitions: Partition) -> None:
        self._raw.pause(*[self._mine(p) for p in partitions])

    def resume(self, *partitions: Partition) -> None:
        self._raw.resume(*[self._mine(p) for p in partitions])

    def position(self, partition: Partition) -> int:
        tp = self._mine(partition)
        try:
            position = self._raw.position(tp, timeout_ms=_TIMEOUT_MS)
        except kafka.NoOffsetForPartitionError as error:
            self._begin(error.args[0])
            position = self._raw.position(tp, timeout_ms=_TIMEOUT_MS)
        except kafka.KafkaError as error:
            raise asked(error, "asking for the position", user=self.user) from error
        if position is None:
            raise errors.Unavailable(f"no position for {tp.topic} partition {tp.partition} in time; try again later")
        return int(position)

    def committed(self, partition: Partition) -> Position | None:
        self._needs_group()
        with asking(f"asking for the position of {self.group}", user=self.user):
            found = self._raw.committed(TopicPartition(*partition), metadata=True, timeout_ms=_TIMEOUT_MS)
        return None if found is None else Position(offset=found.offset, metadata=found.metadata or "")

    def commit(self, positions: Mapping[Partition, Position]) -> bool:
        self._needs_group()
        offsets = {TopicPartition(*p): OffsetAndMetadata(at.offset, at.metadata, -1) for p, at in positions.items()}
        try:
            self._raw.commit(offsets, timeout_ms=_TIMEOUT_MS)
        except kafka.KafkaError as error:
            if self._fenced:
                raise errors.Fenced("another process runs as this system: give one of the two another name") from None
            if fate_of(error) is Fate.MOOT:
                return False
            raise asked(error, f"committing for {self.group}", user=self.user) from error
        return True

    def _needs_group(self) -> None:
        if self.group is None:
            raise ValueError("positions are committed for a group: this consumer has none")

    def beginning(self, partition: Partition) -> int:
        return self._edge(partition, "earliest")

    def end(self, partition: Partition) -> int:
        return self._edge(partition, "latest")

    def member(self) -> Any:
        """Who this consumer is within its group, for a transaction that carries its positions."""
        return self._raw.group_metadata()

    def close(self) -> None:
        with asking("closing", user=self.user):
            self._raw.close(autocommit=False, timeout_ms=2_000)


def _record(raw: Any) -> Record:
    why = why_unreadable(raw)
    return Record(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        timestamp_ms=raw.timestamp,
        key=raw.key,
        value=raw.value,
        headers=() if why else tuple([(name, value or b"") for name, value in raw.headers]),
        unreadable=why,
    )
