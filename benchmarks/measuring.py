"""The process under test measures itself: CPU, time and memory between two counts of finished events.

Runs in every peer's environment, so it imports only the standard library.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a process under test is told, as one JSON argument.

    It reads ``source`` from its beginning, finishes ``warm`` events, then is measured over the next ``count`` or a few
    more, and writes to ``sink`` where it writes. ``folder`` is empty and its own; its :class:`Run` goes to ``report``.
    ``keys`` is a JSON file: key id → public key of every author, both in hex. With ``marks``, counts of finished
    events, a :class:`Trail` is measured instead, up to the last of them.
    """

    bootstrap: str
    source: str
    sink: str
    group: str
    warm: int
    count: int
    folder: Path
    report: Path
    keys: Path
    marks: tuple[int, ...] = ()

    @classmethod
    def of_argument(cls) -> Self:
        """The job in ``sys.argv[1]``."""
        told = json.loads(sys.argv[1])
        paths = {name: Path(told[name]) for name in ("folder", "report", "keys")}
        return cls(**{**told, **paths, "marks": tuple(told["marks"])})

    def argument(self) -> str:
        """The same as the argument."""
        return json.dumps(asdict(self), default=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was measured: CPU (user and system, all threads) and wall seconds over ``events`` that were read and the
    ``outputs`` that came of them, and the peak of resident memory in MiB."""

    events: int
    outputs: int
    cpu: float
    wall: float
    rss_mb: float


class Gauge:
    """Measures this process from ``warm`` finished events to ``warm + count``, or a few more."""

    def __init__(self, warm: int, count: int) -> None:
        self._warm = warm
        self._enough = warm + count
        self._began: tuple[int, int, float, float] | None = None
        self._reported = False

    def enough(self, done: int, outputs: int | None = None) -> bool:
        """To be called with how many events are finished so far, as often as is cheap; whether that is all.

        ``outputs``: how many came of them, where that is not one for one.
        """
        if self._began is None and done >= self._warm:
            self._began = (done, done if outputs is None else outputs, time.process_time(), time.perf_counter())
        return done >= self._enough

    def run(self, done: int, outputs: int | None = None) -> Run:
        """What was measured, once everything is finished and durable."""
        if self._began is None:
            raise ValueError(f"only {done} events are finished, so nothing was measured")
        began, before, cpu, wall = self._began
        return Run(
            events=done - began,
            outputs=(done if outputs is None else outputs) - before,
            cpu=time.process_time() - cpu,
            wall=time.perf_counter() - wall,
            rss_mb=resident(),
        )

    def report(self, job: Job, done: int, outputs: int | None = None) -> None:
        """Write :meth:`run` where the job says. Once: a framework that is told to stop goes on for a while, and what
        it does then is not to be measured, least of all the writing of reports."""
        if not self._reported:
            _write(job.report, asdict(self.run(done, outputs)))
            self._reported = True


class Trail:
    """Measures this process at ``marks``: how many events are finished there, and the CPU seconds until then."""

    def __init__(self, marks: Sequence[int]) -> None:
        self._left = sorted(marks)
        self._points: list[tuple[int, float]] = []
        self._reported = False

    def enough(self, done: int, outputs: int | None = None) -> bool:
        """As :meth:`Gauge.enough`."""
        while self._left and done >= self._left[0]:
            self._points.append((done, time.process_time()))
            del self._left[0]
        return not self._left

    def report(self, job: Job, done: int, outputs: int | None = None) -> None:
        """Write the points, mark by mark, and the peak of resident memory; once."""
        if not self._reported:
            _write(job.report, {"points": self._points, "rss_mb": resident()})
            self._reported = True


def gauge_of(job: Job) -> Gauge | Trail:
    """What the job asks to be measured."""
    return Trail(job.marks) if job.marks else Gauge(job.warm, job.count)


def _write(path: Path, told: object) -> None:
    written = path.with_suffix(".new")
    written.write_text(json.dumps(told), encoding="utf-8")
    written.replace(path)


def resident() -> float:
    """The peak of this process's resident memory in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would count the process that started this one, too
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB / KIB
