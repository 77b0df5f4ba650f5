"""The one consume loop. Every service and every department's program stands on it.

It yields batches per partition and knows nothing of what they mean. After each rebalance it asks its owner where to
go on, because positions kept by the group are hints (design, promise 3).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import structlog

from hutong.errors import OutOfRange, Unavailable
from hutong.observing.metrics import BATCH_RECORDS, BATCH_SECONDS, Meter
from hutong.transport import Consumer, Partition, Position, Record

_log = structlog.get_logger()

Taken = Callable[[frozenset[Partition]], Mapping[Partition, int]]
"""Called once per assignment with the partitions now owned, which may be none; says for each the offset to go on at.
May take long."""

POLL_SECONDS = 0.5
_BACK_OFF_SECONDS = 0.5
_GLANCE_SECONDS = 0.05
_KEEP_SECONDS = 10.0  # a member is thrown out of its group after minutes without a poll


class Loop:
    """Polls ``topics`` until :meth:`stop`.

    Fates of an error: *retriable* ones of the broker are waited out here, at the same place; every other passes
    through and ends the loop. Whoever needs long for a batch calls :meth:`keep` now and then, and whoever must wait
    calls :meth:`wait`: the member keeps its place in the group, and nothing is read meanwhile.

    ``from_beginning``: a position that the broker no longer has goes on where the log begins now, and the owner sees
    by what he reads what is missing. Without it, that is :class:`~hutong.errors.OutOfRange`. ``idle`` is how
    many seconds a poll waits for the first record at most, if that is less than :data:`POLL_SECONDS`. ``heartbeat`` is
    touched before each poll.
    """

    def __init__(
        self,
        consumer: Consumer,
        topics: Sequence[str],
        taken: Taken,
        *,
        max_records: int = 500,
        from_beginning: bool = False,
        idle: float | None = None,
        meter: Meter | None = None,
        heartbeat: Path | None = None,
    ) -> None:
        self._consumer = consumer
        self._topics = topics
        self._taken = taken
        self._max_records = max_records
        self._from_beginning = from_beginning
        self._idle = idle
        self._meter = meter or Meter()
        self.positions: Mapping[Partition, int] = {}
        """Where the partitions stood before the last poll, for a meter that is on; replaced, never changed, so that
        another thread may look."""
        self._heartbeat = heartbeat
        self._stopping = False
        self._generation = consumer.generation
        self._polled_at = time.monotonic()
        self._owed: dict[Partition, Position] = {}

    def stop(self) -> None:
        """End the loop after the batch in hand. Safe from a signal handler (a flag, no lock) or another thread."""
        self._stopping = True

    def over(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopping

    def moved(self) -> bool:
        """Whether the assignment changed since the batch in hand was read: another may be at work on it."""
        return self._consumer.generation != self._generation

    def wait(self, seconds: float) -> bool:
        """Wait without reading, as a member of the group. Whether to go on: False after :meth:`stop`, or when
        :meth:`moved`; then it ends early."""
        deadline = time.monotonic() + seconds
        self._consumer.pause(*self._consumer.assignment())
        try:
            while not self._stopping and not self.moved():
                left = deadline - time.monotonic()
                self._silent_poll(min(_GLANCE_SECONDS, max(left, 0.0)))
                if left <= 0:
                    break
        finally:
            if not self.moved():  # else _take does it
                self._consumer.resume(*self._consumer.assignment())
        return not self._stopping and not self.moved()

    def keep(self) -> bool:
        """Say to the group that this member lives, if it is time to. Whether to go on, as :meth:`wait`."""
        if time.monotonic() - self._polled_at > _KEEP_SECONDS:
            return self.wait(0)
        return not self.moved()

    def batches(self) -> Iterator[tuple[Partition, list[Record]]]:
        """Records in offset order per partition, each batch to be finished before the next is asked for."""
        for polled in self.rounds():
            for partition, records in polled.items():
                if self.over() or self.moved():
                    break
                yield partition, records

    def rounds(self) -> Iterator[dict[Partition, list[Record]]]:
        """What each poll brought, also when that is nothing. To be finished before the next is asked for; what is in
        hand when the assignment has :meth:`moved` is to be dropped, it is read again by whoever owns it now."""
        self._consumer.subscribe(self._topics)
        while not self.over():
            if self._owed:
                self.commit(dict(self._owed))
            try:
                if self._meter.on and not self.moved():
                    self.positions = {each: self._consumer.position(each) for each in self._consumer.assignment()}
                self._note_poll()
                polled = self._consumer.poll(self._poll_seconds(), self._max_records)
            except Unavailable as error:
                _log.warning("broker away, waiting", error=str(error))
                self.wait(_BACK_OFF_SECONDS)
                continue
            except OutOfRange:
                try:
                    if not self._begin_again():
                        raise
                except Unavailable:
                    self.wait(_BACK_OFF_SECONDS)
                continue
            if self.moved():
                self._take()  # what was polled before the new positions were known is read again
                continue
            began = time.monotonic()
            yield polled
            if polled and self._meter.on:
                self._meter.observe(BATCH_SECONDS, time.monotonic() - began)
                for partition, records in polled.items():
                    self._meter.observe(BATCH_RECORDS, len(records), partition.topic)

    def commit(self, positions: Mapping[Partition, Position]) -> bool:
        """Commit; whether it is done. A lost chance is harmless, since marks and ledger say more than the group's
        positions. Nothing is committed after the assignment :meth:`moved`: the broker would believe it. What the broker
        did not answer to is committed again before the next poll."""
        self._owed |= positions
        try:
            if not self.moved() and self._consumer.commit(positions):
                for partition in positions:
                    del self._owed[partition]
                return True
            _log.info("commit made moot by a rebalance", partitions=[str(p) for p in positions])
        except Unavailable as error:
            _log.warning("commit failed, again with the next", error=str(error))
        return False

    def _silent_poll(self, seconds: float) -> None:
        try:
            self._note_poll()
            self._consumer.poll(seconds)
        except (Unavailable, OutOfRange):  # of an earlier fetch; told again when reading goes on
            time.sleep(_GLANCE_SECONDS)

    def _note_poll(self) -> None:
        self._polled_at = time.monotonic()
        if self._heartbeat is not None:
            with contextlib.suppress(OSError):  # untouched it grows old, which is what a watchdog looks for
                self._heartbeat.touch()

    def _poll_seconds(self) -> float:
        return POLL_SECONDS if self._idle is None else min(self._idle, POLL_SECONDS)

    def _begin_again(self) -> bool:
        """Go on at the beginning where a position lies before it; whether there was one, and it is allowed."""
        begun = False
        for partition in self._consumer.assignment() if self._from_beginning else ():
            begin = self._consumer.beginning(partition)
            if self._consumer.position(partition) < begin:
                _log.warning("the broker no longer has the position, going on at its beginning", at=str(partition))
                self._consumer.seek(partition, begin)
                begun = True
        return begun

    def _take(self) -> None:
        while self.moved():
            self._owed.clear()
            self._generation = self._consumer.generation
            assignment = self._consumer.assignment()
            starts = self._taken(assignment)
            if self.moved():
                continue  # it polled while it had to wait for the broker
            self._consumer.resume(*assignment)  # a partition kept from before is still paused
            for partition in assignment:
                self._consumer.seek(partition, starts[partition])


def read_to(consumer: Consumer, ends: Mapping[Partition, int], *, patience: float = 30.0) -> Iterator[Record]:
    """Records of the assigned partitions from where the consumer stands up to ``ends`` (offsets, exclusive).

    A poll may bring more than that. It is put back, so that a next call goes on after the last record given; whoever
    breaks off before he was given all must seek before he reads on.

    Raises:
        Unavailable: nothing came for ``patience`` seconds before an end was reached: a transaction hangs, or the
            broker is away. Names the partition.
    """
    beyond: dict[Partition, int] = {}
    waiting = {partition for partition, end in ends.items() if consumer.position(partition) < end}
    deadline = time.monotonic() + patience
    try:
        while waiting:
            for partition, records in consumer.poll(0.02).items():
                end = ends.get(partition, 0)
                wanted = [record for record in records if record.offset < end]
                if len(wanted) < len(records):
                    beyond.setdefault(partition, records[len(wanted)].offset)
                yield from wanted
                deadline = time.monotonic() + patience
            done = {partition for partition in waiting if consumer.position(partition) >= ends[partition]}
            if done:
                waiting -= done
                deadline = time.monotonic() + patience
            if waiting and time.monotonic() > deadline:
                stuck = min(waiting)
                raise Unavailable(
                    f"{stuck.topic}/{stuck.number} stays at offset {consumer.position(stuck)} before its end "
                    f"{ends[stuck]} for {patience:.0f} s: a transaction hangs there, or the broker is away"
                )
    except GeneratorExit:
        beyond.clear()  # broken off: the consumer may be closed by now
        raise
    finally:
        for partition, offset in beyond.items():
            consumer.seek(partition, offset)


def read_all(consumer: Consumer, places: Sequence[Partition]) -> Iterator[Record]:
    """Everything that these partitions hold as of now, from their beginnings. Raises as :func:`read_to`."""
    consumer.assign(places)
    for place in places:
        consumer.seek(place, consumer.beginning(place))
    yield from read_to(consumer, {place: consumer.end(place) for place in places})
