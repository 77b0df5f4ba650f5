"""What the figures must be: every target, and the verdict on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure that must be at least (``floor``) or below (``ceiling``) a bound. ``json``: it is told in the JSON."""

    name: str
    says: str
    floor: float | None = None
    ceiling: float | None = None
    json: bool = True

    def met(self, figure: float) -> bool:
        """Whether the figure is good enough."""
        return (self.floor is None or figure >= self.floor) and (self.ceiling is None or figure < self.ceiling)

    @property
    def bound(self) -> str:
        """The bound, for a reader."""
        return f"at least {self.floor:g}" if self.floor is not None else f"below {self.ceiling:g}"


_ADMIT = "admit, all its work and a durable append, against the best peer at the same work"

TARGETS = (
    Target(name="admit_single_x", floor=0.7, says=f"{_ADMIT}; each event signed alone"),
    Target(name="admit_batch_x", floor=0.7, says=f"{_ADMIT}; 32 events under one signature"),
    Target(
        name="deliver_x",
        floor=0.7,
        says="deliver, with numbering and state, for each delivery, against arroyo passing raw bytes on",
    ),
    Target(
        name="subscribe_x",
        floor=3.0,
        says="subscribe into the model, signatures checked, against FastStream, message by message",
    ),
    Target(name="admit_single_x_fast", floor=1.0, says="the same on the fast transport"),
    Target(name="admit_batch_x_fast", floor=1.0, says="the same on the fast transport"),
    Target(name="deliver_x_fast", floor=0.6, says="deliver on the fast transport, against Quix Streams"),
    Target(name="subscribe_x_fast", floor=0.6, says="subscribe on the fast transport, against Quix Streams"),
    Target(name="p50_ms", ceiling=100, says="submit to handler at 200 events a second, the middle one, ms"),
    Target(name="p99_ms", ceiling=1000, says="submit to handler at 200 events a second, the 99th of 100, ms"),
    Target(name="rss_mb", ceiling=100, says="the larger of admit and deliver after its tickets, MiB resident"),
    Target(name="highest_p50_ms", ceiling=100, says="submit to handler at the highest rate, ms", json=False),
    Target(name="highest_p99_ms", ceiling=1000, says="submit to handler at the highest rate, ms", json=False),
    Target(name="start_s", ceiling=2, says="start to ready, the slower of admit and deliver, s", json=False),
    Target(name="flat_x", ceiling=1.1, says="the dearest over the cheapest, 10^4 to 10^6 tickets", json=False),
)


def told(figures: Mapping[str, float]) -> dict[str, float | None]:
    """What the JSON object says: null where a figure was not measured."""
    return {t.name: round(figures[t.name], 3) if t.name in figures else None for t in TARGETS if t.json}
