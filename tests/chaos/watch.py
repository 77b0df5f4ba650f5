"""Who made progress when, seen from the journals alone: no question to a broker that is away can hold it up."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

Key = tuple[str, int]
"""A system and a ledger partition (-1: any), or an author and -1."""

ANY = -1
NOTED = 0.3  # seconds; shorter standstills are how a city breathes


class Watch:
    """Reads the journals on at each :meth:`look`; times are ``time.monotonic``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: dict[Path, int] = defaultdict(int)
        self._last: dict[Key, float] = {}
        self._gaps: dict[Key, list[tuple[float, float]]] = defaultdict(list)
        self.acknowledged = 0
        self.handled = 0

    def look(self) -> None:
        """Take what was written since."""
        for path in sorted(self._folder.glob("*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._places[path])
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._places[path] += len(whole)
            now = time.monotonic()
            for line in whole.splitlines():
                self._take(path.stem, line, now)

    def _take(self, name: str, line: bytes, now: float) -> None:
        try:
            content = json.loads(line)
        except ValueError:
            return  # torn by a kill; the checker will tell
        if content["what"] == "acknowledged":
            self.acknowledged += 1
            self._progress((name, ANY), now)
        elif content["what"] == "handled":
            self.handled += 1
            self._progress((name, ANY), now)
            self._progress((name, content["partition"]), now)

    def _progress(self, key: Key, now: float) -> None:
        before = self._last.get(key)
        if before is not None and now - before >= NOTED:
            self._gaps[key].append((before, now))
        self._last[key] = now

    def flowing(self, keys: Iterable[Key], within: float = 1.5) -> bool:
        """Whether each made progress in the last ``within`` seconds."""
        now = time.monotonic()
        return all(now - self._last.get(key, float("-inf")) <= within for key in keys)

    def standstill(self, keys: Iterable[Key], since: float, until: float) -> float:
        """The longest any of these stood still from ``since`` on, if that began before ``until``. Seconds."""
        longest = 0.0
        for key in keys:
            last = self._last.get(key, since)
            for begin, end in (*self._gaps[key], (last, time.monotonic())):
                if end > since and begin < until:
                    longest = max(longest, end - max(begin, since))
        return longest
