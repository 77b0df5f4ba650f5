"""``python -m services.desk``: answers for the organisation of the settings."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

import hutong
from hutong.settings import Settings
from services.desk import handler, history
from services.desk.answering import answer
from services.desk.habits import Habits
from services.desk.store import CaseStore
from services.disposable import whose_state
from services.drawing import Chance
from services.exports import Export, read_rows
from services.serving import serve
from services.tables import read_table

NAME = "desk"


def main(
    decline_share: Annotated[float, typer.Option(min=0, max=1, help="Share it declines at first. 退单率")] = 0.03,
    habits: Annotated[Path | None, typer.Option(help="What else it does, in which shares (YAML). 办理习惯")] = None,
    seed: Annotated[int, typer.Option(help="Another seed decides otherwise. 随机种子")] = 0,
    hour: Annotated[float, typer.Option(min=0.001, help="How many seconds an hour takes here. 每小时秒数")] = 3600.0,
    past: Annotated[Path | None, typer.Option("--history", help="Play this export (CSV) again. 历史数据")] = None,
    mapping: Annotated[str | None, typer.Option("--map", help="Its mapping: name or file. 字段映射")] = None,
) -> None:
    """Answer for an organisation: as lead unit, as assistant, as supervisor. 办理、协办、督办"""

    def work(bus: hutong.Bus) -> None:
        if past is None:
            simple = Habits(decline=Chance(share=decline_share))
            usual = simple if habits is None else read_table(habits, Habits)
            settings = Settings.load()
            with contextlib.closing(CaseStore(settings.home, bus.organisation, whose_state(settings))) as cases:
                desk = handler.Desk(bus.organisation, usual, cases=cases, seed=seed, hour=timedelta(seconds=hour))
                answer(bus, desk, rebuild=None if cases.rebuilt else cases.rebuilding())
        else:
            export = Export.load(mapping)
            history.play(bus, history.HistoricDesk(bus.organisation, export, read_rows(past, export)))

    serve(NAME, work)


if __name__ == "__main__":
    typer.run(main)
