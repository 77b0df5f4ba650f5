"""The one consume loop. Every service and every department's program stands on it.

It yields batches per partition and knows nothing of what they mean. After each rebalance it asks its owner where to
go on, because positions kept by the group are hints (design, promise 3).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog

from hutong.errors import Unavailable
from hutong.transport import Consumer, Partition, Position, Record

_log = structlog.get_logger()

Taken = Callable[[frozenset[Partition]], Mapping[Partition, int]]
"""Called once per assignment with the partitions now owned; says for each the offset to go on at. May take long."""

POLL_SECONDS = 0.5
_BACK_OFF_SECONDS = 0.5
_GLANCE_SECONDS = 0.05


class Loop:
    """Polls ``topics`` until :meth:`stop`.

    Fates of an error: *retriable* ones of the broker are waited out here, at the same place; every other passes
    through and ends the loop.
    """

    def __init__(self, consumer: Consumer, topics: Sequence[str], taken: Taken, *, max_records: int = 500) -> None:
        self._consumer = consumer
        self._topics = topics
        self._taken = taken
        self._max_records = max_records
        self._stopping = False
        self._generation = consumer.generation

    def stop(self) -> None:
        """End the loop after the batch in hand. Safe from a signal handler (a flag, no lock) or another thread."""
        self._stopping = True

    def wait(self, seconds: float) -> bool:
        """Wait, but no longer than until :meth:`stop`; whether it was called."""
        deadline = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < deadline:
            time.sleep(_GLANCE_SECONDS)
        return self._stopping

    def over(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopping

    def batches(self) -> Iterator[tuple[Partition, list[Record]]]:
        """Records in offset order per partition, each batch to be finished before the next is asked for."""
        self._consumer.subscribe(self._topics)
        while not self.over():
            try:
                polled = self._consumer.poll(POLL_SECONDS, self._max_records)
            except Unavailable as error:
                _log.warning("broker away, waiting", error=str(error))
                self.wait(_BACK_OFF_SECONDS)
                continue
            if self._consumer.generation != self._generation:
                self._take()  # what was polled before the new positions were known is read again
                continue
            for partition, records in polled.items():
                if self.over() or self._consumer.generation != self._generation:
                    break
                yield partition, records

    def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Commit; a lost chance is harmless, since marks and ledger say more than the group's positions."""
        try:
            if not self._consumer.commit(positions):
                _log.info("commit made moot by a rebalance", partitions=[str(p) for p in positions])
        except Unavailable as error:
            _log.warning("commit failed, the next one carries it", error=str(error))

    def _take(self) -> None:
        self._generation = self._consumer.generation
        assignment = self._consumer.assignment()
        if not assignment:
            return
        starts = self._taken(assignment)
        for partition in assignment:
            self._consumer.seek(partition, starts[partition])


def read_to(consumer: Consumer, ends: Mapping[Partition, int], *, patience: float = 30.0) -> Iterator[Record]:
    """Records of the assigned partitions from where the consumer stands up to ``ends`` (offsets, exclusive).

    Raises:
        Unavailable: nothing came for ``patience`` seconds before an end was reached: a transaction hangs, or the
            broker is away. Names the partition.
    """
    waiting = {partition for partition, end in ends.items() if consumer.position(partition) < end}
    deadline = time.monotonic() + patience
    while waiting:
        for partition, records in consumer.poll(0.02).items():
            end = ends.get(partition, 0)
            yield from (record for record in records if record.offset < end)
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
