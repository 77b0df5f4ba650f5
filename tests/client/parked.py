"""A department that handles whole lives of tickets, and what waits in its dead letters."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import hutong
from hutong import complaint, disposition
from hutong.event import Event
from hutong.subscribing.deadletters import Fold, letters, topic_of
from hutong.subscribing.letters import Control, What, control_record
from hutong.transport import Partition, Record
from tests.cities import CITY, TwinCity
from tests.client.cutting import Wire
from tests.client.desk import DISPATCHED, FILED, WATER

LIFE = tuple(
    model.TYPE
    for model in (
        complaint.Filed,
        disposition.Dispatched,
        disposition.Accepted,
        disposition.Resolved,
        disposition.CalledBack,
        disposition.Closed,
    )
)
"""A ticket's events, as the water utility sees them with its receipts."""

Handle = Callable[[Event], None]


class Desk:
    """A handler that fails on what is in ``poison``, and remembers what it handled."""

    def __init__(self, *poison: tuple[str, str]) -> None:
        self.poison = set(poison)
        self.seen: list[tuple[str, str]] = []
        self.tries = 0

    def __call__(self, event: Event) -> None:
        self.tries += 1
        if (event.ticket, event.type) in self.poison:
            raise ValueError(f"cannot read {event.type}")
        self.seen.append((event.ticket, event.type))

    def of(self, ticket: str) -> list[str]:
        return [type_ for name, type_ in self.seen if name == ticket]


def lives(city: TwinCity, count: int) -> list[str]:
    """Tickets whose events came one of each ticket after another, so that each life is spread over the door."""
    hotline, water = city.connect(CITY), city.connect(WATER, system="author")
    tickets = [hotline.submit(FILED).ticket for _ in range(count)]
    steps: Sequence[tuple[hutong.Bus, Any]] = (
        (hotline, DISPATCHED),
        (water, disposition.Accepted()),
        (water, disposition.Resolved()),
        (hotline, disposition.CalledBack(contacted=True, resolved=True)),
        (hotline, disposition.Closed(reason="resolved")),
    )
    for bus, data in steps:
        for ticket in tickets:
            bus.submit(data, ticket=ticket, wait="admitted")
    return tickets


def run(city: TwinCity, handle: Handle, *, wire: Wire | None = None, system: str = "desk", **given: Any) -> None:
    """One life of the system: until nothing is left to do, or it ends with an error. No retries, unless given."""
    wire = wire or Wire(city.transport)
    settings = city.settings(WATER, **{"retries": 0, "deadletter_share": 1, **given})
    with contextlib.closing(hutong.connect(system, settings, transport=wire)) as bus:
        wire.rest = bus.stop
        for event in bus.subscribe(receipts=True, refusals=True):
            with event:
                handle(event)


def fold(city: TwinCity) -> Fold:
    """The water utility's dead letters as of now."""
    return letters(city.transport, WATER, city.transport.topics()[topic_of(WATER)])


def waiting(city: TwinCity, system: str = "desk") -> list[tuple[str, str]]:
    """Ticket and type of every open letter."""
    return [(letter.ticket, letter.type) for letter, _ in fold(city).letters() if letter.system == system]


def control(city: TwinCity, what: What, ticket: str, *, letter: int | None = None, system: str = "desk") -> None:
    """What a person decides about a ticket."""
    for place in [place for place in fold(city).tickets if (place.system, place.key) == (system, ticket.encode())]:
        record = Control(
            what=what, system=system, key=place.key, letter=letter, reason="因", by="ann", at_ms=time.time_ns() // 10**6
        )
        city.transport.producer(client_id="ann").send(
            [control_record(record, topic=topic_of(WATER), partition=place.partition)], timeout=1
        )


def door(city: TwinCity, topic: str = f"deliveries.{WATER}") -> list[Record]:
    """All records of a topic, one partition after another."""
    reader = city.transport.consumer(client_id="raw")
    places = [Partition(topic, number) for number in range(city.transport.topics()[topic])]
    reader.assign(places)
    for place in places:
        reader.seek(place, reader.beginning(place))
    polled = reader.poll(0, 100_000)
    return [record for place in places for record in polled.get(place, [])]
