"""The live board of a city: how many tickets were received, are in hand, overdue and ended, and where. Pure.

It is fed with events and asked for an :class:`Overview`. It proves nothing: signatures are for ``hutong replay``.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal, NamedTuple

from hutong.events import EventData
from hutong.events.complaint import Filed, Merged
from hutong.events.disposition import (
    CalledBack,
    Decision,
    Declined,
    Dispatched,
    ExtensionDecided,
    Overdue,
    Satisfaction,
)
from hutong.rules.lifecycle import Lifecycle, Ticket
from hutong.rules.limits import Limits
from hutong.rules.regions import Regions

LAST = 200
"""How many events are remembered."""

RATE_SECONDS = 10
"""Over so many whole seconds, by admitted time, the events per second are taken."""

_EXTENDED = "answer"
"""The limit that an extension moves."""

_BOOKKEEPING = "notice."
"""Events that move no ticket, several for each step: counted, not told as news."""


class Cell(NamedTuple):
    """What tickets are counted by. ``row`` is the place right under the board's, ``lead`` is empty while no unit has
    the ticket."""

    row: str
    lead: str
    state: str
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Tickets; ``received`` are those ``in_hand`` and those ``ended``, ``overdue`` are some of those in hand."""

    received: int = 0
    in_hand: int = 0
    overdue: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Shares between 0 and 1; None where there is nothing yet to take a share of.

    ``merged`` of the tickets filed; ``contested`` (退单申请) of the dispatches; ``dissatisfied`` of the call-backs in
    which the citizen said how satisfied he is.
    """

    merged: float | None
    contested: float | None
    dissatisfied: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The board at one moment. ``rows`` are places, or leads (``by``) where no finer place is known; ``leads`` counts
    tickets in hand by who has them, under "" those that no unit has."""

    counts: Counts
    states: Mapping[str, int]
    leads: Mapping[str, int]
    by: Literal["area", "lead"]
    rows: Mapping[str, Counts]
    shares: Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event of the board's place. ``time`` is its author's."""

    time: datetime
    type: str
    ticket: str
    source: str
    area: str


@dataclass(slots=True)
class _Open:
    ticket: Ticket
    overdue: frozenset[str]
    cell: Cell


class Board:
    """Counts the tickets of ``root``, a place of ``regions``; what lies outside is passed over.

    Events of one ticket come in their order. Ended tickets are counted and forgotten, so it grows with what is in hand.
    An event of a ticket whose filing was never seen (a standing agreement shows single events) counts as an event only.
    ``runs`` are the states of each time limit, see :func:`states_of`; one that is not there runs wherever a ticket may
    be overdue.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        regions: Regions,
        root: str,
        *,
        runs: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        self.root = root
        self.regions = regions
        self.events = 0
        self.refused = 0
        self.unreadable = 0
        self._last: list[tuple[int, int, Happening]] = []
        self._lifecycle = lifecycle
        self._runs = runs
        self._overdue_in = frozenset(lifecycle.table.events[Overdue.TYPE].states)
        self._undispatched = frozenset(lifecycle.table.events[Dispatched.TYPE].states)
        self._open: dict[str, _Open] = {}
        self._cells: Counter[Cell] = Counter()
        self._types: Counter[str] = Counter()
        self._satisfaction: Counter[Satisfaction] = Counter()
        self._seconds: Counter[int] = Counter()

    def watches(self, area: str) -> bool:
        """Whether events of ``area`` are counted here."""
        return self.regions.row(area, self.root) is not None

    def take(self, data: EventData, *, ticket: str, author: str, time: datetime, at_ms: int, area: str) -> None:
        """Count an event that was admitted at ``at_ms`` (Unix, milliseconds)."""
        row = self.regions.row(area, self.root)
        if row is None:
            return
        self.events += 1
        self._tick(at_ms // 1000)
        self._types[data.TYPE] += 1
        if isinstance(data, CalledBack):
            self._satisfaction[data.satisfaction] += 1
        if not data.TYPE.startswith(_BOOKKEEPING):
            happening = Happening(time=time, type=data.TYPE, ticket=ticket, source=author, area=area)
            insort(self._last, (at_ms, self.events, happening))
            del self._last[:-LAST]
        known = self._open.get(ticket)
        if data.TYPE in self._lifecycle.table.events and (known or isinstance(data, Filed)):
            self._move(known, row, data, ticket, author, at_ms)

    def _move(self, known: _Open | None, row: str, data: EventData, id: str, author: str, at_ms: int) -> None:
        after = self._lifecycle.follow(known.ticket if known else None, data, subject=id, author=author, at_ms=at_ms)
        overdue = self._overdue(known.overdue if known else frozenset(), after.state, data)
        lead = "" if after.state in self._undispatched else after.lead
        cell = Cell(row, lead, after.state, bool(overdue))
        if known is None or known.cell != cell:
            if known is not None:
                self._count(known.cell, -1)
            self._count(cell, 1)
        if self._lifecycle.ended(after.state):
            self._open.pop(id, None)
        else:
            self._open[id] = _Open(after, overdue, cell)

    def _overdue(self, before: frozenset[str], state: str, data: EventData) -> frozenset[str]:
        """The limits that were passed and still run; an extension gives time again."""
        if isinstance(data, Overdue):
            before |= {data.limit}
        elif isinstance(data, ExtensionDecided) and data.decision is Decision.GRANTED:
            before -= {_EXTENDED}
        return frozenset(limit for limit in before if state in self._runs.get(limit, self._overdue_in))

    def _count(self, cell: Cell, by: int) -> None:
        self._cells[cell] += by
        if not self._cells[cell]:
            del self._cells[cell]

    def _tick(self, second: int) -> None:
        self._seconds[second] += 1
        if len(self._seconds) > 4 * RATE_SECONDS:
            newest = max(self._seconds)
            self._seconds = Counter({at: n for at, n in self._seconds.items() if at >= newest - 2 * RATE_SECONDS})

    def rate(self, now: datetime) -> float:
        """Events per second that the city admitted in the last whole seconds before ``now``."""
        second = int(now.timestamp())
        return sum(self._seconds[second - back] for back in range(1, RATE_SECONDS + 1)) / RATE_SECONDS

    @property
    def last(self) -> list[Happening]:
        """What was admitted last, the latest at the end; partitions are read one after the other."""
        return [happening for _, _, happening in self._last]

    def overview(self) -> Overview:
        """Everything that was counted."""
        states, leads = Counter[str](), Counter[str]()
        for cell, count in self._cells.items():
            states[cell.state] += count
            if not self._lifecycle.ended(cell.state):
                leads[cell.lead] += count
        children = self.regions.children(self.root)
        finer = self.root == self.regions.city or children or any(cell.row != self.root for cell in self._cells)
        by: Literal["area", "lead"] = "area" if finer else "lead"
        rows = self._rows(by)
        return Overview(
            counts=_sum(rows.values()),
            states=MappingProxyType(dict(states)),
            leads=MappingProxyType(dict(leads)),
            by=by,
            rows=MappingProxyType({**dict.fromkeys(children, Counts()), **rows}),
            shares=self._shares(),
        )

    def _rows(self, by: Literal["area", "lead"]) -> Mapping[str, Counts]:
        tallies: dict[str, list[int]] = {}
        for cell, count in self._cells.items():
            tally = tallies.setdefault(cell.row if by == "area" else cell.lead, [0, 0, 0, 0])
            tally[0] += count
            tally[3 if self._lifecycle.ended(cell.state) else 1] += count
            tally[2] += count * cell.overdue
        return {
            row: Counts(received=received, in_hand=in_hand, overdue=overdue, ended=ended)
            for row, (received, in_hand, overdue, ended) in sorted(tallies.items())
        }

    def _shares(self) -> Shares:
        said = {**self._satisfaction, Satisfaction.UNKNOWN: 0}
        return Shares(
            merged=_share(self._types[Merged.TYPE], self._types[Filed.TYPE]),
            contested=_share(self._types[Declined.TYPE], self._types[Dispatched.TYPE]),
            dissatisfied=_share(said.get(Satisfaction.DISSATISFIED, 0), sum(said.values())),
        )


def states_of(limits: Limits | None) -> Mapping[str, frozenset[str]]:
    """The states in which each of a city's time limits, as they are now, runs or stands still; none without limits."""
    newest = limits.versions[-1].limits if limits is not None else {}
    return {name: frozenset((*limit.runs_in, *limit.stands_still_in)) for name, limit in newest.items()}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _sum(rows: Collection[Counts]) -> Counts:
    def total(name: str) -> Iterator[int]:
        return (getattr(row, name) for row in rows)

    return Counts(**{name: sum(total(name)) for name in ("received", "in_hand", "overdue", "ended")})
