"""Which time limits run for a ticket, when they end, and whether they were kept: from its admitted events alone.

::

    keeping = Timekeeping.load("110000")
    for deadline in deadlines(events, keeping):
        print(deadline.limit, deadline.due, deadline.kept)

Everything here runs on admitted time (the ledger's stamp), never on what an author said. A limit begins with the
step into one of its states and ends with the step out of them. Suspended 挂账, its clock stands still until the ticket
is resumed, or until the day that the suspension named, whichever is first, and what was left goes on; one that was
over before stays so. An extension 延期 that is granted makes its ``until`` the due time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict

from hutong.catalogue import SCHEMAS
from hutong.errors import InvalidEvent
from hutong.event import Event
from hutong.events.complaint import Filed
from hutong.events.disposition import Decision, Dispatched, ExtensionDecided, Suspended, Urgency
from hutong.rules.calendar import BusTime, WorkingDays, milliseconds
from hutong.rules.lifecycle import Lifecycle, Ticket
from hutong.rules.limits import Limits, Version, Within

_LAST_MS = milliseconds(datetime(9999, 12, 31, tzinfo=UTC))
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """期限: one limit of a ticket, once. All moments are admitted time.

    ``met_at`` is when the step came that ended it (whichever that was), None as long as it runs. ``suspended``: its
    clock stands still; ``due`` is then its end if nobody resumes the ticket before the suspension is over.
    """

    limit: str
    version: int
    urgency: Urgency
    began: datetime
    remind: datetime
    due: datetime
    escalate: datetime
    met_at: datetime | None
    suspended: bool

    @property
    def kept(self) -> bool | None:
        """Whether it was kept; None as long as it runs."""
        return None if self.met_at is None else self.met_at <= self.due


class Run(BaseModel):
    """One limit running once; moments are milliseconds of bus time. ``counted_from`` is where its time begins to
    count (the next day, for whole days). ``still`` is since when its clock stands, and ``left`` what was left then."""

    model_config = ConfigDict(frozen=True)

    limit: str
    urgency: Urgency
    began: int
    counted_from: int
    due: int
    extended: bool = False
    still: int | None = None
    left: int | None = None
    met: int | None = None


class Course(BaseModel):
    """What a ticket's limits amount to after some of its events. ``version`` 0: they leave the ticket alone."""

    model_config = ConfigDict(frozen=True)

    version: int
    state: str
    counts: dict[str, int]
    category: str
    urgency: Urgency | None = None
    still_until: int | None = None
    """Until when the suspension lasts (bus time), as long as it does."""
    runs: tuple[Run, ...] = ()


