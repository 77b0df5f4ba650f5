"""Measuring processes: their memory, their CPU time, and what their logs say of a takeover."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local.supervisor import ROOT
from local.tether import tethered
from tests.chaos.memory import resident

GLANCE = 0.05
_READ = re.compile(r"state brought up .*\bread=(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a process took: seconds on the wall, seconds of CPU, MiB at its peak."""

    seconds: float
    cpu: float
    peak: float


class Log:
    """What a service wrote since this was made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._from = path.stat().st_size if path.exists() else 0

    def text(self) -> str:
        """All of it."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._from)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def taken(self) -> int:
        """How many partitions were taken."""
        return self.text().count("partition taken")

    def read(self) -> int:
        """How many records were read to bring the states up."""
        return sum(int(number) for number in _READ.findall(self.text()))


def cpu(pid: int | None) -> float:
    """Seconds of CPU that a process has used; 0 where it is gone."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def run_measured(argv: Sequence[str], env: Mapping[str, str], log: Path) -> Work:
    """Run to its end. SystemExit where it fails.

    The peak is the kernel's mark of the process's own memory, looked at until it ends; what ``wait4`` tells would
    count the process that started it.
    """
    began, peak = time.monotonic(), 0.0
    with log.open("ab") as output:
        process = subprocess.Popen(
            tethered(argv), env={**os.environ, **env}, cwd=ROOT, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        held = resident(process.pid)
        peak = max(peak, held.peak if held else 0.0)
        time.sleep(GLANCE)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(argv[1:])} ended with {process.returncode}: see {log}")
    return Work(seconds=time.monotonic() - began, cpu=usage.ru_utime + usage.ru_stime, peak=peak)
