"""时限: the clock on a whole city: each reminder and each overdue once, whatever happens to the clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from hutong import disposition
from hutong.events.disposition import Measure
from hutong.looking import View
from hutong.rules.deadlines import Course, Timekeeping
from services.clock.handler import Clock, Kept
from services.clock.store import CourseStore
from tests.cities import CITY
from tests.client.lives import admitted, at, filed
from tests.services import clocks
from tests.services.clocks import BEGIN, CLOCK, WATER, Town

DISPATCHED = disposition.Dispatched(lead=WATER)
ACCEPTED = disposition.Accepted()
DISPATCH = ["reminded dispatch 06-02 10:00", "overdue dispatch 06-02 10:00", "escalated"]


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    town = Town(tmp_path, monkeypatch)
    with town.city:
        yield town


def test_a_limit_reminds_before_is_overdue_after_and_then_escalates(town: Town) -> None:
    """Each when its time has come and not before, and once, however often the clock looks."""
    town.file()
    for moment, count in [("02 05:59", 0), ("02 06:01", 1), ("02 09:59", 1), ("02 10:01", 2), ("02 22:01", 3)]:
        town.at(f"2026-06-{moment}").run_clock(looks=5)
        assert town.said() == DISPATCH[:count], moment
    before = town.submitted()
    town.run_clock()
    assert town.said() == DISPATCH
    assert town.submitted() == before  # it does not even try
    assert town.refused() == []


def test_what_was_done_in_time_is_not_said(town: Town) -> None:
    """Dispatched, accepted and resolved within their limits: the clock has nothing to say, ever."""
    ticket = town.file()
    town.does(town.hotline, ticket, DISPATCHED)
    town.does(town.water, ticket, ACCEPTED, disposition.Resolved())
    town.at("2026-07-01 10:00").run_clock()
    assert town.said() == []


def test_a_clock_that_was_down_says_what_is_overdue_still_in_the_order_it_fell_due(town: Town) -> None:
    """What was met meanwhile is not said, nor a reminder that comes too late."""
    still, met = town.file(), town.file()
    town.at("2026-06-01 12:00")
    later = town.file()
    town.run_clock()
    town.at("2026-06-02 11:00").does(town.hotline, met, DISPATCHED)
    town.does(town.water, met, ACCEPTED)
    town.at("2026-06-02 13:00").run_clock()
    assert town.said(met) == []
    assert town.said(still) == ["overdue dispatch 06-02 10:00"]
    assert town.said(later) == ["overdue dispatch 06-02 12:00"]
    said = [event for event in town.city.connect(CLOCK).replay(source="deliveries") if event.source == CLOCK]
    assert len({event.ledger.partition for event in said if event.ledger}) == 2 or said[0].ticket == still


class Dies:
    """A memory whose process dies when it is to note that something was said."""

    def __init__(self, inner: CourseStore) -> None:
        self._inner = inner

    def get(self, ticket: str) -> Kept | None:
        return self._inner.get(ticket)

    def put(self, kept: Kept, *, next_ms: int | None) -> None:
        if kept.fired:
            raise SystemExit(9)
        self._inner.put(kept, next_ms=next_ms)

    def due(self, now_ms: int) -> Iterator[Kept]:
        return self._inner.due(now_ms)


def test_killed_between_saying_and_noting_it_says_nothing_twice(town: Town) -> None:
    """What it says again after its start is the same event, byte for byte: it stands once, and nothing is refused."""
    town.file()
    town.at("2026-06-02 06:01")
    with pytest.raises(SystemExit):
        town.run_clock(store=Dies)
    assert town.said() == DISPATCH[:1]
    town.at("2026-06-02 06:02").run_clock()
    town.at("2026-06-02 23:00")
    with pytest.raises(SystemExit):
        town.run_clock(store=Dies)
    town.at("2026-06-02 23:01").run_clock()
    assert town.said() == DISPATCH
    assert town.refused() == []


def test_a_lost_memory_is_made_again_from_what_was_delivered(town: Town) -> None:
    """Also where nothing comes any more that would tell of the ticket: nothing is lost, nothing said twice."""
    ticket = town.file()
    town.at("2026-06-02 10:01").run_clock()
    (town.city.home / "state" / "clock" / f"{CLOCK}.sqlite").unlink()
    town.at("2026-06-02 22:01").run_clock()
    assert town.said(ticket) == [DISPATCH[1], DISPATCH[2]]
    (town.city.home / "state" / "clock" / f"{CLOCK}.sqlite").write_bytes(b"garbage" * 1000)
    town.run_clock()
    assert town.said(ticket) == [DISPATCH[1], DISPATCH[2]]


def test_a_ticket_it_was_never_told_of_makes_it_read_its_door_again(town: Town) -> None:
    """Another machine's clock had it; this one has other tickets, and learns of all."""
    first = town.file()
    town.run_clock()
    (town.city.home / "state" / "clock" / f"{CLOCK}.sqlite").unlink()
    other = Kept(
        ticket="other", partition=0, sequence=1, course=Course(version=1, state="filed", counts={}, category="a")
    )
    with closing(CourseStore(town.city.home, CLOCK, {})) as store, store.rebuilding():
        store.put(other, next_ms=None)
    town.does(town.hotline, first, DISPATCHED)
    town.at("2026-06-03 00:01").run_clock()
    assert town.said(first) == ["overdue sign 06-03 00:00"]


