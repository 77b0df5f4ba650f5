"""并单: which complaints are the same, and what becomes of the younger."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import hutong
from hutong.events.complaint import Amended, Answered, Filed, Kind, Merged, Repeat, Withdrawn
from hutong.events.disposition import Closed, Dispatched, Urgency
from services.dispatch.handler import Dispatcher, Opened, Step
from services.dispatch.repeats import Filing, Repeats, keyed
from services.dispatch.store import FilingStore
from tests.services.handling import NOON, event
from tests.services.test_dispatch import EVERYBODY, ROUTING, OpenTickets

RULE = Repeats(days=15, levels=3, caller=("phone",), place=("community", "address"), label="A")
CALLER, PLACE = b"caller", b"place"
OLD, NEW = "110000-20260130-0000000001", "110000-20260131-0000000002"


def filing(ticket: str, day: int, **change: Any) -> Filing:
    at = round((NOON + timedelta(days=day)).timestamp() * 1000)
    given: dict[str, Any] = {
        "category": "a/b/c/d", "area": "110105026", "time_ms": at, "admitted_ms": at, "caller": CALLER, "place": PLACE,
    }  # fmt: skip
    return Filing(ticket=ticket, **{**given, **change})


def test_the_same_caller_or_the_same_place_is_the_same_complaint() -> None:
    """In one street and category, within the days; the caller counts before the place."""
    old = filing(OLD, -1)
    assert RULE.same(filing(NEW, 0), old) == "same_caller"
    assert RULE.same(filing(NEW, 0, caller=b"another"), old) == "same_place"
    assert RULE.same(filing(NEW, 0, category="a/b/c/other"), old) == "same_caller", "levels beyond are not compared"


@pytest.mark.parametrize(
    "change",
    [
        {"caller": b"another", "place": b"another"},
        {"caller": None, "place": None},
        {"area": "110105004"},
        {"category": "a/b/other"},
        {"category": "a/b"},
    ],
)
def test_what_differs_is_another_complaint(change: dict[str, Any]) -> None:
    """Another caller and place, or none known; another street; another category, or a coarser one."""
    assert RULE.same(filing(NEW, 0, **change), filing(OLD, -1)) == ""


def test_two_unknown_callers_are_not_one() -> None:
    """Nobody is the same as nobody."""
    assert RULE.same(filing(NEW, 0, caller=None, place=None), filing(OLD, -1, caller=None, place=None)) == ""


@pytest.mark.parametrize("days", [-16, 1, 0])
def test_only_an_older_one_within_the_days_counts(days: int) -> None:
    """Too old; younger by its own time; admitted in the same millisecond, where neither is the older."""
    assert RULE.same(filing(NEW, 0), filing(OLD, days)) == ""


def test_a_ticket_whose_id_has_a_later_day_is_not_merged_into() -> None:
    """A backfilled one may be admitted before and dated after; admit would refuse the merge."""
    assert RULE.same(filing(OLD, 0), filing(NEW, -1)) == ""


def test_callers_and_places_are_compared_normalised_and_under_a_key() -> None:
    """Width, case, spaces and signs do not count; without the key nothing can be told; nothing missing is the same."""
    key = b"k" * 32
    place = {"community": "示范一社区", "address": "幸福路 １ 号院，A 楼", "point": "1,2"}
    same = {"community": "示范一社区", "address": "幸福路1号院a楼"}
    assert keyed(key, "place", place, RULE.place) == keyed(key, "place", same, RULE.place) is not None
    assert keyed(key, "place", same, RULE.place) != keyed(b"x" * 32, "place", same, RULE.place)
    assert keyed(key, "place", {**same, "community": "示范二社区"}, RULE.place) != keyed(key, "place", same, RULE.place)
    assert keyed(key, "caller", {"name": "王某甲"}, RULE.caller) is None
    assert keyed(key, "caller", {"phone": " - "}, RULE.caller) is None
    assert keyed(key, "caller", None, RULE.caller) is None
    assert keyed(key, "caller", "100 1234", RULE.caller) == keyed(key, "caller", "1001234", ("name",))


class Hotline:
    """A dispatcher with its open tickets."""

    def __init__(self) -> None:
        self.filings = OpenTickets()
        routing = ROUTING.model_copy(update={"repeats": RULE})
        self._dispatcher = Dispatcher("110000", routing, self.filings)

    def files(
        self, ticket: str, day: int, *, caller: bytes = CALLER, place: bytes | None = None,
        kind: Kind = Kind.COMPLAINT, **given: Any,
    ) -> Any:  # fmt: skip
        """What it answers to a filing."""
        at = NOON + timedelta(days=day)
        data = Filed(kind=kind, channel="phone", category="public_service/water/quality", area="110105026")
        return self.hears(event(data, ticket=ticket, time=at, admitted=at, **given), Opened(caller=caller, place=place))

    def hears(self, given: hutong.Event, opened: Opened | None = None) -> list[Step]:
        return self._dispatcher.answers(given, opened or Opened(), EVERYBODY)


def told(older: str = OLD, younger: str = NEW, **given: Any) -> hutong.Event:
    """The older ticket's event about the younger."""
    return event(Amended(repeat=Repeat(ticket=younger, filed=NOON)), ticket=older, **given)


