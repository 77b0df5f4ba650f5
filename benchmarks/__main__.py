"""``python -m benchmarks``: what Hutong costs beside its peers, in one run on one machine."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.environments import pythons
from benchmarks.latency import RATES, latencies
from benchmarks.machine import describe
from benchmarks.measured import Alive, Measured
from benchmarks.plot import draw
from benchmarks.report import page
from benchmarks.rounds import Rounds, Size, turns
from benchmarks.running import Failed
from benchmarks.scale import MILESTONES, Curve, curve
from benchmarks.screen import Bar, bar, show
from benchmarks.subjects import Kind
from benchmarks.targets import told
from benchmarks.working import working
from hutong.errors import SettingsError
from local.supervisor import ROOT

HERE = Path(__file__).parent
NORMAL = Size(warm=2_000, count=15_000, rounds=5)
QUICK = Size(warm=1_000, count=3_000, rounds=1, bare=2, patient=10)
TICKETS, QUICK_TICKETS = 50_000, 3_000
SECONDS, QUICK_SECONDS = 20.0, 5.0

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def main(
    quick: Annotated[bool, typer.Option("--quick", help="One small round, to try: nothing is kept. 试跑")] = False,
    scale: Annotated[
        bool, typer.Option("--scale", help="Also the curve from 10^4 to 10^6 tickets: half an hour more. 规模曲线")
    ] = False,
    most: Annotated[int, typer.Option(min=MILESTONES[0], help="Tickets at the curve's end. 曲线终点")] = MILESTONES[-1],
    rounds: Annotated[int | None, typer.Option(min=1, help="How many rounds. 轮数")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on stdout. 输出 JSON")] = False,
) -> None:
    """Measure, write benchmarks/results.md, show both tables and what is red. 基准测试"""
    console, folder = Console(stderr=True), Path(os.environ.get("HUTONG_BENCH_HOME", ROOT / "build" / "benchmarks"))
    size = QUICK if quick else NORMAL
    size = replace(size, rounds=rounds) if rounds else size
    results = folder.absolute() if quick else HERE
    try:
        measured = _measure(console, folder.absolute(), size, results, quick=quick, most=most if scale else 0)
    except (Failed, SettingsError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    measured.write(results / "measured.json")
    if measured.curve:
        draw(measured.curve, results / "scale.svg")
    (results / "results.md").write_text(page(measured, "scale.svg"), encoding="utf-8")
    show(console, measured)
    console.print(f"written to {results / 'results.md'}", soft_wrap=True)
    if as_json:
        print(json.dumps(told(measured.figures())), flush=True)


def _measure(console: Console, folder: Path, size: Size, results: Path, *, quick: bool, most: int) -> Measured:
    """Everything, one after the other: nothing else runs beside what is measured. ``most`` is 0 without the curve."""
    machine, when = describe(), datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    known = pythons(folder / "environments", lambda text: console.print(text))
    steps = sum(len(turns(size, kind)) for kind in Kind) + len(RATES) + 3 + (3 if most else 0)
    with bar(console, steps) as steps_bar:
        comparing = Rounds(work / "rounds", known, size)
        runs = comparing.measure(
            lambda turn: steps_bar.step(f"{turn.kind}, round {turn.round + 1}: {turn.subject.name}")
        )
        alive = _alive(work / "town", steps_bar, quick=quick)
        found, found_on = (curve(work / "scale", known, most, steps_bar.step), when) if most else _former(results)
    shutil.rmtree(work, ignore_errors=True)
    return Measured(
        when=when,
        machine=machine,
        size=size,
        event_bytes=comparing.event_bytes,
        runs=runs,
        alive=alive,
        curve=found,
        curve_of=found_on,
    )


def _alive(home: Path, steps: Bar, *, quick: bool) -> Alive:
    tickets = QUICK_TICKETS if quick else TICKETS
    steps.step("starting a town")
    with working(home) as town:
        found = latencies(town, QUICK_SECONDS if quick else SECONDS, lambda rate: steps.step(f"{rate} events a second"))
        steps.step(f"filing {tickets:,} tickets")
        town.file(tickets)
        town.settle()
        return Alive(started=town.started, latencies=found, tickets=tickets, resident=town.resident())


def _former(results: Path) -> tuple[Curve, str]:
    """The curve that was measured before, if any, and when."""
    path = results / "measured.json"
    if not path.exists():
        return {}, ""
    former = Measured.read(path)
    return former.curve, former.curve_of


if __name__ == "__main__":
    app()
