"""``python -m services.intake FILE``: files what another system exported."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.intake.command import BATCH, Options, run
from services.intake.filing import Times
from services.intake.sources import Format


def main(
    file: Annotated[
        Path, typer.Argument(help="CSV, Open311 JSON or JSON lines, .gz too; - is the standard input. 数据文件")
    ],
    format: Annotated[
        Format | None, typer.Option(help="What the file is; seen from it, if not given. 文件格式")
    ] = None,
    mapping: Annotated[
        str | None, typer.Option("--map", help="Mapping of CSV or Open311: name or file. 字段映射")
    ] = None,
    system: Annotated[str, typer.Option(help="Code of the system that JSON lines come from. 来源系统")] = "jsonl",
    report: Annotated[Path | None, typer.Option(help="Where to tell of bad rows. 问题行报告")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many rows. 最多行数")] = None,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Tickets under one signature. 每批条数")] = BATCH,
    event_times: Annotated[
        Times, typer.Option(help="Date tickets as their rows (older than 7 days: right backfill), or now. 时间")
    ] = Times.ROW,
    as_json: Annotated[bool, typer.Option("--json", help="End with the account as one JSON object. JSON 输出")] = False,
) -> None:
    """File every row once, however often a file is given. Bad rows are reported, and the rest goes on. 受理"""
    options = Options(
        file=file, format=format, mapping=mapping, system=system, report=report, limit=limit, batch=batch,
        times=event_times, as_json=as_json,
    )  # fmt: skip
    run(options)


if __name__ == "__main__":
    typer.run(main)
