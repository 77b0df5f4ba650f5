"""What both transports write in a sweep, and what its places say."""

from __future__ import annotations

from collections.abc import Sequence

from hutong.transport import Outgoing, Partition, Placed


def sweepings(partitions: Sequence[Partition]) -> list[Outgoing]:
    """One record for each partition, which nobody will see."""
    return [Outgoing(topic=topic, partition=number, key=b"", value=b"") for topic, number in partitions]


def ends_behind(partitions: Sequence[Partition], placed: Sequence[Placed]) -> dict[Partition, int]:
    """Where each partition ends: behind the record that was swept there, and the marker behind it."""
    return {partition: at.offset + 2 for partition, at in zip(partitions, placed, strict=True)}
