"""What the transactional producers of both transports have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from hutong.errors import BusError, Fenced, UnknownOutcome
from hutong.transport import Consumer, Outgoing, Partition, Placed, Position

FENCING = "fencing"
"""A transactional producer's first call, before which nothing of its process can have been written."""


class OneLife:
    """The life of a transactional producer: whatever fails once, leaves it of no use. ``name`` is its id."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.failure: BusError | None = None

    @contextmanager
    def at_stake(self) -> Iterator[None]:
        """What fails inside ends it, and is Fenced or UnknownOutcome; a dead one raises the same again."""
        if self.failure is not None:
            raise type(self.failure)(f"{self._name} is of no use after: {self.failure}")
        try:
            yield
        except (Fenced, UnknownOutcome) as error:
            self.failure = error
            raise
        except BusError as error:
            self.failure = UnknownOutcome(f"{self._name}: {error}")
            raise self.failure from error


def check_reader(positions: Mapping[Partition, Position] | None, consumer: Consumer | None, kind: type) -> None:
    """ValueError where positions are to be written that no consumer of this transport's ``kind`` has read."""
    if positions and not isinstance(consumer, kind):
        raise ValueError("positions belong to a group: give the consumer of this transport that read them")


def check_begins(
    name: str, records: Sequence[Outgoing], placed: Sequence[Placed], begins: Mapping[Partition, int]
) -> None:
    """UnknownOutcome where the first record for a partition does not lie where it must; see
    :meth:`hutong.transport.TransactionalProducer.write`. ``name`` is the writer's."""
    seen: set[Partition] = set()
    for record, place in zip(records, placed, strict=True):
        partition = Partition(record.topic, place.partition)
        if partition in seen:
            continue
        seen.add(partition)
        wanted = begins.get(partition, place.offset)
        if place.offset != wanted:
            raise UnknownOutcome(
                f"{name}: {partition.topic}/{partition.number} goes on at {place.offset}, but was read to its end at "
                f"{wanted}: a broker that had missed something told that end, or another process wrote since"
            )


def sweepings(partitions: Sequence[Partition]) -> list[Outgoing]:
    """One record for each partition, which nobody will see."""
    return [Outgoing(topic=topic, partition=number, key=b"", value=b"") for topic, number in partitions]


def ends_behind(partitions: Sequence[Partition], placed: Sequence[Placed]) -> dict[Partition, int]:
    """Where each partition ends: behind the record that was swept there, and the marker behind it."""
    return {partition: at.offset + 2 for partition, at in zip(partitions, placed, strict=True)}