def test_a_repeat_is_told_to_the_older_ticket_and_merged_once_that_was_admitted() -> None:
    """Two events: the younger ends only after admit found the older open. A retry of each decides the same."""
    hotline = Hotline()
    [step] = hotline.files(OLD, -1)
    assert isinstance(step.data, Dispatched)
    expected = [Step(Amended(repeat=Repeat(ticket=NEW, filed=NOON)), OLD)]
    assert hotline.files(NEW, 0) == hotline.files(NEW, 0) == expected
    merged = [Step(Merged(into=OLD, rule="same_caller"), NEW)]
    assert hotline.hears(told(admitted=NOON)) == hotline.hears(told(admitted=NOON)) == merged


def test_a_retry_decides_the_same_though_the_older_was_closed_meanwhile() -> None:
    """It was told already; what admit says of that decides."""
    hotline = Hotline()
    hotline.files(OLD, -1)
    first = hotline.files(NEW, 0)
    hotline.hears(event(Closed(reason="resolved"), ticket=OLD))
    assert hotline.files(NEW, 0) == first


def test_where_the_older_was_closed_meanwhile_the_younger_is_dispatched() -> None:
    """Its refusal comes back; the ticket goes to whoever it would have gone to."""
    hotline = Hotline()
    hotline.files(OLD, -1)
    hotline.files(NEW, 0)
    [step] = hotline.hears(told(refused="superseded"))
    assert (step.ticket, step.data) == (NEW, Dispatched(lead="110000.water"))
    assert hotline.filings[NEW].into == ""


def test_a_telling_that_the_ledger_has_already_is_waited_for() -> None:
    """Killed between its answer and its mark it tells again, with other bytes: the first one counts."""
    hotline = Hotline()
    hotline.files(OLD, -1)
    hotline.files(NEW, 0)
    assert hotline.hears(told(refused="already_admitted")) == []


def test_a_younger_that_has_ended_meanwhile_is_left_alone() -> None:
    """Withdrawn by its citizen, and the older refused."""
    hotline = Hotline()
    hotline.files(OLD, -1)
    hotline.files(NEW, 0)
    hotline.hears(event(Withdrawn(reason="citizen_request"), ticket=NEW))
    assert hotline.hears(told(refused="superseded")) == []


@pytest.mark.parametrize("ending", [Closed(reason="resolved"), Withdrawn(reason="citizen_request"),
                                    Merged(into=OLD, rule="same_place"), Answered(basis="knowledge_base")])  # fmt: skip
def test_what_has_ended_is_no_older_ticket(ending: hutong.EventData) -> None:
    """The next call about it is a complaint of its own."""
    hotline = Hotline()
    hotline.files(OLD, -1)
    hotline.hears(event(ending, ticket=OLD))
    [step] = hotline.files(NEW, 0)
    assert isinstance(step.data, Dispatched)


def test_the_oldest_is_merged_into_and_nothing_into_what_is_being_merged() -> None:
    """Three calls about one thing end in the first."""
    hotline, third = Hotline(), "110000-20260131-0000000003"
    hotline.files(OLD, -1)
    hotline.files(NEW, 0)
    [step] = hotline.files(third, 0)
    assert step.ticket == OLD

    hotline = Hotline()
    hotline.files(OLD, -1)
    hotline.files(NEW, 0, place=PLACE)
    [step] = hotline.files(third, 1, caller=b"another", place=PLACE)
    assert isinstance(step.data, Dispatched), "the one it repeats is about to end"


def test_only_its_own_complaints_are_compared() -> None:
    """Another filer's tickets are neither opened nor merged; what is answered at once is no repeat either."""
    hotline = Hotline()
    hotline.files(OLD, -1, source="110105")
    assert isinstance(hotline.files(NEW, 0)[0].data, Dispatched)
    hotline = Hotline()
    hotline.files(OLD, -1)
    assert isinstance(hotline.files(NEW, 0, source="110105")[0].data, Dispatched)
    assert isinstance(hotline.files(NEW, 0, kind=Kind.CONSULTATION)[0].data, Answered)


def test_open_tickets_outlive_the_process_and_hold_no_clear_text(tmp_path: Path) -> None:
    """What is compared is found again; one in which nothing agrees is not."""
    with closing(FilingStore(tmp_path, "110000", {})) as store:
        key = store.key
        with store.rebuilding():
            store.put(filing(OLD, -1, urgency=Urgency.URGENT))
            store.put(filing("110000-20260130-0000000009", -1, caller=b"x", place=b"y"))
    with closing(FilingStore(tmp_path, "110000", {})) as store:
        assert store.rebuilt and store.key == key
        assert store.get(OLD) == filing(OLD, -1, urgency=Urgency.URGENT)
        assert [other.ticket for other in store.alike(filing(NEW, 0, place=b"z"))] == [OLD]
        assert [other.ticket for other in store.alike(filing(NEW, 0))] == [OLD]
        assert list(store.alike(filing(OLD, -1))) == []
        store.end(OLD)
        assert store.get(OLD) is None


def test_a_rebuilding_that_was_cut_short_is_none(tmp_path: Path) -> None:
    """Half of the open tickets would be taken for all of them."""

    def cut_short(store: FilingStore) -> None:
        with store.rebuilding():
            store.put(filing(OLD, -1))
            raise ZeroDivisionError

    with closing(FilingStore(tmp_path, "110000", {})) as store:
        with pytest.raises(ZeroDivisionError):
            cut_short(store)
        assert not store.rebuilt
        assert store.get(OLD) is None
