"""Memory and time of single inputs: the system's high-water mark is cheap; what raised it is measured anew."""

from __future__ import annotations

import gc
import resource
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.mutating import Input

MB = 1024 * 1024
SUSPECT = 4 * MB
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def high_water() -> int:
    """The most memory this process had, in bytes, since :func:`forget`, where the system can forget."""
    if _STATUS.exists():
        line = next(row for row in _STATUS.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget() -> None:
    """Begin a new high-water mark."""
    if _RESET.exists():
        _RESET.write_text("5")


@dataclass
class Worst:
    """The slowest and the largest input so far."""

    seconds: float = 0.0
    slowest: str = ""
    bytes: int = 0
    largest: str = ""

    def timed(self, made: Input, seconds: float) -> None:
        """An input took so long."""
        if seconds > self.seconds:
            self.seconds, self.slowest = seconds, named(made)

    def measured(self, made: Input, work: Callable[[Input], object]) -> None:
        """Do the work for the input once more, and count every byte it allocates."""
        tracemalloc.start()
        try:
            work(made)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        if peak > self.bytes:
            self.bytes, self.largest = peak, named(made)


def named(made: Input) -> str:
    """The input in a few words."""
    return f"{made.how}, {made.records} records, {len(made.batches):,} bytes packed"


def seconds_of(work: Callable[[Input], object], made: Input) -> float:
    """How long the work takes by this process's own clock (the machine is shared), without the collector's rounds over
    everything that the test itself holds."""
    gc.disable()
    try:
        began = time.process_time()
        work(made)
        return time.process_time() - began
    finally:
        gc.enable()
