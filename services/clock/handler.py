"""时限: what falls due on a ticket, and when it may be said that it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import hutong
from hutong import disposition
from hutong.rules.calendar import milliseconds
from hutong.rules.deadlines import Course, Timekeeping

DATED_BACK = timedelta(days=6)
"""What fell due longer ago is dated now: without the right ``backfill`` admit takes nothing older than seven days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something that falls due at a moment of admitted time. ``once`` makes it the same event whenever it is said;
    ``until``: it is moot afterwards."""

    at_ms: int
    data: hutong.EventData
    once: str
    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the clock knows of one ticket: its place on the ledger, its course, and which timers have gone off."""

    ticket: str
    partition: int
    sequence: int
    course: Course
    fired: frozenset[str] = frozenset()


class Courses(Protocol):
    """The clock's memory. ``put`` says when the ticket is to be looked at next (None: never)."""

    def get(self, ticket: str, /) -> Kept | None: ...
    def put(self, kept: Kept, /, *, next_ms: int | None) -> None: ...
    def due(self, now_ms: int, /) -> Iterable[Kept]: ...


def timers(course: Course, keeping: Timekeeping) -> Iterator[Timer]:
    """Everything that may still go off on a ticket, as things stand.

    A reminder is moot once its limit is over. A suspension that ends by its own date is ended by the clock. Of limits
    nothing is said as long as the ticket stands in a state in which it may not be; what fell due meanwhile is said
    afterwards.
    """
    if course.still_until is not None:
        until = milliseconds(keeping.moment(course.still_until))
        yield Timer(at_ms=until, data=disposition.Resumed(reason="suspension_over"), once=f"resumed/{until}")
    if not keeping.lifecycle.may_come(disposition.Overdue.TYPE, course.state):
        return
    for deadline in keeping.deadlines(course):
        if deadline.met_at is None:
            due, name = milliseconds(deadline.due), deadline.limit
            reminded = disposition.Reminded(limit=name, due=deadline.due)
            overdue = disposition.Overdue(limit=name, due=deadline.due)
            escalated = disposition.Escalated(reason="overdue")
            remind, escalate = milliseconds(deadline.remind), milliseconds(deadline.escalate)
            yield Timer(at_ms=remind, data=reminded, once=f"{reminded.TYPE}/{name}/{due}", until_ms=due)
            yield Timer(at_ms=due, data=overdue, once=f"{overdue.TYPE}/{name}/{due}")
            yield Timer(at_ms=escalate, data=escalated, once=f"{escalated.TYPE}/{name}/{due}")


class Clock:
    """Learns what was admitted, and says what falls due.

    Something falls due only when the clock knows everything that was admitted until then. It knows when it was given
    an event of the same ledger partition that was admitted later and is at its door's end, or not ``patience_ms``
    behind it; or when that long after all was delivered and its door was empty.
    """

    def __init__(self, keeping: Timekeeping, courses: Courses, *, patience_ms: int) -> None:
        self._keeping = keeping
        self._courses = courses
        self._patience_ms = patience_ms
        self._marks: dict[int, int] = {}
        self._unknown: set[str] = set()

    @property
    def keeping(self) -> Timekeeping:
        """The limits it keeps."""
        return self._keeping

    def knows(self, event: hutong.Event) -> bool:
        """Whether it was told what came before on the event's ticket, or need not be, or asked before in vain."""
        first = isinstance(event.data, hutong.complaint.Filed) or event.ledger is None
        return first or event.ticket in self._unknown or self._courses.get(event.ticket) is not None

    def asked(self, ticket: str) -> None:
        """All that the door has of the ticket was read again."""
        if self._courses.get(ticket) is None:
            self._unknown.add(ticket)

    def learn(self, event: hutong.Event) -> Course | None:
        """Take in an event of its door; what it was told before changes nothing. The ticket's course, if it moved."""
        if event.ledger is None:
            return None
        kept = self._courses.get(event.ticket)
        if kept is not None and event.ledger.sequence <= kept.sequence:
            return None
        course = self._keeping.follow(kept.course if kept else None, event)
        if course is None:
            return None
        if self._keeping.ended(course.state):
            course = course.model_copy(update={"runs": ()})  # that it ended is all that must be remembered
        changed = Kept(
            ticket=event.ticket,
            partition=event.ledger.partition,
            sequence=event.ledger.sequence,
            course=course,
            fired=kept.fired if kept else frozenset(),
        )
        self._put(changed)
        return course

    def saw(self, event: hutong.Event) -> None:
        """Its door has come so far."""
        if event.ledger is not None:
            self._marks[event.ledger.partition] = event.ledger.admitted_ms

    def waits(self, now_ms: int) -> bool:
        """Whether something fell due so long ago that an empty door would tell."""
        return next(iter(self._courses.due(now_ms - self._patience_ms)), None) is not None

    def due(self, now_ms: int, *, at_rest: bool) -> list[tuple[Kept, Timer]]:
        """What is to be said now, in the order in which it fell due. ``at_rest``: all is delivered, and the door is
        empty."""
        found: list[tuple[Kept, Timer]] = []
        if not at_rest and not any(self._near(mark, now_ms) for mark in self._marks.values()):
            return found  # far behind: whatever seems due may have been done long ago
        for kept in self._courses.due(now_ms):
            for timer in self._left(kept):
                if timer.at_ms < now_ms and self._certain(kept.partition, timer.at_ms, now_ms, at_rest):
                    found.append((kept, timer))
        return sorted(found, key=lambda pair: pair[1].at_ms)

    def fired(self, gone: Iterable[tuple[Kept, Timer]]) -> None:
        """Note what was said, or is moot: it is not said again."""
        by_ticket: dict[str, set[str]] = {}
        for kept, timer in gone:
            by_ticket.setdefault(kept.ticket, set()).add(timer.once)
        for ticket, onces in by_ticket.items():
            if (known := self._courses.get(ticket)) is not None:
                self._put(
                    Kept(
                        ticket=ticket,
                        partition=known.partition,
                        sequence=known.sequence,
                        course=known.course,
                        fired=known.fired | onces,
                    )
                )

    def _put(self, kept: Kept) -> None:
        left = [timer.at_ms for timer in self._left(kept)]
        self._courses.put(kept, next_ms=min(left, default=None))

    def _left(self, kept: Kept) -> list[Timer]:
        if self._keeping.ended(kept.course.state):
            return []
        return [timer for timer in timers(kept.course, self._keeping) if timer.once not in kept.fired]

    def _certain(self, partition: int, at_ms: int, now_ms: int, at_rest: bool) -> bool:
        mark = self._marks.get(partition, 0)
        if mark > at_ms and (at_rest or self._near(mark, now_ms)):
            return True
        return at_rest and now_ms > at_ms + self._patience_ms

    def _near(self, mark_ms: int, now_ms: int) -> bool:
        return now_ms - mark_ms <= self._patience_ms


def moot(timer: Timer, now_ms: int) -> bool:
    """Whether it is too late to say it."""
    return timer.until_ms is not None and now_ms > timer.until_ms


def dated(timer: Timer, now_ms: int) -> datetime:
    """When the event says that it happened: when it fell due, so that said again it has the same bytes."""
    at, now = (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms) for ms in (timer.at_ms, now_ms))
    return at if at > now - DATED_BACK else now


def unannounced(course: Course, keeping: Timekeeping) -> Mapping[int, str]:
    """Year → a limit of the ticket that ends in it, although it is not announced yet which weekends are worked then."""
    found = {}
    for run in course.runs:
        day = keeping.days.day(run.due)
        if run.met is None and not keeping.days.announced(day):
            found[day.year] = run.limit
    return found
