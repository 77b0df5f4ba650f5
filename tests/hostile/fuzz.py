"""``python -m tests.hostile.fuzz --minutes 10 [--seed S] [--json]``: throw hurt records at a city till time is up.

Every input passes the whole way: a log's bytes, kafka-python's decoder, the transport, admit with its store, deliver
now and then, and the CLI's renderer. What must hold of each outcome is in :mod:`tests.hostile.town`; whatever else is
raised is a crash, which is made small, written to ``tests/hostile/crashes`` and printed. The seed repeats the choices.
"""

from __future__ import annotations

import json
import logging
import secrets
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from hutong.logs import configure
from tests.hostile.crashing import Case, case_of, ends, keep
from tests.hostile.measuring import SUSPECT, Worst, forget, high_water, seconds_of
from tests.hostile.mutating import Input, Mutator
from tests.hostile.town import PARTITIONS, Outcome, Town
from tests.hostile.working import work

CHUNK = 50
MAX_CRASHES = 20
MB = 1024 * 1024
LARGEST, SLOWEST = 64 * MB, 10.0
"""Bytes and seconds that one record may take. Far above what is measured: the machine may be busy."""


class Run:
    """One run and its figures."""

    def __init__(self, home: Path, seed: int) -> None:
        self._home = home
        self._seed = seed
        self._round = 0
        self._chunk: list[Input] = []
        self.inputs = 0
        self.outcomes: Counter[str] = Counter()
        self.worst = Worst()
        self.crashes: list[str] = []
        self._begin()

    def _begin(self) -> None:
        """A town, at the start and after a crash."""
        self._round += 1
        self.town = Town(self._home / str(self._round))
        self._mutator = Mutator(self.town, self._seed + self._round)

    def chunk(self) -> None:
        """Fifty inputs; the one that may have taken much memory is measured again."""
        forget()
        base, suspects, crashed = high_water(), list[Input](), len(self.crashes)
        self._chunk.clear()
        for _ in range(CHUNK):
            made = self._mutator.next()
            self._chunk.append(made)
            self.one(made)
            if (now := high_water()) - base > SUSPECT:
                suspects.append(made)
                forget()
                base = high_water()
            else:
                base = max(base, now)
            if len(self.crashes) > crashed:
                return
        for made in suspects:
            self.worst.measured(made, lambda made: work(self.town, made))
        self._give_out()

    def one(self, made: Input) -> None:
        """Throw it; now and then twice, as judging again must say the same."""
        self.inputs += 1
        try:
            before: list[list[Outcome] | None] = []
            seconds = seconds_of(lambda made: before.append(work(self.town, made)), made)
            self.worst.timed(made, seconds)
            self._count(before[0])
            if self.inputs % 10 == 0:
                self._same(made, before[0])
        except Exception as error:  # noqa: BLE001  # a crash is whatever is raised
            self._crash(made, error)

    def _count(self, outcomes: list[Outcome] | None) -> None:
        if outcomes is None:
            self.outcomes["(wrong sum: ends the reader)"] += 1
        else:
            self.outcomes.update(outcome.code for outcome in outcomes)

    def _same(self, made: Input, before: list[Outcome] | None) -> None:
        if before is None or len(before) != 1:
            return
        again = work(self.town, made)
        assert again is not None
        want = "known" if before[0].code == "admitted" else before[0].code
        assert again[0].code == want, f"{before[0].code}, judged again: {again[0].code}"
        assert not again[0].returned_to, "told twice"

    def _give_out(self) -> None:
        try:
            self.town.deliver()
        except Exception as error:  # noqa: BLE001  # the same
            cases = (case_of(self.town, made) for made in self._chunk)
            guilty = next((case for case in cases if ends(case)), None)
            self._crash(Input(batches=b"", partition=0, how="deliver, after several inputs"), error, guilty)
            return
        for topic, logs in self.town.city.transport.logs.items():  # what was read is not needed again
            if topic == "submissions" or topic.startswith("deliveries."):
                for number, log in enumerate(logs):
                    self.town.city.transport.truncate(topic, number, log.end)

    def _crash(self, made: Input, error: Exception, case: Case | None = None) -> None:
        told = f"{type(error).__name__}: {error}"[:500]
        path = keep(case or case_of(self.town, made), told)
        self.crashes.append(f"{told}  →  {path}")
        typer.echo(f"CRASH {self.crashes[-1]}", err=True)
        self.town.close()
        self._begin()

    def figures(self) -> dict[str, object]:
        """What the run came to."""
        return {
            "seed": self._seed,
            "inputs": self.inputs,
            "records": sum(self.outcomes.values()),
            "admitted": self.outcomes["admitted"],
            "known": self.outcomes["known"],
            "outcomes": dict(self.outcomes.most_common()),
            "crashes": len(self.crashes),
            "largest_mb": round(self.worst.bytes / MB, 1),
            "largest": self.worst.largest,
            "slowest_ms": round(self.worst.seconds * 1000, 1),
            "slowest": self.worst.slowest,
        }


def fuzz(
    minutes: Annotated[float, typer.Option(help="How long.", min=0.01)] = 10.0,
    seed: Annotated[int | None, typer.Option(help="Repeats the choices of the run that printed it.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object, last.")] = False,
) -> None:
    """Throw hurt records at a city. Exit code 1: something crashed, an invariant broke, or one took too much."""
    configure("fuzz", level=logging.ERROR)
    seed = secrets.randbelow(2**32) if seed is None else seed
    typer.echo(f"seed {seed}, {minutes:g} minutes, {PARTITIONS} partitions", err=True)
    ends = time.monotonic() + minutes * 60
    with tempfile.TemporaryDirectory() as home:
        run = Run(Path(home), seed)
        while time.monotonic() < ends and len(run.crashes) < MAX_CRASHES:
            run.chunk()
    figures = run.figures()
    if json_:
        typer.echo(json.dumps(figures))
    else:
        for name, value in figures.items():
            typer.echo(f"{name:12} {value}")
        for crash in run.crashes:
            typer.echo(f"CRASH {crash}")
    excess = run.worst.bytes > LARGEST or run.worst.seconds > SLOWEST
    if excess:
        typer.echo(f"TOO MUCH for one record; at most {LARGEST // MB} MB and {SLOWEST:g} s", err=True)
    raise typer.Exit(1 if run.crashes or excess else 0)


if __name__ == "__main__":
    typer.run(fuzz)
