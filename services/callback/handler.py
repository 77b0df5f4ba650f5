"""回访: what a citizen says of a resolved ticket. Here the citizens are drawn, in stated shares."""

from __future__ import annotations

from dataclasses import dataclass

import hutong
from hutong import disposition
from services.drawing import drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Of the citizens called: ``contacted`` can be reached; of those, ``satisfied`` are (``basically`` of them so)."""

    contacted: float = 0.95
    satisfied: float = 0.9
    basically: float = 0.3


def decide(event: hutong.Event, shares: Shares, seed: int = 0) -> list[hutong.EventData]:
    """The call-back on a resolved ticket and what follows from it; nothing for other events.

    The draw is over ticket, this resolution and ``seed``: a retry decides the same, the next resolution is drawn
    anew. Who cannot be reached has his ticket closed, and counts as no valid call-back (domain.md, Scores).
    """
    if not isinstance(event.data, disposition.Resolved):
        return []

    if drawn(event, "contacted", seed) >= shares.contacted:
        return [disposition.CalledBack(contacted=False), disposition.Closed(reason="not_reached")]
    if drawn(event, "satisfied", seed) >= shares.satisfied:
        called = disposition.CalledBack(
            contacted=True, resolved=False, satisfaction=disposition.Satisfaction.DISSATISFIED
        )
        return [called, disposition.Reopened(reason="dissatisfied")]
    basically = drawn(event, "basically", seed) < shares.basically
    says = disposition.Satisfaction.BASICALLY_SATISFIED if basically else disposition.Satisfaction.SATISFIED
    return [
        disposition.CalledBack(contacted=True, resolved=True, satisfaction=says),
        disposition.Closed(reason="resolved"),
    ]
