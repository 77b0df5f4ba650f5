"""A city whose time the test sets, and its clock 时限: what the tests of limits on a whole city share."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

import hutong
import services.admit.owner
from hutong.looking import all_delivered, look
from hutong.rules.deadlines import Timekeeping
from hutong.transport import Partition
from services.clock.handler import Clock, Courses
from services.clock.keeping import keep_time
from services.clock.store import CourseStore
from tests.cities import CITY, TwinCity
from tests.client.lives import at, filed

CLOCK, WATER = "110000.clock", "110000.water"
BEGIN = at("2026-06-01 10:00")
"""A Monday."""


class Town:
    """A city with a hotline, a water utility and a clock; admit stamps :attr:`now`."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = BEGIN
        clocks = SimpleNamespace(time_ns=lambda: self.ms * 1_000_000, monotonic=time.monotonic)
        monkeypatch.setattr(services.admit.owner, "time", clocks)
        self.city = TwinCity(home)
        self.city.register(WATER, level="utility", rights=["backfill"])
        self.city.register(CLOCK, rights=["clock", "see_all"])
        self.city.take_over()
        self.hotline = self.city.connect(CITY)
        self.water = self.city.connect(WATER)

    @property
    def ms(self) -> int:
        """The time in the city, in milliseconds."""
        return round(self.now.timestamp() * 1000)

    def at(self, text: str) -> Town:
        """Go on to a moment, by Beijing's clocks."""
        self.now = at(text)
        return self

    def file(self, *, happened: datetime | None = None) -> str:
        """File an ordinary complaint, now; its ticket."""
        data = filed().model_copy(update={"category": "traffic"})
        return self.hotline.submit(data, time=happened or self.now, wait="admitted").ticket

    def does(self, bus: hutong.Bus, ticket: str, *steps: hutong.EventData) -> None:
        """Take these steps, now."""
        for data in steps:
            bus.submit(data, ticket=ticket, time=self.now.astimezone(UTC), wait="admitted")

    def run_clock(self, *, looks: int = 3, store: Callable[[CourseStore], Courses] = lambda store: store) -> None:
        """Start the clock, let it look at the time so often, stop it."""
        keeping = Timekeeping.load(CITY)
        assert keeping is not None
        left = looks

        def now() -> int:
            nonlocal left
            left -= 1
            if left <= 0:
                bus.stop()
            return self.ms

        with (
            closing(CourseStore(self.city.home, CLOCK, {})) as courses,
            hutong.connect("clock", self.city.settings(CLOCK), transport=self.city.transport) as bus,
            look(self.city.transport, self.now) as view,
        ):
            clock = Clock(keeping, store(courses), patience_ms=2000)
            rebuild = None if courses.rebuilt else courses.rebuilding()
            keep_time(bus, clock, delivered=partial(all_delivered, view, CITY), rebuild=rebuild, now=now)

    def said(self, ticket: str | None = None) -> list[str]:
        """What the clock said, as the ledger has it: type, limit, and when it was due by Beijing's clocks."""
        return [
            _told(event) for event in self.hotline.replay() if event.source == CLOCK and ticket in (None, event.ticket)
        ]

    def submitted(self) -> int:
        """How many submissions there were, by anybody."""
        consumer = self.city.transport.consumer(client_id="test", committed=False)
        return sum(consumer.end(Partition("submissions", number)) for number in range(2))

    def refused(self) -> list[str]:
        """What of the clock was refused."""
        door = self.city.connect(CLOCK).replay(source="deliveries")
        return [f"{_told(event)}: {event.refusal.code}" for event in door if event.refusal]


def _told(event: hutong.Event) -> str:
    due = getattr(event.data, "due", None)
    what = event.type.split(".")[1]
    if due is None:
        return what
    return f"{what} {getattr(event.data, 'limit', '')} {due + timedelta(hours=8):%m-%d %H:%M}"
