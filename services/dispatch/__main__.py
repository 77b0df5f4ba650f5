"""``python -m services.dispatch``: dispatches what the organisation (the city's hotline) files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import hutong
from services.dispatch.handler import decide
from services.dispatch.routing import Routing
from services.serving import EventTimes, serve
from services.tables import read_table

NAME = "dispatch"


def dispatch(bus: hutong.Bus, routing: Routing, times: EventTimes) -> None:
    """Answer every filed ticket and every declined dispatch; one signature and one round trip for each."""
    wanted = (hutong.complaint.Filed, hutong.disposition.Declined)
    for event in bus.subscribe(types=wanted, receipts=True):  # the hotline files its tickets itself: its own receipts
        with event:
            steps = decide(event, organisation=bus.organisation, routing=routing, directory=bus.directory)
            bus.submit_batch([bus.draft(step, answers=event, time=times.of(event)) for step in steps])


def main(
    routing: Annotated[Path, typer.Option(help="The routing table (YAML): category × area → lead unit. 派单规则")],
    event_times: Annotated[
        EventTimes, typer.Option(help="Date answers now, or like the event they answer. 时间")
    ] = EventTimes.NOW,
) -> None:
    """Dispatch tickets to the unit that must answer them. 派单"""
    serve(NAME, lambda bus: dispatch(bus, read_table(routing, Routing), event_times))


if __name__ == "__main__":
    typer.run(main)
