"""``python -m services.desk``: answers for the organisation of the settings."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

import hutong
from hutong.settings import Settings
from services.desk import handler, history
from services.desk.store import LeadStore
from services.exports import Export, read_rows
from services.serving import serve

NAME = "desk"


def answer(bus: hutong.Bus, desk: handler.Desk) -> None:
    """Answer as the desk decides; what belongs together under one signature, in order.

    A ticket it was never told of (its file was lost, or another machine's desk had it) makes it read its door again.
    """
    for event in bus.subscribe(types=handler.WANTED):
        if not desk.knows(event):
            for earlier in bus.replay(source="deliveries"):
                desk.learn(earlier)
        with event:
            bus.submit_batch([bus.draft(data, answers=event) for data in desk.answers(event)])


def main(
    decline_share: Annotated[float, typer.Option(min=0, max=1, help="Share it declines at first. 退单率")] = 0.03,
    past: Annotated[Path | None, typer.Option("--history", help="Play this export (CSV) again. 历史数据")] = None,
    mapping: Annotated[str | None, typer.Option("--map", help="Its mapping: name or file. 字段映射")] = None,
) -> None:
    """Accept and resolve what the organisation is asked to lead. 办理"""

    def work(bus: hutong.Bus) -> None:
        if past is None:
            with contextlib.closing(LeadStore(Settings.load().home, bus.organisation)) as leads:
                answer(bus, handler.Desk(bus.organisation, decline_share=decline_share, leads=leads))
        else:
            export = Export.load(mapping)
            history.play(bus, history.HistoricDesk(bus.organisation, export, read_rows(past, export)))

    serve(NAME, work)


if __name__ == "__main__":
    typer.run(main)
