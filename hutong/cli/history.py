"""What the events of one ticket amount to: its steps, and who held it for how long. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import zip_longest

from hutong.event import Event
from hutong.events.complaint import Amended, Filed
from hutong.events.notice import Erased
from hutong.rules.deadlines import Deadline
from hutong.rules.lifecycle import Lifecycle, Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event. ``at`` is when its author says it happened; ``since`` the time since the step before it.

    ``after`` is the ticket it left; None for a refusal, which changes nothing.
    """

    event: Event
    at: datetime | None
    since: timedelta | None
    after: Ticket | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """An organisation whose move it was, as ``lead``, or by the right it acted by (``dispatch``, ``call_back``).

    ``total`` over ``times`` stretches; ``holding``: the last one lasts.
    """

    organisation: str
    task: str
    total: timedelta
    times: int
    holding: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One ticket's life. ``ticket`` and ``filed`` are None where only refusals speak of it.

    ``age`` is from filing to the end of an ended ticket, else until ``now``. ``repeats`` are younger tickets that it
    was told of as its repeats (the merge of one may have been refused after that), ``erased`` the ids of ticket keys
    that the custodian destroyed.
    """

    id: str
    steps: tuple[Step, ...]
    ticket: Ticket | None
    filed: Filed | None
    filed_at: datetime | None
    ended: bool
    age: timedelta
    holders: tuple[Holder, ...]
    now: datetime
    repeats: tuple[str, ...] = ()
    erased: frozenset[bytes] = frozenset()
    deadlines: tuple[Deadline, ...] = ()


def history_of(
    id: str, events: Iterable[Event], lifecycle: Lifecycle, now: datetime, deadlines: Iterable[Deadline] = ()
) -> History:
    """The history told by one ticket's ``events``, in their order; an event that came twice counts once."""
    steps = _steps(events, lifecycle)
    admitted = [step for step in steps if step.after is not None]
    ticket = admitted[-1].after if admitted else None
    ended = ticket is not None and lifecycle.ended(ticket.state)
    filed = next((step for step in admitted if isinstance(step.event.data, Filed)), None)
    filed_at = filed.at if filed else None
    last = admitted[-1].at if admitted and ended else now
    return History(
        id=id,
        steps=tuple(steps),
        ticket=ticket,
        filed=filed.event.data if filed and isinstance(filed.event.data, Filed) else None,
        filed_at=filed_at,
        ended=ended,
        age=max(last - filed_at, timedelta()) if filed_at and last else timedelta(),
        holders=_holders(admitted, lifecycle, now),
        now=now,
        repeats=tuple(_repeats(admitted)),
        erased=frozenset(
            key for step in admitted if isinstance(step.event.data, Erased) for key in step.event.data.key_ids
        ),
        deadlines=tuple(deadlines),
    )


def _repeats(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        if isinstance(step.event.data, Amended) and step.event.data.repeat is not None:
            yield step.event.data.repeat.ticket


def _steps(events: Iterable[Event], lifecycle: Lifecycle) -> list[Step]:
    steps: list[Step] = []
    ticket: Ticket | None = None
    seen: set[tuple[bytes, str]] = set()
    before: datetime | None = None
    for event in events:
        mark = (event.fingerprint, event.refusal.code if event.refusal else "")
        if mark in seen:
            continue
        seen.add(mark)
        after = None
        if event.refusal is None:
            at_ms = event.ledger.admitted_ms if event.ledger else 0
            after = ticket = lifecycle.follow(
                ticket, event.data, subject=event.ticket, author=event.source, at_ms=at_ms
            )
        since = event.time - before if event.time and before else None
        steps.append(Step(event=event, at=event.time, since=since, after=after))
        before = event.time or before
    return steps


def _holders(steps: Iterable[Step], lifecycle: Lifecycle, now: datetime) -> tuple[Holder, ...]:
    """Stretches between the steps that move the ticket, summed by organisation and task, in the order of their first.

    A step that leaves the ticket in its state is nobody's move: a key released, a reminder, help that came.
    """
    moves = [step for step in steps if lifecycle.table.events[step.event.type].moves]
    found: dict[tuple[str, str], Holder] = {}
    before: tuple[str, str] | None = None
    for step, following in zip_longest(moves, moves[1:]):
        assert step.after is not None
        holder = _whose_move(step.after, following, lifecycle)
        if holder is None:
            continue
        until = following.at if following else now
        held = max(until - step.at, timedelta()) if until and step.at else timedelta()
        known = found.get(holder)
        if known is None:
            known = Holder(organisation=holder[0], task=holder[1], total=timedelta(), times=0, holding=False)
        found[holder] = replace(
            known, total=known.total + held, times=known.times + (holder != before), holding=following is None
        )
        before = holder
    return tuple(found.values())


def _whose_move(ticket: Ticket, following: Step | None, lifecycle: Lifecycle) -> tuple[str, str] | None:
    """Whose move it is in a ticket's state, by the table: the lead's where the lead has one.

    Else whoever moved it next had it; while nobody has, whoever dispatched or filed the ticket.
    """
    if lifecycle.ended(ticket.state):
        return None
    onward = [rule for rule in lifecycle.table.events.values() if ticket.state in rule.states and rule.moves]
    ways = [by for rule in onward for by in rule.by]
    if any(by.role == "lead" for by in ways):
        return ticket.lead, "lead"
    task = next((by.right for by in ways if by.right), None) or ways[0].role or ""
    return (following.event.source if following else ticket.dispatcher or ticket.filer), task
