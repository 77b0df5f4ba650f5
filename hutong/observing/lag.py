"""How far a program is behind what its partitions hold."""

from __future__ import annotations

from collections.abc import Iterator

from hutong.errors import BusError
from hutong.loop import Loop
from hutong.observing.metrics import END, LAG, POSITION, STABLE, Ask, Reading
from hutong.transport import Transport


def lag(loop: Loop, transport: Transport) -> Ask:
    """Positions as the loop last knew them, and the broker's ends at this moment: a program that hangs shows its lag,
    too. While the broker does not answer there are positions alone."""

    def readings() -> Iterator[Reading]:
        positions = loop.positions
        for place, at in positions.items():
            yield Reading(metric=POSITION, labels=(place.topic, str(place.number)), value=at)
        try:
            found = transport.bounds(list(positions))
        except BusError:
            return
        for place, bounds in found.items():
            labels = (place.topic, str(place.number))
            yield Reading(metric=STABLE, labels=labels, value=bounds.stable)
            yield Reading(metric=END, labels=labels, value=bounds.end)
            yield Reading(metric=LAG, labels=labels, value=max(0, bounds.end - positions[place]))

    return readings
