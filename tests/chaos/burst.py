"""``python -m tests.chaos.burst``: an author who signs first and sends later, so that signing slows no sending.

It signs everything, says so by making ``<name>.ready``, waits for ``go``, and then sends at its rate. What is not
acknowledged it sends again, byte for byte. ``<name>.json`` says at the end how long it took.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import hutong
from hutong import complaint
from hutong.logs import configure
from hutong.settings import Settings
from hutong.submitting.outgoing import Signed
from services.owning.running import crash_only
from tests.chaos.city import CATEGORIES

TO_THE_SLOW_ONE = 20
"""One complaint of so many is for the department whose system is slow."""
TIMEOUT = 10.0


def sign(bus: hutong.Bus, events: int, batch: int) -> list[list[Signed]]:
    """Complaints, each for a department, ``batch`` of them under one signature."""
    author = bus._signing()
    signed = []
    for begin in range(0, events, batch):
        rows = range(begin, min(begin + batch, events))
        signed.append(author.sign([bus.draft(filed(row)) for row in rows]))
    return signed


def filed(row: int) -> complaint.Filed:
    """A complaint; few are for the slow department."""
    category = CATEGORIES[1 if row % TO_THE_SLOW_ONE == 0 else 0]
    return complaint.Filed(kind=complaint.Kind.COMPLAINT, channel="phone", category=category, area="110105026")


def send(bus: hutong.Bus, events: Sequence[Signed]) -> int:
    """Send until acknowledged; how often it had to be sent again."""
    again = 0
    while True:
        try:
            bus.resend(events, timeout=TIMEOUT)
        except (hutong.Unconfirmed, hutong.Unavailable):
            again += 1
            time.sleep(0.2)
        else:
            return again


def main(
    name: str,
    folder: Annotated[Path, typer.Option(help="Where the signs are given.")],
    events: Annotated[int, typer.Option(help="How many to send.")],
    rate: Annotated[float, typer.Option(help="How many a second; 0: as fast as it goes.")] = 0.0,
    batch: Annotated[int, typer.Option(help="Events under one signature.")] = 50,
) -> None:
    """Sign, wait, send."""

    def work() -> None:
        configure(name)
        with hutong.connect(name, Settings.load()) as bus:
            batches = sign(bus, events, batch)
            (folder / f"{name}.ready").touch()
            while not (folder / "go").exists():
                time.sleep(0.02)
            began = due = time.monotonic()
            again = 0
            for one in batches:
                time.sleep(max(0.0, due - time.monotonic()))
                again += send(bus, one)
                due += len(one) / rate if rate else 0.0
            report = {"events": events, "seconds": time.monotonic() - began, "again": again}
        (folder / f"{name}.json").write_text(json.dumps(report), encoding="utf-8")

    crash_only(work)


if __name__ == "__main__":
    typer.run(main)