def test_killed_while_its_memory_is_made_again_it_begins_anew(town: Town) -> None:
    """Half a memory would leave the tickets it had not come to unwatched."""
    ticket = town.file()
    other = Kept(
        ticket="other", partition=0, sequence=1, course=Course(version=1, state="filed", counts={}, category="a")
    )

    def killed(store: CourseStore) -> None:
        with store.rebuilding():
            store.put(other, next_ms=None)
            raise KeyboardInterrupt

    with closing(CourseStore(town.city.home, CLOCK, {})) as store, pytest.raises(KeyboardInterrupt):
        killed(store)
    town.at("2026-06-02 10:01").run_clock()
    assert town.said(ticket) == [DISPATCH[1]]


def test_played_back_history_is_left_alone(town: Town) -> None:
    """A complaint of eight days ago, filed now: whatever happens to it, the clock is silent."""
    town.file(happened=BEGIN - timedelta(days=8))
    town.at("2026-07-01 10:00").run_clock()
    assert town.said() == []


def test_a_suspension_that_is_over_is_ended_by_the_clock(town: Town) -> None:
    """Then what was left of the limit goes on; resumed by hand before, the clock says nothing of it."""
    ticket = town.file()
    until = at("2026-06-20 10:00")
    town.does(town.hotline, ticket, DISPATCHED)
    town.does(town.water, ticket, ACCEPTED)
    town.does(
        town.water,
        ticket,
        disposition.ExtensionRequested(measure=Measure.SUSPENSION, until=until, reason="parts"),
    )
    town.does(town.hotline, ticket, disposition.Suspended(until=until, reason="parts"))
    town.at("2026-06-15 10:00").run_clock()
    assert town.said() == []
    town.at("2026-07-10 10:00").run_clock(looks=6)
    assert town.said() == ["resumed", "overdue answer 06-27 10:00", "escalated"]
    assert town.refused() == []


def suspended(town: Town, moment: str) -> str:
    """A ticket that its unit has in hand, and that is suspended at ``moment`` until June 20th, ten o'clock."""
    ticket, until = town.file(), at("2026-06-20 10:00")
    town.does(town.hotline, ticket, DISPATCHED)
    town.does(town.water, ticket, ACCEPTED)
    town.at(moment)
    asked = disposition.ExtensionRequested(measure=Measure.SUSPENSION, until=until, reason="parts")
    town.does(town.water, ticket, asked)
    town.does(town.hotline, ticket, disposition.Suspended(until=until, reason="parts"))
    return ticket


def test_a_reminder_that_falls_into_a_suspension_comes_when_it_is_over(town: Town) -> None:
    """Fourteen hours were left, and it reminds a day before: at once, when the ticket is in hand again."""
    suspended(town, "2026-06-08 10:00")
    town.at("2026-06-20 05:00").run_clock()
    assert town.said() == []
    town.at("2026-06-20 10:01").run_clock(looks=6)
    assert town.said() == ["resumed", "reminded answer 06-21 00:00"]
    assert town.refused() == []


