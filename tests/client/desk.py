"""What the client's tests share: a water utility's ticket, and a handler that only takes."""

from __future__ import annotations

from collections.abc import Iterator

import hutong
from hutong import complaint, disposition
from hutong.event import Event
from tests.cities import CITY, TwinCity

WATER = "110000.water"
FILED = complaint.Filed(
    kind=complaint.Kind.COMPLAINT,
    channel="phone",
    category="public_service/water",
    area="110105026",
    narrative=hutong.Clear("没水"),
)
DISPATCHED = disposition.Dispatched(lead=WATER)


def take(events: Iterator[Event], count: int) -> list[Event]:
    """Handle the next ``count`` events."""
    taken = []
    for event in events:
        with event:
            taken.append(event)
        if len(taken) == count:
            break
    return taken


def dispatched(city: TwinCity) -> str:
    """A ticket that was filed and dispatched to the water utility."""
    hotline = city.connect(CITY)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    hotline.submit(DISPATCHED, ticket=ticket, wait="admitted")
    return ticket
