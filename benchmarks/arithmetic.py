"""From runs to figures: medians with their spread, and how many times one costs another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

from benchmarks.measuring import Run

MICRO = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of several rounds, and the least and the most of them."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Raises ValueError where there are none."""
        if not values:
            raise ValueError("nothing was measured")
        return cls(median=median(values), least=min(values), most=max(values))


def cost(runs: Sequence[Run]) -> Spread:
    """Microseconds of CPU for each event that comes out."""
    return Spread.of([run.cpu / run.outputs * MICRO for run in runs])


def pace(runs: Sequence[Run]) -> Spread:
    """Events that come out, a second."""
    return Spread.of([run.outputs / run.wall for run in runs])


def memory(runs: Sequence[Run]) -> float:
    """The most resident memory of any run, in MiB."""
    return max(run.rss_mb for run in runs)


def times(peer: Sequence[Run], ours: Sequence[Run]) -> float:
    """How many times the CPU of ours the peer takes for an event: above 1 ours is the cheaper."""
    return cost(peer).median / cost(ours).median


def best(peers: Mapping[str, Sequence[Run]]) -> str:
    """The peer that takes the least CPU for an event. Raises ValueError where there is none."""
    return min(peers, key=lambda name: cost(peers[name]).median)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of all are at or below (nearest rank). Raises ValueError where there are none."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    rank = -(-len(ordered) * round(share * 10_000) // 10_000)
    return ordered[max(rank, 1) - 1]
