"""Random lives of tickets through the real admit, against a model written by hand: ``python -m tests.services.walks``.

Prints tickets, steps, what was admitted, what was refused by code, and every disagreement; exits with 1 where there
is one.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

import hutong
from hutong.loop import read_all
from hutong.transport import Partition
from hutong.wire.stamps import RefusalStamp, unpack_record
from tests.cities import CITY, TwinCity
from tests.services.expected_life import ENDED, PARENTS, RIGHTS, Life, Step, expect
from tests.services.walk_steps import DAY, chosen

IN_ONE_CITY = 500
"""Tickets that share one city in memory; the next ones are given a new one."""
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Walk:
    """A ticket's steps, in order, and what the model expects of each: the code of its refusal, or nothing."""

    ticket: str
    steps: Sequence[Step]
    expected: Sequence[str]


@dataclass(slots=True)
class Account:
    """What the walks came to."""

    tickets: int = 0
    steps: int = 0
    admitted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    by_step: Counter[str] = field(default_factory=Counter)
    """Admitted events by type."""
    disagreements: list[str] = field(default_factory=list)

    def add(self, walk: Walk, outcomes: Sequence[str]) -> None:
        """Compare a walk with what became of it."""
        self.tickets += 1
        for number, (step, expected, found) in enumerate(zip(walk.steps, walk.expected, outcomes, strict=True), 1):
            self.steps += 1
            if found:
                self.refused[found] += 1
            else:
                self.admitted += 1
                self.by_step[step.data.TYPE] += 1
            if found != expected:
                self.disagreements.append(
                    f"{walk.ticket}, step {number}: {step.data.TYPE} by {step.author}: the model says "
                    f"{expected or 'admitted'}, admit {found or 'admitted'}"
                )


def ticket(number: int) -> str:
    """The id of the walk with this number."""
    return f"{CITY}-{DAY}-" + "".join(_DIGITS[number >> 5 * place & 31] for place in range(9, -1, -1))


def walked(number: int, steps: Iterable[Step]) -> Walk:
    """These steps with what the model expects of them."""
    life: Life | None = None
    taken, codes = [], []
    for step in steps:
        code, life = expect(life, step)
        taken.append(step)
        codes.append(code)
    return Walk(ticket(number), taken, codes)


def random_walk(seed: int, number: int) -> Walk:
    """The walk with this number: the same for the same seed."""
    chance = random.Random(f"{seed} {number}")

    def steps() -> Iterator[Step]:
        life: Life | None = None
        for _ in range(chance.randint(3, 40)):
            step = chosen(chance, life, ticket(number))
            _, life = expect(life, step)
            yield step
            if life is not None and life.state in ENDED and chance.random() < 0.4:
                return

    return walked(number, steps())


def play(walks: Iterable[Walk], home: Path) -> Account:
    """Let admit judge every step, and compare."""
    account, waiting = Account(), iter(walks)
    while some := list(islice(waiting, IN_ONE_CITY)):
        with tempfile.TemporaryDirectory(dir=home) as folder, _city(Path(folder)) as city:
            for walk, outcomes in zip(some, _judged(city, some), strict=True):
                account.add(walk, outcomes)
    return account


def _city(home: Path) -> TwinCity:
    """The model's organisations, with the rights it gives them."""
    city = TwinCity(home, rights=("register", "replay", *RIGHTS[CITY]), delivers=False)
    for organisation, parent in PARENTS.items():
        city.register(organisation, parent=parent, rights=RIGHTS.get(organisation, ()))
    return city


def _judged(city: TwinCity, walks: Sequence[Walk]) -> list[list[str]]:
    """What admit made of each step of each walk: the code of its refusal, or nothing.

    Round by round: the first steps of all tickets, then the second ones, so that each author signs many at once.
    """
    busses = {author: city.connect(author) for author in (CITY, *PARENTS)}
    ids: dict[tuple[str, int], str] = {}
    city.lively = False
    for number in range(max(len(walk.steps) for walk in walks)):
        drafts: dict[str, list[hutong.Draft]] = {}
        for walk in walks:
            if number < len(walk.steps):
                step = walk.steps[number]
                draft = busses[step.author].draft(step.data, ticket=walk.ticket)
                drafts.setdefault(step.author, []).append(draft)
                ids[walk.ticket, number] = draft.id
        for author, made in drafts.items():
            busses[author].submit_batch(made)
        city.pump()
    outcomes = _outcomes(city)
    return [[outcomes[ids[walk.ticket, number]] for number in range(len(walk.steps))] for walk in walks]


def _outcomes(city: TwinCity) -> dict[str, str]:
    """Event id → the code of its refusal, nothing for what is on the ledger. Each exactly once."""
    found: dict[str, str] = {}
    for topic in ("ledger", "refusals"):
        places = [Partition(topic, number) for number in range(city.transport.topics()[topic])]
        with closing(city.transport.consumer(client_id="walks")) as consumer:
            for record in read_all(consumer, places):
                code, headers = "", dict(record.headers)
                if topic == "refusals":
                    code = RefusalStamp.from_bytes(headers["refusal"]).code
                    headers = dict(unpack_record(record.value or b"")[2])
                event = headers["ce_id"].decode()
                assert event not in found, f"{event} has two outcomes"
                found[event] = code
    return found


def main(
    tickets: Annotated[int, typer.Option(min=1, help="How many tickets are walked")] = 10_000,
    seed: Annotated[int, typer.Option(help="Another seed walks other ways")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="The account as one JSON object")] = False,
) -> None:
    """Walk tickets at random through admit, and hold every outcome against the model."""
    with tempfile.TemporaryDirectory() as folder:
        account = play((random_walk(seed, number) for number in range(tickets)), Path(folder))
    if as_json:
        print(json.dumps({
            "seed": seed, "tickets": account.tickets, "steps": account.steps, "admitted": account.admitted,
            "refused": dict(account.refused.most_common()), "by_step": dict(account.by_step.most_common()),
            "disagreements": account.disagreements,
        }))  # fmt: skip
    else:
        print(f"seed {seed}: {account.tickets} tickets, {account.steps} steps, {account.admitted} admitted")
        print("refused: " + ", ".join(f"{code} {count}" for code, count in account.refused.most_common()))
        print("admitted: " + ", ".join(f"{type_} {count}" for type_, count in account.by_step.most_common()))
        print("\n".join((f"{len(account.disagreements)} disagreements", *account.disagreements)))
    sys.exit(1 if account.disagreements else 0)


if __name__ == "__main__":
    typer.run(main)
