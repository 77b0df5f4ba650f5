"""``python -m tests.chaos.sabotage.reader SYSTEM``: a department's system that handles everything at its door.

A complaint takes it a while, all else nothing. While the file ``--broken`` is there, every event fails.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

import hutong
from hutong import complaint
from services.serving import serve

WORK_SECONDS = 0.3


def main(system: str, broken: Annotated[Path | None, typer.Option(help="Fail while this is there.")] = None) -> None:
    """Handle everything at the door."""

    def work(bus: hutong.Bus) -> None:
        for event in bus.subscribe(receipts=True, refusals=True):
            with event:
                if broken is not None and broken.exists():
                    raise RuntimeError("the program is broken")
                if isinstance(event.data, complaint.Filed):
                    time.sleep(WORK_SECONDS)

    serve(system, work)


if __name__ == "__main__":
    typer.run(main)
