"""Giving a play's complaints to intake in the time of their day, as a hotline's calls come."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import IO, Any

MIN_BATCH_SECONDS = 0.4
"""What intake files under one signature came within about so long."""


def batch_of(tickets: int, seconds: float) -> int:
    """How many complaints intake may wait for before it files them, where ``tickets`` come within ``seconds``."""
    return max(1, round(tickets * MIN_BATCH_SECONDS / seconds))


class Pace:
    """Writes the JSON lines of ``rows`` into ``intake`` when each is due, and closes it after the last.

    The first is due at ``begin`` (Unix, seconds), the last ``seconds`` later, the others between as their ``created``
    times lie between theirs. What is due already, as after a kill, comes at once.
    """

    def __init__(self, rows: Path, intake: IO[bytes], *, begin: float, seconds: float) -> None:
        self._lines = rows.read_bytes().splitlines(keepends=True)
        self._intake = intake
        self._begin = begin
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._give, name="pace", daemon=True)
        self._thread.start()

    def _give(self) -> None:
        times = [_created(line) for line in self._lines]
        span = max(times[-1] - times[0], 1.0) if times else 1.0
        with contextlib.suppress(BrokenPipeError), self._intake:  # an intake that ended says why itself
            for line, created in zip(self._lines, times, strict=True):
                due = self._begin + (created - times[0]) / span * self._seconds
                if self._over.wait(max(due - time.time(), 0.0)):
                    return
                self._intake.write(line)
                self._intake.flush()

    def close(self) -> None:
        """Give no more."""
        self._over.set()
        self._thread.join()


def _created(line: bytes) -> float:
    row: dict[str, Any] = json.loads(line)
    return datetime.fromisoformat(row["created"]).timestamp()
