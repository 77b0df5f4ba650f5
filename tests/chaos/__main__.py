"""``python -m tests.chaos``: a city under load, and everything about it breaks."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from hutong.transport.choice import check_installed
from tests.chaos.run import Options, Result, run


def main(
    brokers: Annotated[int, typer.Option(help="1, or a cluster of 3.")] = 0,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same schedule.")] = None,
    short: Annotated[bool, typer.Option(help="A minute and a half of faults, one broker.")] = False,
    minutes: Annotated[float, typer.Option(help="End after so long, whatever was reached.")] = 45.0,
    submissions: Annotated[int, typer.Option(help="End when there are so many, and --faults too.")] = 100_000,
    faults: Annotated[int, typer.Option(help="See --submissions.")] = 150,
    rate: Annotated[float, typer.Option(help="Submissions a second, about.")] = 100.0,
    gap: Annotated[float, typer.Option(help="Seconds between two faults, on average.")] = 7.0,
    client: Annotated[str, typer.Option(help="The city's client library: kafka-python, confluent.")] = "kafka-python",
    keep: Annotated[Path | None, typer.Option(help="Folder of the run; kept.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Torment a city; exit with 1 if a promise was broken.

    At most two faults overlap, never two of the brokers, and never a kill, a pause and a zombie of one service. Going
    from one instance to three, a full disk, and a takeover beside a broker that is cut off may meet such a fault of the
    same service. Times are those of the schedule, or later, where what was hit before has not come back yet.
    """
    if brokers not in (0, 1, 3):
        raise typer.BadParameter("brokers: 1 or 3")
    check_installed(client)
    options = Options(
        brokers=brokers or (1 if short else 3),
        seed=secrets.randbelow(10**6) if seed is None else seed,
        seconds=65.0 if short else minutes * 60,
        submissions=submissions,
        faults=faults,
        gap=2.5 if short else gap,
        scale=rate / 100,
        brief=short,
        client=client,
    )
    home = keep or Path(tempfile.mkdtemp(prefix="hutong-chaos-"))
    home.mkdir(parents=True, exist_ok=True)
    _say(f"seed {options.seed}, {options.brokers} broker(s), folder {home}")
    began = time.monotonic()
    result = run(options, home.absolute(), _say)
    _tell(result, home, time.monotonic() - began)
    if as_json:
        print(
            json.dumps(
                {
                    "submissions": result.submissions,
                    "faults": sum(result.faults.values()),
                    "violations": len(result.violations),
                    "seed": result.seed,
                    "recovery_s": dict(sorted(result.recovery_s.items())),
                }
            ),
            flush=True,
        )
    if result.violations:
        sys.exit(1)
    if keep is None:
        shutil.rmtree(home, ignore_errors=True)


def _tell(result: Result, home: Path, seconds: float) -> None:
    _say("")
    _say(f"{'fault':<28} {'times':>5}  slowest recovery")
    for kind in sorted(result.faults):
        _say(f"{kind:<28} {result.faults[kind]:>5}  {result.recovery_s[kind]:>6.1f} s")
    for what, why in result.missing.items():
        _say(f"{what:<28} left out: {why}")
    verdict = result.verdict
    if verdict is not None:
        (home / "verdict.txt").write_text(verdict.summary() + "\n", encoding="utf-8")
        counts = verdict.counts
        _say(
            f"{result.submissions} submissions, {counts.ledger_events} on the ledger, {counts.refused} refused "
            f"{dict(counts.refused_by_code)}, {counts.deliveries} deliveries, {counts.handled} handled, "
            f"{result.parked} dead letters, {sum(result.again.values())} handled again"
        )
    _say(
        f"{sum(result.faults.values())} faults, at rest {result.rest_s:.1f} s after the last one, "
        f"seed {result.seed}, {seconds / 60:.1f} minutes"
    )
    found = result.violations
    for text in found[:20]:
        _say(f"VIOLATION {text}")
    _say(f"{len(found)} violations" + (f"; logs and history are kept in {home}" if found else ""))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)
