"""The rounds: topics filled, then every subject of a kind in turn, again and again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus import size_of
from benchmarks.measuring import Run
from benchmarks.running import SINK, Runner
from benchmarks.subjects import SUBJECTS, Home, Kind, Subject, interleaved
from benchmarks.town import Town, town
from hutong.transport import Outgoing

OPAQUE = "opaque"
"""The topic of records that are passed on bare: a key, and a value of the size of a whole event."""

SOURCES: Mapping[Kind, str] = {
    Kind.SINGLE: "submissions",
    Kind.BATCH: "submissions",
    Kind.BARE: OPAQUE,
    Kind.TYPED: "deliveries.110000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured: events before, and during the measurement, and how many rounds.

    ``bare`` times as many records are passed on bare, for that is done so fast; a ``patient``-th of them by one who
    waits for each.
    """

    warm: int
    count: int
    rounds: int
    bare: int = 4
    patient: int = 5

    def events(self, subject: Subject, *, bare: bool) -> int:
        """Over how many events this subject is measured."""
        return self.count // self.patient if subject.patient else self.count * (self.bare if bare else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One run to come."""

    kind: Kind
    subject: Subject
    round: int


Runs = dict[Kind, dict[str, list[Run]]]
"""What each subject of each kind measured, round by round."""


_TOWNS = ((Kind.SINGLE,), (Kind.BATCH, Kind.BARE, Kind.TYPED))
"""Kinds that are measured in one town, in this order, since each leaves what the next reads. Admit goes on only where
its submissions begin or its ledger ends, so they are never deleted."""


def turns(size: Size, kind: Kind) -> list[Turn]:
    """All runs of a kind, in their order."""
    return [
        Turn(kind=kind, subject=subject, round=number)
        for number in range(size.rounds)
        for subject in interleaved(SUBJECTS[kind])
    ]


class Rounds:
    """Measures in a town of one partition. ``event_bytes`` is the mean size of an event signed alone, known once
    topics are filled.

    Admit's last run leaves the ledger that deliver reads, and deliver's first the deliveries that are subscribed to.
    """

    def __init__(self, home: Path, pythons: Mapping[Home, Path], size: Size) -> None:
        self._home = home
        self._pythons = pythons
        self._size = size
        self.event_bytes = 0

    def measure(self, before: Callable[[Turn], None]) -> Runs:
        """Run all turns; ``before`` is called ahead of each. Raises Failed."""
        runs: Runs = {kind: {subject.name: [] for subject in subjects} for kind, subjects in SUBJECTS.items()}
        for kinds in _TOWNS:
            home = self._home / kinds[0]
            with town(home, partitions=1) as place:
                keys = home / "authors.json"
                keys.write_text(json.dumps(place.corpus(batched=False).keys()), encoding="utf-8")
                runner = Runner(place, home / "runs", self._pythons, keys)
                place.topic(SINK)
                for kind in kinds:
                    self._fill(place, kind)
                    for turn in turns(self._size, kind):
                        before(turn)
                        runs[kind][turn.subject.name].append(self._run(place, runner, turn))
        return runs

    def _run(self, place: Town, runner: Runner, turn: Turn) -> Run:
        if turn.subject.service == "admit":
            place.empty("ledger", "refusals")
        if turn.subject.service == "deliver":
            place.forget(f"{place.founded.city.id}.deliver")
        source = "ledger" if turn.subject.service == "deliver" else SOURCES[turn.kind]
        count = self._size.events(turn.subject, bare=source == OPAQUE)
        return runner.run(turn.subject, source, warm=self._size.warm, count=count)

    def _fill(self, place: Town, kind: Kind) -> None:
        """Have what this kind reads."""
        if kind in (Kind.SINGLE, Kind.BATCH):
            lives = place.corpus(batched=kind is Kind.BATCH).lives(self._size.warm + self._size.count + _BEYOND)
            if kind is Kind.SINGLE:
                self.event_bytes = round(sum(map(size_of, lives)) / len(lives))
            place.fill(lives)
        elif kind is Kind.BARE:
            place.topic(OPAQUE)
            place.fill(list(self._opaque()))

    def _opaque(self) -> Iterator[Outgoing]:
        for number in range(self._size.warm + self._size.count * self._size.bare + _BEYOND):
            key = f"{number:016d}".encode()
            yield Outgoing(topic=OPAQUE, key=key, value=os.urandom(self.event_bytes - len(key)))


_BEYOND = 1_000
"""Records behind the last that is measured: the end of a topic is another state than its middle."""