def test_what_was_overdue_before_a_suspension_is_said_after_it(town: Town) -> None:
    """The clock was down when it fell due; meanwhile the unit was given leave to wait."""
    suspended(town, "2026-06-10 10:00")
    town.at("2026-06-11 10:00").run_clock()
    assert town.said() == []
    town.at("2026-06-22 10:00").run_clock(looks=6)
    assert town.said() == ["resumed", "overdue answer 06-09 00:00", "escalated"]
    assert town.refused() == []


def test_a_unit_that_was_just_in_time_after_all_is_no_trouble(town: Town) -> None:
    """Its answer was on its way when the clock spoke: admit says so, the clock goes on, and says nothing more of it."""
    ticket, other = town.file(), town.file()
    town.does(town.hotline, ticket, DISPATCHED)
    town.does(town.water, ticket, ACCEPTED)
    town.at("2026-06-09 00:01")
    with town.city.asleep():
        town.water.submit(disposition.Resolved(), ticket=ticket, time=town.now)
        town.run_clock()
    town.at("2026-06-20 00:00").run_clock()
    assert town.refused() == ["overdue answer 06-09 00:00: superseded"]
    assert town.said(ticket) == []
    assert town.said(other) == ["overdue dispatch 06-02 10:00", "escalated"]


def test_it_asks_whether_all_was_delivered_only_when_its_door_is_empty(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question costs the broker more than an event does, and behind what just came the answer tells nothing."""
    for _ in range(120):  # more than it reads together
        town.file()
    town.at("2026-07-10 10:00")
    asked = 0

    def all_delivered(view: View, city: str) -> bool:
        nonlocal asked
        asked += 1
        return True

    monkeypatch.setattr(clocks, "all_delivered", all_delivered)
    town.run_clock(looks=5)
    assert asked == 1


def test_an_answer_on_the_ledger_that_deliver_has_not_delivered_is_waited_for(town: Town) -> None:
    """Deliver is down, so the clock's door is empty: that says nothing of whether the unit was in time."""
    ticket = town.file()
    town.does(town.hotline, ticket, DISPATCHED)
    town.does(town.water, ticket, ACCEPTED)
    town.at("2026-06-08 23:59")
    with town.city.asleep():
        town.water.submit(disposition.Resolved(), ticket=ticket, time=town.now)
        town.city.admit_alone()
        town.at("2026-06-09 00:01").run_clock(looks=5)
    town.run_clock(looks=5)
    assert town.said(ticket) == []
    assert town.refused() == []


def test_nothing_falls_due_while_something_may_be_on_its_way() -> None:
    """The unit signed in time, and its signing has not come through the door: the clock holds its tongue."""
    keeping = Timekeeping.load(CITY)
    assert keeping is not None
    courses = Memory()
    clock = Clock(keeping, courses, patience_ms=2000)
    event = admitted(filed(), BEGIN)
    clock.learn(event)
    clock.saw(event)
    due = round((BEGIN + timedelta(hours=20)).timestamp() * 1000)
    assert clock.due(due, at_rest=True) == []  # not yet past
    assert clock.due(due + 1999, at_rest=True) == []
    assert clock.due(due + 10_000, at_rest=False) == []  # it is behind its door
    assert len(clock.due(due + 2001, at_rest=True)) == 1
    clock.saw(admitted(filed(), BEGIN + timedelta(hours=20, milliseconds=1)))
    assert len(clock.due(due + 2, at_rest=True)) == 1  # what came later shows that nothing is missing
    assert len(clock.due(due + 100, at_rest=False)) == 1
    assert clock.due(due + 5000, at_rest=False) == []  # it reads what is long past: it may still come


class Memory:
    """The clock's memory as a dict."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}

    def get(self, ticket: str) -> Kept | None:
        return self.kept.get(ticket)

    def put(self, kept: Kept, *, next_ms: int | None) -> None:
        self.kept[kept.ticket] = kept

    def due(self, now_ms: int) -> Iterable[Kept]:
        return self.kept.values()
