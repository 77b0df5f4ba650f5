"""A reference for limits that shares nothing with them: it walks a ticket's life minute by minute, over 国庆 2026."""

from __future__ import annotations

from datetime import date, timedelta

import hutong
from hutong import complaint, disposition
from hutong.events.disposition import Decision, Urgency

DAY = 1440
FREE = {date(2026, 10, day) for day in range(1, 8)}
WORKED = {date(2026, 10, 10)}

Found = tuple[str, int, int, bool | None]
"""Limit, when it began, when it was due (minutes), whether it was kept."""

_HOURS = {
    "dispatch": {Urgency.EMERGENCY: 60, Urgency.URGENT: 120, Urgency.ORDINARY: 24 * 60},
    "sign": {Urgency.EMERGENCY: 15, Urgency.URGENT: 30},
    "answer": {Urgency.EMERGENCY: 120, Urgency.URGENT: 24 * 60},
}
_STATES = {
    "dispatch": {"filed"},
    "sign": {"dispatched", "upheld", "designated"},
    "answer": {
        *("dispatched", "contested", "upheld", "designated"),
        *("accepted", "extending", "suspending", "reopened", "suspended"),
    },
}


def works(minute: int) -> bool:
    """Minutes are counted from Tuesday, 29 September 2026."""
    day = date(2026, 9, 29) + timedelta(days=minute // DAY)
    return day in WORKED or (day.weekday() < 5 and day not in FREE)


class Walk:
    """One limit, minute by minute."""

    def __init__(self, limit: str, urgency: Urgency, minute: int) -> None:
        self.limit, self.began, self.now = limit, minute, minute
        self.met: int | None = None
        self.due: int | None = None
        self.still_until = -1
        self.working = False
        if urgency in _HOURS[limit]:
            self.counts_from, self.budget = minute, _HOURS[limit][urgency]
        else:
            self.counts_from = (minute // DAY + 1) * DAY
            self.budget = DAY if limit == "sign" else 7 * DAY
            self.working = limit == "sign"

    def to(self, minute: int) -> None:
        """Let time pass."""
        while self.now < minute and self.due is None:
            counts = self.now >= self.counts_from and self.now >= self.still_until
            if counts and (works(self.now) or not self.working):
                self.budget -= 1
            self.now += 1
            if self.budget == 0:
                self.due = self.now
        self.now = max(self.now, minute)

    def extend(self, until: int) -> None:
        self.working, self.counts_from = False, self.now
        self.budget = until - self.now
        self.due = until if self.budget <= 0 else None

    def found(self) -> Found:
        if self.due is None:
            self.to(self.now + 100 * DAY)
        assert self.due is not None
        return (self.limit, self.began, self.due, None if self.met is None else self.met <= self.due)


def _minute(data: disposition.ExtensionDecided | disposition.Suspended) -> int:
    from tests.client.lives import at

    assert data.until is not None
    return (data.until - at("2026-09-29 00:00")) // timedelta(minutes=1)


def _next(state: str, data: hutong.EventData, dispatched: int) -> str:
    match data:
        case complaint.Filed():
            return "filed"
        case disposition.Dispatched():
            return "designated" if dispatched > 3 else "dispatched"
        case disposition.Accepted() | disposition.Resumed() | disposition.ExtensionDecided():
            return "accepted"
        case disposition.Declined():
            return "contested"
        case disposition.DeclineDecided(decision=decision):
            return "filed" if decision is Decision.GRANTED else "upheld"
        case disposition.ExtensionRequested(measure=measure):
            return "suspending" if measure is disposition.Measure.SUSPENSION else "extending"
        case disposition.Suspended():
            return "suspended"
        case disposition.Resolved():
            return "resolved"
        case disposition.CalledBack():
            return "called_back"
        case disposition.Reopened():
            return "reopened"
        case complaint.Withdrawn():
            return "withdrawn"
    return state


def naive(steps: list[tuple[int, hutong.EventData]]) -> list[Found]:
    """Every limit of the ticket that went through these steps."""
    walks: list[Walk] = []
    state, dispatched = "", 0
    urgency = first = Urgency.ORDINARY
    for minute, data in steps:
        if isinstance(data, complaint.Filed) and data.category == "public_service/gas":
            urgency = first = Urgency.URGENT
        if isinstance(data, disposition.Dispatched):
            dispatched += 1
            urgency = first if data.urgency is Urgency.UNKNOWN else data.urgency
        state = _next(state, data, dispatched)
        open_ = [walk for walk in walks if walk.met is None]
        for walk in open_:
            walk.to(minute)
            walk.still_until = min(walk.still_until, minute) if state != "suspended" else walk.still_until
            match data:
                case disposition.ExtensionDecided(decision=Decision.GRANTED):
                    walk.extend(_minute(data))
                case disposition.Suspended():
                    walk.still_until = _minute(data)
            if state not in _STATES[walk.limit]:
                walk.met = minute
        for limit, states in _STATES.items():
            if state in states and not any(w.limit == limit and w.met is None for w in walks):
                walks.append(Walk(limit, urgency, minute))
    return [walk.found() for walk in walks]
