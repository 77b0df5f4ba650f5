"""How much memory processes hold (resident, MiB), as Linux counts it, and how much they held at most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Resident:
    """``peak`` is the kernel's own high-water mark, so nothing between two looks is missed."""

    now: float
    peak: float


class Memory:
    """Watches the processes that ``pids`` names, by name; one that is started again is watched on."""

    def __init__(self, pids: Callable[[], Mapping[str, int | None]]) -> None:
        self._pids = pids
        self._highest: dict[str, float] = {}

    def begin(self) -> None:
        """Forget every peak until now."""
        self._highest.clear()
        for pid in self._pids().values():
            with suppress(OSError):  # it is just being started again
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def look(self) -> dict[str, Resident]:
        """What each that runs holds now, and the peak of all that ran under its name since :meth:`begin`."""
        found = {}
        for name, pid in self._pids().items():
            held = None if pid is None else resident(pid)
            if held is not None:
                self._highest[name] = max(held.peak, self._highest.get(name, 0.0))
                found[name] = Resident(held.now, self._highest[name])
        return found


def resident(pid: int) -> Resident | None:
    """Of one process; None where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    values = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
    if "VmRSS" not in values:
        return None  # it has ended, and nobody has waited for it yet
    return Resident(*(int(values[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")))
