"""Bringing a state up to where its log was read to: the snapshot first, where it fits the log, then the tail."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Protocol

import structlog

from hutong.loop import read_to
from hutong.transport import Consumer, Partition, Record, Transport
from services.owning.state import StateFile, Taken, digest_of

_log = structlog.get_logger()


class Derived(Protocol):
    """A state that follows from records alone."""

    @property
    def file(self) -> StateFile:
        """Where it is kept."""
        ...

    def take(self, record: Record) -> None:
        """Learn what a committed record says."""
        ...

    def keep(self) -> None:
        """Keep what was learned so far; it is committed on Kafka."""
        ...


_KEEP_EVERY = 1_000

Told = Callable[[int, int], None]
"""Called with how many offsets are behind and how many there are."""


def bring_up(
    derived: Derived,
    transport: Transport,
    ends: Mapping[Partition, int],
    *,
    scratch: bool = False,
    told: Told | None = None,
) -> None:
    """Read ``ends``' partitions up to these offsets into the state, from its snapshot on.

    ``scratch`` leaves the snapshot aside.

    Raises:
        Unavailable: a transaction hangs before an end, or the broker is away.
        SettingsError: the state cannot be written.
    """
    file, began, count = derived.file, time.monotonic(), 0
    with closing(transport.consumer(client_id=f"{file.belongs.service}.rebuild")) as reader:
        reader.assign(list(ends))
        starts = {place: reader.beginning(place) for place in ends}
        if not scratch:
            starts.update(_from_snapshot(file, reader, ends, starts))
        for place, start in starts.items():
            reader.seek(place, start)
        total = sum(max(0, end - starts[place]) for place, end in ends.items())
        last: dict[str, Record] = {}
        for record in read_to(reader, ends):
            derived.take(record)
            last[record.topic] = record
            count += 1
            if count % _KEEP_EVERY == 0:
                file.took(last.values())
                derived.keep()
                if told is not None:
                    told(sum(reader.position(place) - starts[place] for place in ends), total)
        file.took(last.values())
    derived.keep()
    file.work()
    if told is not None:
        told(total, total)
    _log.info(
        "state brought up",
        partition=file.belongs.partition,
        at={place.topic: starts[place] for place in ends},
        read=count,
        seconds=round(time.monotonic() - began, 2),
    )


def _from_snapshot(
    file: StateFile, reader: Consumer, ends: Mapping[Partition, int], begins: Mapping[Partition, int]
) -> Mapping[Partition, int]:
    """Where to read on behind the snapshot; nothing where there is none that fits this log."""
    if not file.restore():
        return {}
    taken = file.positions()
    places = {place: taken[place.topic] for place in ends if place.topic in taken}
    for place, position in places.items():
        why = _misfit(reader, place, position, begins[place], ends[place])
        if why is not None:
            file.discard(why)
            return {}
    return {place: position.offset for place, position in places.items()}


def _misfit(reader: Consumer, place: Partition, taken: Taken, begin: int, end: int) -> str | None:
    """Why this log is not the one that the snapshot was taken of, or None where it is."""
    where = f"{place.topic}/{place.number}"
    if taken.offset > end:
        return f"it knows {where} up to {taken.offset}, which counts only up to {end}"
    if taken.last < begin:
        return f"{where} begins at {begin}: the record it knows last, at {taken.last}, is gone"
    reader.seek(place, taken.last)
    record = next((r for r in read_to(reader, {place: taken.offset}) if r.offset == taken.last), None)
    if record is None or digest_of(record) != taken.digest:
        return f"{where}@{taken.last} is another record than the one it knows: another city, or a restored broker"
    return None
