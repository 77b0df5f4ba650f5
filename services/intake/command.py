"""The command around a filing: settings, progress, account, exit code."""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

import hutong
from hutong.logs import configure
from hutong.rules.territory import Territory
from services.disposable import whose_state
from services.intake.filing import Filing, Times
from services.intake.handler import Account
from services.intake.report import Report
from services.intake.sources import Format, entries
from services.intake.store import FiledStore

NAME = "intake"
BATCH = 500
"""Tickets under one signature, and admitted before the next: few round trips, and a crash has little to look up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What stood on the command line; see ``python -m services.intake --help``."""

    file: Path
    format: Format | None = None
    mapping: str | None = None
    system: str = "jsonl"
    report: Path | None = None
    limit: int | None = None
    batch: int = BATCH
    times: Times = Times.ROW
    as_json: bool = False


def run(options: Options) -> NoReturn:
    """File, tell the account, and exit: with :func:`code_of` it; 1 where the outcome is unknown; 2 where something must
    be mended first."""
    configure(NAME)
    try:
        settings = hutong.Settings.load()
        with hutong.connect(NAME, settings) as bus:
            account = intake(bus, settings, options)
    except (hutong.SettingsError, hutong.Unavailable) as error:
        _end(2, str(error))
    except hutong.BusError as error:
        _end(1, f"{error}; run it again: what is filed already is not filed twice")
    except KeyboardInterrupt:
        _end(130, "stopped; run it again to go on where it stood")
    sys.exit(code_of(account))


def code_of(account: Account) -> int:
    """0; 1 where there were rows, and none was filed or known. A day without rows alarms nobody."""
    return 0 if account.filed + account.known or not account.rows else 1


def intake(bus: hutong.Bus, settings: hutong.Settings, options: Options) -> Account:
    """File the rows of ``options`` and print the account."""
    began = time.monotonic()
    path = options.report or settings.home / "state" / NAME / f"{options.file.name}.report.jsonl"
    found = islice(entries(options.file, options.mapping, options.system, options.format), options.limit)
    with (
        closing(FiledStore(settings.home, settings.organisation, whose_state(settings))) as store,
        closing(Report(path)) as report,
        _progress() as progress,
    ):
        task = progress.add_task("受理", total=options.limit)
        territory = Territory.load(settings.city)
        filing = Filing(bus, store, report, times=options.times, batch=options.batch, territory=territory)
        try:
            filing.file(found, told=lambda account: progress.update(task, completed=account.rows))
        finally:  # also of a file that breaks off: what was read of it is settled
            if filing.account.settled():
                _print(filing.account, time.monotonic() - began, path, as_json=options.as_json)
    return filing.account


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


def _print(account: Account, seconds: float, report: Path, *, as_json: bool) -> None:
    counts = dict(account.counts())
    rate = account.rows / seconds if seconds else 0.0
    if as_json:
        print(json.dumps({**counts, "seconds": round(seconds, 2), "rows_per_second": round(rate, 1)}))
        return
    print(", ".join(f"{number} {name}" for name, number in counts.items()) + f" ({rate:.0f} rows/s)")
    if not account.rows:
        print("the file holds no rows")
    if account.rejected or account.refused:
        print(f"what became of the others: {report}")


def _end(code: int, text: str) -> NoReturn:
    print(text, file=sys.stderr)
    sys.exit(code)
