"""Which limits run for a ticket and when they end: suspended, extended, sent back, reopened, in any order."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hutong
from hutong import complaint, disposition
from hutong.errors import InvalidEvent
from hutong.events.disposition import Decision, Measure, Urgency
from hutong.rules.calendar import BusTime, milliseconds
from hutong.rules.deadlines import Timekeeping, deadlines
from hutong.rules.lifecycle import Lifecycle
from hutong.rules.limits import Limits
from tests.client.lives import admitted, at, beijing, filed, life, one
from tests.client.naive import naive
from tests.services.handling import event

MONDAY = "2026-06-01 10:00"
START = at("2026-09-29 00:00")
WATER = "110000.water"
DISPATCHED = disposition.Dispatched(lead=WATER)
URGENT = disposition.Dispatched(lead=WATER, urgency=Urgency.URGENT)
ACCEPTED = disposition.Accepted()
ASKED = disposition.ExtensionRequested(measure=Measure.SUSPENSION, until=at(MONDAY), reason="parts")


def suspended(until: str) -> disposition.Suspended:
    return disposition.Suspended(until=at(until), reason="parts")


RESUMED = disposition.Resumed(reason="cause_removed")


def test_a_limit_ends_with_the_step_out_of_its_states() -> None:
    """Signed within the day and answered after eight days: the first was kept, the second missed."""
    found = life(
        (MONDAY, filed()),
        ("2026-06-01 11:00", DISPATCHED),
        ("2026-06-02 09:00", ACCEPTED),
        ("2026-06-09 09:00", disposition.Resolved()),
    )
    assert [(d.limit, d.kept) for d in found] == [("dispatch", True), ("sign", True), ("answer", False)]
    assert one(found, "answer").met_at == at("2026-06-09 09:00")


def test_a_step_at_the_very_end_is_in_time() -> None:
    """Due means: until then, this millisecond included."""
    on_time = life((MONDAY, filed()), ("2026-06-02 10:00", DISPATCHED))
    assert one(on_time, "dispatch").kept
    late = deadlines(
        [admitted(filed(), at(MONDAY)), admitted(DISPATCHED, at("2026-06-02 10:00") + timedelta(milliseconds=1))],
        beijing(),
    )
    assert one(late, "dispatch").kept is False


def test_suspended_the_clock_stands_still_and_what_was_left_goes_on() -> None:
    """Of 24 hours two were used; 22 are left when it is resumed three days later."""
    steps = [(MONDAY, filed()), (MONDAY, URGENT), (MONDAY, ACCEPTED), (MONDAY, ASKED)]
    standing = life(*steps, ("2026-06-01 12:00", suspended("2026-06-10 12:00")))
    deadline = one(standing, "answer")
    assert (deadline.suspended, deadline.due) == (True, at("2026-06-11 10:00"))  # if nobody resumes it earlier
    resumed = life(*steps, ("2026-06-01 12:00", suspended("2026-06-10 12:00")), ("2026-06-04 12:00", RESUMED))
    deadline = one(resumed, "answer")
    assert (deadline.suspended, deadline.due) == (False, at("2026-06-05 10:00"))


def test_a_suspension_is_over_on_the_day_it_named_however_late_the_resumption_comes() -> None:
    """The clock was down that day; the unit gains nothing by it."""
    steps = [(MONDAY, filed()), (MONDAY, URGENT), (MONDAY, ACCEPTED), (MONDAY, ASKED)]
    found = life(*steps, ("2026-06-01 12:00", suspended("2026-06-03 12:00")), ("2026-06-20 12:00", RESUMED))
    assert one(found, "answer").due == at("2026-06-04 10:00")


def test_a_suspension_mends_nothing_that_was_overdue() -> None:
    found = life(
        (MONDAY, filed()), (MONDAY, URGENT), (MONDAY, ACCEPTED),
        ("2026-06-03 09:00", ASKED), ("2026-06-03 10:00", suspended("2026-06-10 12:00")),
    )  # fmt: skip
    deadline = one(found, "answer")
    assert (deadline.due, deadline.suspended) == (at("2026-06-02 10:00"), False)


def test_a_granted_extension_is_the_new_end_and_a_rejected_one_changes_nothing() -> None:
    """In working time or not: what was granted is a moment."""
    asked = disposition.ExtensionRequested(until=at("2026-06-20 18:00"), reason="weather")
    steps = [(MONDAY, filed()), (MONDAY, DISPATCHED), (MONDAY, ACCEPTED), (MONDAY, asked)]
    granted = disposition.ExtensionDecided(decision=Decision.GRANTED, until=at("2026-06-20 18:00"))
    rejected = disposition.ExtensionDecided(decision=Decision.REJECTED, until=at("2026-06-20 18:00"))
    assert one(life(*steps, (MONDAY, granted)), "answer").due == at("2026-06-20 18:00")
    assert one(life(*steps, (MONDAY, rejected)), "answer").due == at("2026-06-09 00:00")


def test_sent_back_and_dispatched_again_every_limit_begins_anew() -> None:
    """Signing ended when the unit declined; dispatching runs again until the next unit has it."""
    found = life(
        (MONDAY, filed()), ("2026-06-01 11:00", DISPATCHED),
        ("2026-06-01 12:00", disposition.Declined(reason="not_ours")),
        ("2026-06-01 13:00", disposition.DeclineDecided(decision=Decision.GRANTED)),
        ("2026-06-01 14:00", URGENT),
    )  # fmt: skip
    assert [(d.limit, d.urgency.value) for d in found] == [
        ("dispatch", "ordinary"), ("sign", "ordinary"), ("answer", "ordinary"),
        ("dispatch", "ordinary"), ("sign", "urgent"), ("answer", "urgent"),
    ]  # fmt: skip
    assert one(found, "sign").due == at("2026-06-01 14:30")


def test_a_ticket_keeps_the_version_it_was_filed_under() -> None:
    """A stricter version of 1 July does not touch a ticket of 30 June."""
    limits = Limits.load("110000")
    assert limits is not None
    first = limits.versions[0]
    second = first.model_copy(update={"version": 2, "since": at("2026-07-01 00:00").date()})
    keeping = Timekeeping(limits.model_copy(update={"versions": (first, second)}))
    for filed_at, version in [("2026-06-30 23:59", 1), ("2026-07-01 00:00", 2)]:
        events = [admitted(filed(), at(filed_at)), admitted(DISPATCHED, at("2026-07-02 10:00"))]
        assert {d.version for d in deadlines(events, keeping)} == {version}
    assert deadlines([admitted(filed(), at("2021-12-31 23:59"))], keeping) == ()


def test_a_complaint_that_is_played_back_is_left_alone() -> None:
    """More than seven days between its happening and its admission: history, no limit runs."""
    week = at("2026-05-25 10:00")
    assert deadlines([admitted(filed(), at(MONDAY), said=week)], beijing()) != ()
    earlier = admitted(filed(), at(MONDAY), said=week - timedelta(milliseconds=1))
    assert deadlines([earlier, admitted(DISPATCHED, at(MONDAY))], beijing()) == ()


def test_bus_time_runs_faster_and_due_is_admitted_time() -> None:
    """At speed 720 an ordinary ticket must be dispatched within two minutes; what is granted until then stays so."""
    limits = Limits.load("110000")
    assert limits is not None
    start = at(MONDAY)
    keeping = Timekeeping(limits, time=BusTime(origin_ms=milliseconds(start), speed=720))
    found = deadlines([admitted(filed(), start)], keeping)
    assert one(found, "dispatch").due == start + timedelta(minutes=2)
    until = start + timedelta(minutes=5)
    granted = disposition.ExtensionDecided(decision=Decision.GRANTED, until=until)
    asked = disposition.ExtensionRequested(until=until, reason="weather")
    events = [admitted(data, start) for data in (filed(), DISPATCHED, ACCEPTED, asked, granted)]
    assert one(deadlines(events, keeping), "answer").due == until


def test_what_is_not_on_the_ledger_has_no_limits() -> None:
    with pytest.raises(InvalidEvent, match="not on the ledger"):
        deadlines([event(filed())], beijing())


def test_an_endless_extension_and_suspension_fail_nothing() -> None:
    """Whatever a supervisor writes: the end of time is a date, too."""
    end = at("9999-12-30 00:00")
    granted = disposition.ExtensionDecided(decision=Decision.GRANTED, until=end)
    asked = disposition.ExtensionRequested(until=end, reason="weather")
    limits = Limits.load("110000")
    assert limits is not None
    keeping = Timekeeping(limits, time=BusTime(origin_ms=milliseconds(at(MONDAY)), speed=720))
    steps = (filed(), DISPATCHED, ACCEPTED, asked, granted, ASKED, disposition.Suspended(until=end, reason="parts"))
    found = deadlines([admitted(data, at(MONDAY)) for data in steps], keeping)
    assert one(found, "answer").due.year == 9999


# -- any history, against a reference that walks minute by minute --------------------------------------------------


@cache
def lifecycle() -> Lifecycle:
    return Lifecycle.load()


RARE = (complaint.Withdrawn, complaint.Amended, disposition.Escalated, disposition.Resolved, disposition.Declined)
TYPES: list[type[hutong.EventData]] = [
    disposition.Suspended, disposition.Resumed, disposition.ExtensionRequested, disposition.ExtensionDecided,
    disposition.Accepted, disposition.Dispatched, disposition.DeclineDecided,
    disposition.CalledBack, disposition.Reopened, *RARE,
]  # fmt: skip


def _made(kind: type[hutong.EventData], minute: int, draw: st.DrawFn) -> hutong.EventData:
    """One event of this type; what it grants ends around now, or days later."""
    ahead = st.one_of(st.integers(-600, 600), st.integers(0, 9000))
    decision = st.sampled_from([Decision.GRANTED, Decision.REJECTED])
    match kind:
        case disposition.Suspended:
            return disposition.Suspended(until=START + timedelta(minutes=minute + draw(ahead)), reason="parts")
        case disposition.ExtensionDecided:
            until = START + timedelta(minutes=minute + draw(ahead))
            return disposition.ExtensionDecided(decision=draw(decision), until=until)
        case disposition.ExtensionRequested:
            return disposition.ExtensionRequested(until=START, reason="weather")
        case disposition.Dispatched:
            return disposition.Dispatched(lead=WATER, urgency=draw(st.sampled_from(list(Urgency))))
        case disposition.DeclineDecided:
            return disposition.DeclineDecided(decision=draw(decision))
        case disposition.CalledBack:
            return disposition.CalledBack(contacted=False)
        case disposition.Accepted | disposition.Resolved | complaint.Amended:
            return kind()
    return kind.model_validate({"reason": "not_ours"})


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, hutong.EventData]]:
    """A ticket's legal life over 国庆, minutes from 29 September on."""
    minute = draw(st.integers(0, 4000))
    category = draw(st.sampled_from(["transport/parking", "public_service/gas"]))
    steps: list[tuple[int, hutong.EventData]] = [(minute, filed(category))]
    table = lifecycle()
    ticket = table.follow(None, steps[0][1], subject="t", author="110000", at_ms=0)
    for _ in range(draw(st.integers(0, 14))):
        minute += draw(st.one_of(st.integers(0, 90), st.integers(0, 2000)))
        allowed = [kind for kind in TYPES if ticket.state in table.table.events[kind.TYPE].states]
        often = [kind for kind in allowed if kind not in RARE] or allowed
        if not allowed:
            break
        data = _made(draw(st.sampled_from(often * 4 + allowed)), minute, draw)
        steps.append((minute, data))
        ticket = table.follow(ticket, data, subject="t", author="110000", at_ms=0)
    return steps


@settings(max_examples=80, deadline=None)
@given(histories())
def test_any_history_has_the_limits_that_a_walk_by_minutes_finds(steps: list[tuple[int, hutong.EventData]]) -> None:
    """Whatever happens in whatever order: the same limits, the same ends, kept and missed alike."""
    events = [admitted(data, START + timedelta(minutes=minute)) for minute, data in steps]
    found = [
        (d.limit, (d.began - START) // timedelta(minutes=1), (d.due - START) // timedelta(minutes=1), d.kept)
        for d in deadlines(events, beijing())
    ]
    assert sorted(found, key=str) == sorted(naive(steps), key=str)