class Timekeeping:
    """A city's limits with the calendar and the time that they are counted in."""

    def __init__(self, limits: Limits, *, time: BusTime | None = None, lifecycle: Lifecycle | None = None) -> None:
        self.limits = limits
        self.time = time or BusTime()
        self.lifecycle = lifecycle or Lifecycle.load()
        self.days: WorkingDays = limits.working_days()
        self._versions = {version.version: version for version in limits.versions}

    @classmethod
    def load(cls, city: str, *, time: BusTime | None = None, root: Path = SCHEMAS) -> Timekeeping | None:
        """That of ``city``; None where it has no limits. Raises SettingsError."""
        limits = Limits.load(city, root)
        return None if limits is None else cls(limits, time=time)

    def follow(self, course: Course | None, event: Event) -> Course | None:
        """The course after an event that was admitted; None before the ticket was filed.

        Raises:
            InvalidEvent: ``not_allowed``: the event is not on the ledger.
        """
        if event.ledger is None:
            raise InvalidEvent("not_allowed", f"{event} is not on the ledger: limits run on admitted time")
        if event.data.TYPE not in self.lifecycle.table.events:
            return course
        at = self.time.bus(event.ledger.admitted_ms)
        if course is None:
            return self._begun(event, event.data, at) if isinstance(event.data, Filed) else None
        before = Ticket(id=event.ticket, state=course.state, counts=MappingProxyType(course.counts))
        after = self.lifecycle.follow(
            before, event.data, subject=event.ticket, author=event.source, at_ms=event.ledger.admitted_ms
        )
        changed: dict[str, object] = {"state": after.state, "counts": dict(after.counts)}
        if isinstance(event.data, Dispatched):
            changed["urgency"] = event.data.urgency
        if isinstance(event.data, Suspended):
            changed["still_until"] = max(at, self.time.bus(milliseconds(event.data.until)))
        elif after.state != course.state:
            changed["still_until"] = None
        next_ = course.model_copy(update=changed)
        return next_.model_copy(update={"runs": tuple(self._runs(course, next_, event, at))})

    def deadlines(self, course: Course | None) -> tuple[Deadline, ...]:
        """Every limit that began, in the order of their beginnings."""
        return () if course is None else tuple(self._deadline(course, run) for run in course.runs)

    def ended(self, state: str) -> bool:
        """Whether a ticket in this state needs no further step."""
        return self.lifecycle.ended(state)

    def moment(self, bus_ms: int) -> datetime:
        """The moment of admitted time at which bus time has come so far."""
        return datetime.fromtimestamp(0, UTC) + min(self.time.admitted(bus_ms), _LAST_MS) * _MS

    # -- one event --------------------------------------------------------------------------------------------------

    def _begun(self, event: Event, data: Filed, at: int) -> Course:
        assert event.ledger is not None
        version = self.limits.version_of(self.days.day(at))
        happened = event.ledger.admitted_ms if event.time is None else milliseconds(event.time)
        history = event.ledger.admitted_ms - happened > self.limits.left_alone.length / _MS
        table = self.lifecycle.follow(
            None, data, subject=event.ticket, author=event.source, at_ms=event.ledger.admitted_ms
        )
        course = Course(
            version=0 if version is None or history else version.version,
            state=table.state,
            counts=dict(table.counts),
            category=data.category,
        )
        return course.model_copy(update={"runs": tuple(self._beginning(course, "", at))})

    def _runs(self, before: Course, after: Course, event: Event, at: int) -> Iterable[Run]:
        version = self._versions.get(after.version)
        if version is None:
            return
        for run in before.runs:
            if run.met is not None:
                yield run
                continue
            limit = version.limits[run.limit]
            if run.still is not None and after.state not in limit.stands_still_in:
                until = at if before.still_until is None else min(at, before.still_until)
                run = self._resumed(run, version, max(run.still, until))
            match event.data:
                case ExtensionDecided(decision=Decision.GRANTED, until=granted) if granted is not None:
                    run = run.model_copy(update={"due": self.time.bus(milliseconds(granted)), "extended": True})
            if after.state not in (*limit.runs_in, *limit.stands_still_in):
                run = run.model_copy(update={"met": at})
            elif after.state in limit.stands_still_in and run.still is None and run.due > at:
                run = run.model_copy(update={"still": at, "left": self._left(run, version, at)})
            yield run
        yield from self._beginning(after, before.state, at)

    def _beginning(self, course: Course, former: str, at: int) -> Iterable[Run]:
        """The limits that begin with the step from the ``former`` state into this one."""
        version = self._versions.get(course.version)
        if version is None:
            return
        for name, limit in version.limits.items():
            if course.state in limit.runs_in and former not in (*limit.runs_in, *limit.stands_still_in):
                said = course.urgency if course.urgency != Urgency.UNKNOWN else None
                urgency = said or version.urgency_of(course.category)
                time = limit.within[urgency].time
                counted_from = self.days.next_day(at) if time.whole_days else at
                if time.working_days:
                    due = self.days.end_of_working_day(at, time.working_days)
                elif time.days:
                    due = self.days.begin(self.days.day(counted_from) + time.length)
                else:
                    due = at + time.length // _MS
                yield Run(limit=name, urgency=urgency, began=at, counted_from=counted_from, due=due)

    # -- standing still ---------------------------------------------------------------------------------------------

    def _left(self, run: Run, version: Version, at: int) -> int:
        since = max(at, run.counted_from)
        return self.days.worked(since, run.due) if self._working(run, version) else run.due - since

    def _resumed(self, run: Run, version: Version, at: int) -> Run:
        return run.model_copy(update={"due": self._due(run, version, at), "still": None, "left": None})

    def _due(self, run: Run, version: Version, at: int) -> int:
        """The end of a limit whose clock runs again from ``at`` on."""
        left, at = run.left or 0, max(at, run.counted_from)
        return self.days.after(at, left) if self._working(run, version) else at + left

    @staticmethod
    def _working(run: Run, version: Version) -> bool:
        """Whether its time is that of working days; what an extension gave ends at a moment, whatever day it is."""
        return bool(Timekeeping._within(run, version).time.working_days) and not run.extended

    @staticmethod
    def _within(run: Run, version: Version) -> Within:
        return version.limits[run.limit].within[run.urgency]

    def _deadline(self, course: Course, run: Run) -> Deadline:
        version = self._versions[course.version]
        within, due = self._within(run, version), run.due
        if run.still is not None:
            due = self._due(run, version, max(run.still, course.still_until or run.still))
        return Deadline(
            limit=run.limit,
            version=course.version,
            urgency=run.urgency,
            began=self.moment(run.began),
            remind=self.moment(max(run.began, due - within.remind.length // _MS)),
            due=self.moment(due),
            escalate=self.moment(due + within.escalate.length // _MS),
            met_at=None if run.met is None else self.moment(run.met),
            suspended=run.still is not None,
        )


def deadlines(events: Iterable[Event], keeping: Timekeeping) -> tuple[Deadline, ...]:
    """Every limit of one ticket, from its admitted events in their order; none for what was left alone."""
    course: Course | None = None
    for event in events:
        course = keeping.follow(course, event)
    return keeping.deadlines(course)
