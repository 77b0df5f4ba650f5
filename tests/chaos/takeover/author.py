"""``python -m tests.chaos.takeover.author``: files whole tickets as fast as it is let.

Each ticket gets six entries of the ledger, by the hotline and by its lead, and now and then one more that is refused.
While ``<folder>/hold`` is there it waits. It acts for two organisations, which only a test may.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

import hutong
from hutong import complaint, disposition
from hutong.events import EventData
from hutong.logs import configure
from hutong.settings import Settings
from services.owning.running import crash_only
from tests.chaos.city import CATEGORIES, WATER, WORKS

ENTRIES = 6
"""Ledger entries of one ticket."""
TOGETHER = 40
"""Tickets that are filed side by side: 80 events under one signature."""
REFUSED_EVERY = 6
"""One ticket of so many brings a refusal besides its entries: 2.7 % of all submissions."""
PHASES = 3
TIMEOUT = 30.0

Step = tuple[EventData, str]
"""What is said, of which ticket."""


def phase(number: int, tickets: Sequence[str], lead: str) -> tuple[bool, list[Step]]:
    """Two steps of every ticket's life, and who sends them: True is its lead, False the hotline."""
    helper = WORKS if lead == WATER else WATER
    steps: list[Step] = []
    for row, ticket in enumerate(tickets):
        wrong = row % REFUSED_EVERY == 0
        helpers = (helper,) if row % 3 == 0 else ()
        if number == 0:
            filed = complaint.Filed(
                kind=complaint.Kind.COMPLAINT, channel="phone", category=CATEGORIES[lead == WORKS], area="110105026"
            )
            sent = disposition.Dispatched(lead=lead, assistants=helpers)
            steps += [(filed, ticket), (sent, ticket)]
            if wrong and row % 2 == 0:
                steps.append((sent, ticket))  # superseded: binds, and is kept
        elif number == 1:
            steps += [(disposition.Accepted(), ticket), (disposition.Resolved(), ticket)]
            if wrong and row % 2:
                steps.append((disposition.Closed(reason="done"), ticket))  # not entitled: may pass, is told once
        else:
            called = disposition.CalledBack(contacted=True, resolved=True)
            steps += [(called, ticket), (disposition.Closed(reason="done"), ticket)]
    return number == 1, steps


def groups(tickets: int) -> Iterator[int]:
    """How many to file side by side, until all are filed."""
    while tickets > 0:
        yield min(TOGETHER, tickets)
        tickets -= TOGETHER


class Author:
    """Files as the hotline and as the two leads."""

    def __init__(self, hotline: hutong.Bus, leads: Mapping[str, hutong.Bus], hold: Path) -> None:
        self._hotline = hotline
        self._leads = leads
        self._hold = hold

    @classmethod
    def of(cls, name: str, settings: Settings, hold: Path) -> Author:
        """With the keys of all three, which lie side by side in a city on one machine."""

        def connect(organisation: str) -> hutong.Bus:
            key = settings.home / "keys" / f"{organisation}.pem"
            return hutong.connect(name, settings.model_copy(update={"organisation": organisation, "key": key}))

        return cls(connect(settings.organisation), {lead: connect(lead) for lead in (WATER, WORKS)}, hold)

    def file(self, tickets: int) -> None:
        """File so many tickets, from the complaint to the closed file."""
        for turn, count in enumerate(groups(tickets)):
            lead = (WATER, WORKS)[turn % 2]
            names = [self._hotline.draft(_any_complaint()).ticket for _ in range(count)]
            for number in range(PHASES):
                while self._hold.exists():
                    time.sleep(0.05)
                by_lead, steps = phase(number, names, lead)
                self._send(self._leads[lead] if by_lead else self._hotline, steps)

    @staticmethod
    def _send(bus: hutong.Bus, steps: Sequence[Step]) -> None:
        signed = bus._signing().sign([bus.draft(data, ticket=ticket) for data, ticket in steps])
        while True:
            try:
                bus.resend(signed, timeout=TIMEOUT)
            except (hutong.Unconfirmed, hutong.Unavailable):
                time.sleep(0.2)
            else:
                return


def _any_complaint() -> complaint.Filed:
    return complaint.Filed(kind=complaint.Kind.COMPLAINT, channel="phone", category=CATEGORIES[0], area="110105026")


def main(
    name: str,
    tickets: Annotated[int, typer.Option(help="How many to file.")],
    folder: Annotated[Path, typer.Option(help="Where it says that it is ready, and is told to hold.")],
) -> None:
    """File, and end."""

    def work() -> None:
        configure(name)
        author = Author.of(name, Settings.load(), folder / "hold")
        (folder / f"{name}.ready").touch()
        author.file(tickets)

    crash_only(work)


if __name__ == "__main__":
    typer.run(main)
