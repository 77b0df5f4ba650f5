"""``python -m services.dispatch``: dispatches what the organisation (the city's hotline) files."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import structlog
import typer

import hutong
from hutong.settings import Settings
from services.dispatch.handler import WANTED, Dispatcher
from services.dispatch.opening import opened
from services.dispatch.routing import Routing
from services.dispatch.store import FilingStore
from services.disposable import whose_state
from services.serving import EventTimes, serve
from services.tables import read_table

NAME = "dispatch"

_log = structlog.get_logger()


def dispatch(bus: hutong.Bus, routing: Routing, times: EventTimes, filings: FilingStore, seed: int = 0) -> None:
    """Answer what is filed, merged and declined; one signature and one round trip for each event."""
    dispatcher = Dispatcher(bus.organisation, routing, filings, seed=seed)
    if not filings.rebuilt:
        with filings.rebuilding():
            for event in bus.replay(source="deliveries"):
                if event.refusal is None:
                    dispatcher.learn(event, opened(bus, event, routing, filings.key))
    for event in bus.subscribe(types=WANTED, receipts=True, refusals=True):  # the hotline files its tickets itself
        with event:
            if event.refusal is not None:
                _log.warning("refused", what=str(event), code=event.refusal.code, text=event.refusal.text)
                if event.refusal.code == "unknown_unit":
                    bus.refresh()
            steps = dispatcher.answers(event, opened(bus, event, routing, filings.key), bus.directory)
            drafts = [bus.draft(step.data, ticket=step.ticket, answers=event, time=times.of(event)) for step in steps]
            bus.submit_batch(drafts)


def main(
    routing: Annotated[Path, typer.Option(help="The routing table (YAML): category × area → lead unit. 派单规则")],
    event_times: Annotated[
        EventTimes, typer.Option(help="Date answers now, or like the event they answer. 时间")
    ] = EventTimes.NOW,
    seed: Annotated[int, typer.Option(help="Another seed decides other contests. 随机种子")] = 0,
) -> None:
    """Dispatch tickets to the unit that must answer them; merge repeats. 派单、并单"""

    def work(bus: hutong.Bus) -> None:
        settings = Settings.load()
        with contextlib.closing(FilingStore(settings.home, bus.organisation, whose_state(settings))) as filings:
            dispatch(bus, read_table(routing, Routing), event_times, filings, seed)

    serve(NAME, work)


if __name__ == "__main__":
    typer.run(main)
