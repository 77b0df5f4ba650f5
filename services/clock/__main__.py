"""``python -m services.clock``: keeps the city's time limits, for the organisation that holds ``clock``."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

import hutong
from hutong.looking import all_delivered, look
from hutong.rules.deadlines import Timekeeping
from hutong.settings import Settings
from hutong.transport.choice import transport_of
from services.clock.handler import Clock
from services.clock.keeping import keep_time
from services.clock.store import CourseStore
from services.disposable import whose_state
from services.serving import serve

NAME = "clock"


def main(
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for what may still be on its way to this door. 等候秒数")
    ] = 2.0,
) -> None:
    """Remind before a time limit ends, say when it has passed, escalate when nothing happens. 时限"""

    def work(bus: hutong.Bus) -> None:
        settings = Settings.load()
        keeping = Timekeeping.load(settings.city, time=settings.bus_time)
        if keeping is None:
            raise hutong.SettingsError(f"{settings.city} has no time limits: name a table in schemas/cities.yaml")
        with (
            contextlib.closing(transport_of(settings)) as transport,
            look(transport, datetime.now(UTC)) as view,
            contextlib.closing(CourseStore(settings.home, bus.organisation, whose_state(settings))) as store,
        ):
            clock = Clock(keeping, store, patience_ms=round(patience * 1000))
            rebuild = None if store.rebuilt else store.rebuilding()
            keep_time(bus, clock, delivered=partial(all_delivered, view, settings.city), rebuild=rebuild)

    serve(NAME, work)


if __name__ == "__main__":
    typer.run(main)
