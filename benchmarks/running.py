"""Running one process under test: started fresh, told its job, ended by itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import Job, Run
from benchmarks.subjects import Home, Subject
from benchmarks.town import Town
from local.supervisor import ROOT, inherited
from local.tether import tethered

_PATIENCE = 600.0
_EACH = 0.005  # seconds that an event may take where a process goes through very many


class Failed(Exception):
    """A process under test did not report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trodden:
    """Finished events and the CPU seconds until then, mark by mark; the peak of resident memory in MiB."""

    points: list[tuple[int, float]]
    rss_mb: float


class Runner:
    """Runs subjects in a town; everything of theirs is under ``folder``."""

    def __init__(self, town: Town, folder: Path, pythons: Mapping[Home, Path], keys: Path) -> None:
        self._town = town
        self._folder = folder
        self._pythons = pythons
        self._keys = keys
        self._count = 0

    def run(self, subject: Subject, source: str, *, warm: int, count: int) -> Run:
        """What the subject measured of itself, over ``count`` events of ``source`` after the first ``warm``.

        Raises:
            Failed: it ended without a report, or took too long; the text ends with its last lines.
        """
        return Run(**self._report(subject, source, warm=warm, count=count))

    def trail(self, subject: Subject, source: str, marks: Sequence[int]) -> Trodden:
        """What the subject had used at each of these counts of finished events. Raises as :meth:`run`."""
        report = self._report(subject, source, warm=0, count=0, marks=tuple(marks))
        return Trodden(points=[(done, cpu) for done, cpu in report["points"]], rss_mb=report["rss_mb"])

    def _report(
        self, subject: Subject, source: str, *, warm: int, count: int, marks: tuple[int, ...] = ()
    ) -> dict[str, Any]:
        patience = max(_PATIENCE, max(marks, default=0) * _EACH)
        self._count += 1
        folder = self._folder / f"{self._count:03d}"
        folder.mkdir(parents=True)
        job = Job(
            bootstrap=self._town.kafka.bootstrap,
            source=source,
            sink=SINK,
            group=f"bench{self._count}",
            warm=warm,
            count=count,
            folder=folder,
            report=folder / "report.json",
            keys=self._keys,
            marks=marks,
        )
        command = [str(self._pythons[subject.home]), "-m", subject.module, *subject.words, job.argument()]
        with open(folder / "log", "wb") as log:
            try:
                subprocess.run(
                    tethered(command),
                    env=self._environment(subject, folder),
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=patience,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise Failed(f"{subject.name} took more than {patience:.0f} s: {folder / 'log'}") from None
        if not job.report.exists():
            raise Failed(f"{subject.name} did not report:\n{(folder / 'log').read_text(errors='replace')[-2000:]}")
        report: dict[str, Any] = json.loads(job.report.read_text(encoding="utf-8"))
        return report

    def _environment(self, subject: Subject, folder: Path) -> Mapping[str, str]:
        environment = {**inherited(), "PYTHONPATH": str(ROOT)}
        if subject.client is not None:
            founded = self._town.founded
            values = {**founded.values(founded.city.id), "home": str(folder), "client": subject.client}
            environment |= {f"HUTONG_{name.upper()}": value for name, value in values.items()}
        return environment


SINK = "passed-on"
"""The topic that peers write to."""
