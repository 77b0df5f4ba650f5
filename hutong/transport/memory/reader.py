"""Reading the twin in memory."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hutong import errors
from hutong.transport import Partition, Position, Record, Start
from hutong.transport.memory.group import Group, Member
from hutong.transport.memory.log import Log

if TYPE_CHECKING:
    from hutong.transport.memory import MemoryTransport


class MemoryReader:
    """:class:`hutong.transport.Consumer` in memory. For one thread; the broker it reads is shared."""

    def __init__(
        self,
        broker: MemoryTransport,
        *,
        name: str,
        group: str | None,
        instance: str | None,
        committed: bool,
        start: Start,
        session_timeout: float,
    ) -> None:
        if instance is not None and group is None:
            raise errors.SettingsError("a static id needs a group")
        self._broker = broker
        self._group_name = group
        self._committed = committed
        self._start = start
        self._self = Member(name=name, instance=instance, session_timeout=session_timeout, topics=())
        self._joined = False
        self._seen = 0  # the group's generation this reader has learnt of
        self._positions: dict[Partition, int | None] = {}
        self._paused: set[Partition] = set()
        self.generation = 0

    def subscribe(self, topics: Sequence[str]) -> None:
        if self._group_name is None:
            raise ValueError("subscribe() shares partitions within a group: this consumer has none, use assign()")
        with self._broker.changed:
            self._know(topics)
            self._self.topics = tuple(topics)

    def assign(self, partitions: Sequence[Partition]) -> None:
        with self._broker.changed:
            self._know(p.topic for p in partitions)
            self._take(partitions)

    def _know(self, topics: Iterable[str]) -> None:
        missing = set(topics) - self._broker.logs.keys()
        if missing:
            raise errors.SettingsError(
                f"topic {min(missing)} does not exist on the broker: create the city's topics first"
            )

    def _take(self, partitions: Iterable[Partition]) -> None:
        """A new assignment. Partitions kept from the former one keep position and pause, as in kafka-python."""
        kept = {p: self._positions.get(p) for p in partitions}
        self._positions = kept
        self._paused &= kept.keys()
        self.generation += 1

    def assignment(self) -> frozenset[Partition]:
        return frozenset(self._positions)

    def poll(self, timeout: float, max_records: int = 500) -> dict[Partition, list[Record]]:
        deadline = time.monotonic() + timeout
        with self._broker.changed:
            while True:
                self._follow_group()
                found = self._fetch(max_records)
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                # Static members expire without anybody's notice, so look again now and then.
                self._broker.changed.wait(min(left, 0.05))

    def _follow_group(self) -> None:
        if not self._self.topics:
            return
        group, sizes = self._group(), self._broker.topics()
        if not self._joined:
            group.join(self._self, sizes)
            self._joined = True
            self._broker.changed.notify_all()
        group.expire(sizes)
        if self._self.fenced:
            raise errors.Fenced("another process runs as this system: give one of the two another name")
        if self._seen != self._self.generation:
            self._seen = self._self.generation
            self._take(sorted(self._self.assigned))

    def _fetch(self, limit: int) -> dict[Partition, list[Record]]:
        found: dict[Partition, list[Record]] = {}
        for partition in list(self._positions):
            if partition in self._paused or limit <= 0:
                continue
            log, at = self._log(partition), self.position(partition)
            if not log.begin <= at <= log.end:
                if found:
                    break  # told at the next poll, so that nothing read already is lost
                raise errors.OutOfRange(
                    f"{partition.topic} partition {partition.number}: offset {at} is not on the broker, "
                    f"which has {log.begin} to {log.end}",
                    offset=at,
                    begin=log.begin,
                    end=log.end,
                )
            records, self._positions[partition] = log.read(at, limit, committed=self._committed)
            if records:
                found[partition] = records
                limit -= len(records)
        for partition in found:  # the others come first next time
            self._positions[partition] = self._positions.pop(partition)
        return found

    def _log(self, partition: Partition) -> Log:
        logs = self._broker.logs.get(partition.topic)
        if logs is None or not 0 <= partition.number < len(logs):
            raise errors.SettingsError(f"topic {partition.topic} has no partition {partition.number} on the broker")
        return logs[partition.number]

    def _group(self) -> Group:
        if self._group_name is None:
            raise ValueError("positions are committed for a group: this consumer has none")
        return self._broker.members_of.setdefault(self._group_name, Group())

    def _mine(self, partition: Partition) -> Partition:
        if partition not in self._positions:
            raise ValueError(f"{partition.topic} partition {partition.number} is not assigned to this consumer")
        return partition

    def seek(self, partition: Partition, offset: int) -> None:
        with self._broker.changed:
            self._positions[self._mine(partition)] = offset

    def pause(self, *partitions: Partition) -> None:
        self._paused |= {self._mine(p) for p in partitions}

    def resume(self, *partitions: Partition) -> None:
        self._paused -= {self._mine(p) for p in partitions}

    def position(self, partition: Partition) -> int:
        with self._broker.changed:
            at = self._positions[self._mine(partition)]
            if at is None:
                committed = self._group().positions.get(partition) if self._group_name is not None else None
                log = self._log(partition)
                latest = log.stable_end if self._committed else log.end
                at = committed.offset if committed else log.begin if self._start == "earliest" else latest
                self._positions[partition] = at
            return at

    def committed(self, partition: Partition) -> Position | None:
        with self._broker.changed:
            return self._group().positions.get(partition)

    def commit(self, positions: Mapping[Partition, Position]) -> bool:
        with self._broker.changed:
            group = self._group()
            if self._self.fenced:
                raise errors.Fenced("another process runs as this system: give one of the two another name")
            group.expire(self._broker.topics())
            if self._self.topics:
                if not self._joined or self._seen != group.generation:
                    return False
            elif group.busy():
                return False
            group.positions.update(positions)
            return True

    def beginning(self, partition: Partition) -> int:
        with self._broker.changed:
            return self._log(partition).begin

    def end(self, partition: Partition) -> int:
        with self._broker.changed:
            return self._log(partition).end

    def close(self) -> None:
        with self._broker.changed:
            if self._joined and not self._self.fenced:
                self._group().leave(self._self, self._broker.topics())
                self._broker.changed.notify_all()
            self._joined = False
            self._self.topics = ()
            self._positions = {}
