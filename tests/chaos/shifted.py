"""``python -m tests.chaos.shifted FILE MODULE …``: runs a program whose clock is off by the seconds in FILE.

FILE is read again all the time, so the clock jumps when it changes; without it the clock is right. What jumps is the
time of day; durations (``time.monotonic``) stay true, as on a machine whose clock somebody sets.
"""

from __future__ import annotations

import runpy
import sys
import time
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Self

_FRESH_SECONDS = 0.2
_true_ns = time.time_ns


class Clock:
    """The time of day, shifted."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_at = float("-inf")
        self._offset_ns = 0

    def time_ns(self) -> int:
        """Nanoseconds since the epoch, as this program is to see them."""
        now = time.monotonic()
        if now - self._read_at > _FRESH_SECONDS:
            self._read_at = now
            try:
                self._offset_ns = int(float(self._file.read_text()) * 1e9)
            except (OSError, ValueError):
                self._offset_ns = 0
        return _true_ns() + self._offset_ns

    def time(self) -> float:
        """The same in seconds."""
        return self.time_ns() / 1e9


def shift(clock: Clock) -> None:
    """Let this whole program see ``clock``."""

    class Shifted(datetime):
        """What ``datetime.now`` is asked of in the modules that date events."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(clock.time(), tz)

    import hutong.submitting.drafts

    setattr(time, "time_ns", clock.time_ns)  # noqa: B010  # mypy minds a plain assignment
    setattr(time, "time", clock.time)  # noqa: B010
    setattr(hutong.submitting.drafts, "datetime", Shifted)  # noqa: B010


def main() -> None:
    """Become the module named."""
    file, module = sys.argv[1:3]
    shift(Clock(Path(file)))
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
