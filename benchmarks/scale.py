"""From 10^4 to 10^6 tickets: what an event costs admit and deliver, the more of them they know.

One process each goes through all filings of as many tickets, written beforehand; it notes its CPU at marks on the way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.arithmetic import MICRO
from benchmarks.corpus import BATCH, Corpus
from benchmarks.running import Runner
from benchmarks.subjects import SLOW, Home, service
from benchmarks.town import Town, town
from hutong.transport import Outgoing

MILESTONES = (10_000, 21_500, 46_400, 100_000, 215_000, 464_000, 1_000_000)
"""Tickets, in equal steps of a logarithmic scale."""

_SHARE = 10  # the last tenth before a milestone is what is measured there
_LEAST = 5_000
_AT_ONCE = 2_048

Curve = dict[str, dict[int, float]]
"""Microseconds of CPU for an event, by service and tickets."""


def window(milestone: int) -> tuple[int, int]:
    """From how many finished events to how many the cost at a milestone is measured."""
    return milestone - max(milestone // _SHARE, _LEAST), milestone


def curve(home: Path, pythons: Mapping[Home, Path], most: int, before: Callable[[str], None]) -> Curve:
    """The curve up to ``most`` tickets; ``before`` is called ahead of each step. Raises Failed."""
    milestones = [each for each in MILESTONES if each <= most]
    marks = sorted({mark for each in milestones for mark in window(each)})
    found: Curve = {}
    with town(home, partitions=1) as place:
        corpus = place.corpus(batched=True)
        keys = home / "authors.json"
        keys.write_text(json.dumps(corpus.keys()), encoding="utf-8")
        runner = Runner(place, home / "runs", pythons, keys)
        before(f"filing {milestones[-1]:,} tickets")
        _file(place, corpus, milestones[-1])
        for name, source in (("admit", "submissions"), ("deliver", "ledger")):
            before(f"{name}, {milestones[-1]:,} tickets")
            trodden = runner.trail(service(name, SLOW), source, marks)
            at = dict(zip(marks, trodden.points, strict=True))
            found[name] = {each: _cost(*(at[mark] for mark in window(each))) for each in milestones}
    return found


def _cost(begin: tuple[int, float], end: tuple[int, float]) -> float:
    return (end[1] - begin[1]) / (end[0] - begin[0]) * MICRO


def _file(place: Town, corpus: Corpus, tickets: int) -> None:
    filing, records = [corpus.filing()], list[Outgoing]()
    for _ in range(-(-tickets // BATCH)):
        records += corpus.block(filing)
        if len(records) >= _AT_ONCE:
            place.fill(records)
            records = []
    place.fill(records)


def whole(found: Curve) -> bool:
    """Whether every service was measured from the first milestone to the last."""
    return bool(found) and all({MILESTONES[0], MILESTONES[-1]} <= costs.keys() for costs in found.values())


def flat(found: Curve) -> float:
    """The dearest over the cheapest, of the service whose cost moves most: 1 is flat."""
    return max(max(costs.values()) / min(costs.values()) for costs in found.values())
