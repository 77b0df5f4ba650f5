"""``python -m tests.chaos.crew SYSTEM``: a department's system on the public client, one of several instances.

It answers what it is asked to lead. With ``--mended FILE`` it fails at some tickets, by their hash, until FILE is
there: those tickets are parked, and the test's operator has them replayed or skipped.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

import hutong
from hutong import disposition
from services.serving import serve

ONE_IN = 40
"""Of so many tickets, one fails."""


def fails(ticket: str) -> bool:
    """Whether the program cannot handle this ticket (before it is mended)."""
    return int.from_bytes(sha256(ticket.encode()).digest()[:4], "big") % ONE_IN == 0


def answers(event: hutong.Event, organisation: str) -> list[hutong.EventData]:
    """What the crew says to an event."""
    match event.data:
        case disposition.Dispatched(lead=lead) if lead == organisation:
            return [disposition.Accepted(), disposition.Resolved(report=hutong.Clear("已修好。"))]
        case disposition.Reopened():
            return [disposition.Resolved(report=hutong.Clear("再次修好。"))]
    return []


def main(
    system: str,
    mended: Annotated[Path | None, typer.Option(help="Fail at some tickets until this file is there.")] = None,
) -> None:
    """Handle everything at the door."""

    def work(bus: hutong.Bus) -> None:
        for event in bus.subscribe(receipts=True, refusals=True):
            with event:
                if mended is not None and fails(event.ticket) and not mended.exists():
                    raise RuntimeError(f"the crew's program cannot handle ticket {event.ticket} yet")
                drafts = [bus.draft(data, answers=event) for data in answers(event, bus.organisation)]
                bus.submit_batch(drafts)

    serve(system, work)


if __name__ == "__main__":
    typer.run(main)
