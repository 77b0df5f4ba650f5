"""All that a run of the benchmarks measured, as a file: every round, so that others can judge for themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Self

from benchmarks.arithmetic import MICRO, best, times
from benchmarks.latency import Latency
from benchmarks.measuring import Run
from benchmarks.rounds import Runs, Size
from benchmarks.scale import Curve, flat, whole
from benchmarks.subjects import ARROYO, FAST, FASTSTREAM, QUIX, SLOW, SUBJECTS, Kind, service, subscribing


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """A town at work: seconds from start to ready and MiB after ``tickets``, by service; latencies by rate."""

    started: dict[str, float]
    latencies: list[Latency]
    tickets: int
    resident: dict[str, float]

    @property
    def first(self) -> Latency:
        """At the rate that everybody has."""
        return self.latencies[0]

    @property
    def highest(self) -> Latency | None:
        """At the highest rate that was sustained."""
        return max((each for each in self.latencies if each.sustained), key=lambda each: each.rate, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured, when, on which machine. The ``curve`` takes long: it may be of another day, ``curve_of``."""

    when: str
    machine: dict[str, str]
    size: Size
    event_bytes: int
    runs: Runs
    alive: Alive
    curve: Curve = field(default_factory=dict)
    curve_of: str = ""

    def figures(self) -> dict[str, float]:
        """Every figure that has a target, by its name."""
        found: dict[str, float] = {}
        for client, end in ((SLOW, ""), (FAST, "_fast")):
            for kind in (Kind.SINGLE, Kind.BATCH):
                of, peers = self.runs[kind], self.peers(kind)
                found[f"admit_{kind}_x{end}"] = times(peers[best(peers)], of[service("admit", client).name])
            bare, typed = self.runs[Kind.BARE], self.runs[Kind.TYPED]
            passes, takes = (ARROYO, FASTSTREAM) if client == SLOW else (QUIX, QUIX)
            found[f"deliver_x{end}"] = times(bare[passes], bare[service("deliver", client).name])
            found[f"subscribe_x{end}"] = times(typed[takes], typed[subscribing(client).name])
        first, highest = self.alive.first, self.alive.highest
        found |= {"p50_ms": first.p50_ms, "p99_ms": first.p99_ms}
        if highest is not None:
            found |= {"highest_p50_ms": highest.p50_ms, "highest_p99_ms": highest.p99_ms}
        found |= {"rss_mb": max(self.alive.resident.values()), "start_s": max(self.alive.started.values())}
        if whole(self.curve):
            found["flat_x"] = flat(self.curve)
        return found

    def peers(self, kind: Kind) -> Mapping[str, list[Run]]:
        """The runs of those that are not ours."""
        return {s.name: self.runs[kind][s.name] for s in SUBJECTS[kind] if not s.ours}

    def each(self, subject: str, kind: Kind) -> tuple[float, float]:
        """How many come out for each that goes in, and the microseconds of CPU for each that goes in."""
        runs = self.runs[kind][subject]
        return (
            median(run.outputs / run.events for run in runs),
            median(run.cpu / run.events for run in runs) * MICRO,
        )

    def write(self, path: Path) -> None:
        """As JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """What :meth:`write` wrote."""
        told = json.loads(path.read_text(encoding="utf-8"))
        alive = told["alive"]
        runs = {
            Kind(kind): {name: [Run(**run) for run in of] for name, of in subjects.items()}
            for kind, subjects in told["runs"].items()
        }
        return cls(
            **{
                **told,
                "size": Size(**told["size"]),
                "runs": runs,
                "alive": Alive(**{**alive, "latencies": [Latency(**each) for each in alive["latencies"]]}),
                "curve": {name: {int(at): cost for at, cost in of.items()} for name, of in told["curve"].items()},
            }
        )
