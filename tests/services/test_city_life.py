"""Dispatch, desks and call-back together, with everything a city does beside the plain case; the checker judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest

import hutong
from hutong.events.complaint import Amended, Filed, Kind, Merged
from hutong.events.disposition import Dispatched
from services.callback.__main__ import call_back
from services.callback.handler import Shares
from services.desk.answering import answer
from services.desk.habits import Asking, Habits, Late, Whistle
from services.desk.handler import Desk
from services.desk.store import CaseStore
from services.dispatch.contests import Contests
from services.dispatch.store import FilingStore
from services.drawing import ALWAYS, Chance
from services.serving import EventTimes
from tests.checker import check
from tests.checker.reading import read_history
from tests.cities import CITY, TwinCity
from tests.services.handling import run, until_quiet
from tests.services.test_dispatch_to_callback import beijings, dispatching, histories, refusals, states

DESKS = (CITY, "110000.water", "110105", "110105026")
HABITS = Habits(
    decline=Chance(share=0.3),
    reasons=("not_our_duty", "duplicate"),
    whistle=Chance(share=0.3),
    whistles=(Whistle(units=("110000.water", "110105026"), label="A"),),
    extension=Asking(share=0.4, hours=120, reason="more_time"),
    suspension=Asking(share=0.4, hours=720, reason="needs_conditions"),
    grants_extension=Chance(share=0.7),
    grants_suspension=Chance(share=0.7),
)
ROUTING = beijings(contests=Contests(reasons={"not_our_duty": Chance(share=0.8), "duplicate": Chance(share=0)}))
_NUMBERS = count()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path / "city") as made:
        made.register("110000.water")
        made.register("110105", level="district")
        made.register("110105026", level="street", parent="110105")
        yield made


def file(city: TwinCity, phone: str = "", address: str = "", category: str = "housing/property") -> str:
    """File a complaint as the hotline; its ticket."""
    number = next(_NUMBERS)
    data = Filed(
        kind=Kind.COMPLAINT,
        channel="phone",
        category=category,
        area="110105026",
        identity=hutong.Clear({"name": "王某甲", "phone": phone or f"100{number:08d}"}),
        place=hutong.Clear({"community": "示范一社区", "address": address or f"幸福路{number}号"}),
        narrative=hutong.Clear("物业不清扫楼道"),
    )
    return city.connect(CITY, "intake").submit(data, wait="admitted").ticket


def live(city: TwinCity, habits: Habits = HABITS, desks: tuple[str, ...] = DESKS) -> None:
    """Every service again and again, each started anew, until nothing is left to do."""

    def desk(unit: str, bus: hutong.Bus) -> None:
        with closing(CaseStore(city.home, unit, {})) as cases:
            answer(bus, Desk(unit, habits, cases=cases, seed=3))

    def one() -> None:
        run(city, CITY, "dispatch", dispatching(city, ROUTING))
        for unit in desks:
            run(city, unit, "desk", partial(desk, unit))
        run(city, CITY, "callback", partial(call_back, shares=Shares(satisfied=0.7), seed=1, times=EventTimes.NOW))

    until_quiet(city, one)


def violations(city: TwinCity) -> list[str]:
    return [str(violation) for violation in check(read_history(city.transport, city.settings(CITY))).violations]


@pytest.mark.timeout(400)
def test_every_ticket_comes_to_its_end_whatever_happens_to_it(city: TwinCity) -> None:
    """Contested, helped with, given time, suspended, reopened: all end, nothing is refused, the checker is content."""
    tickets = [file(city, category=category) for _ in range(20) for category in ("housing/property", "traffic/parking")]
    repeats = [file(city, phone="10000000001") for _ in range(4)]
    live(city)
    assert states(city) == {"closed": len(tickets) + 1, "merged": len(repeats) - 1}
    assert refusals(city) == []
    assert violations(city) == []
    seen = Counter(event.type.split(".")[1] for events in histories(city).values() for event in events)
    for step in (
        "declined", "decline_decided", "assist_requested", "assist_reported", "extension_requested",
        "extension_decided", "suspended", "resumed", "reopened", "amended", "merged",
    ):  # fmt: skip
        assert seen[step] > 0, step
    for unit in ("110000.water", "110105", "110105026"):
        assert [e for e in city.connect(unit).replay(source="deliveries") if e.refusal] == []


def test_three_calls_about_one_thing_end_in_the_first(city: TwinCity) -> None:
    """By the caller, or by the place; another caller elsewhere is a complaint of its own."""
    first = file(city, phone="10000000001", address="幸福路1号")
    by_caller = file(city, phone="100 0000 0001")
    by_place = file(city, address="幸福路１号。")
    other = file(city)
    live(city, Habits())
    found = histories(city)
    merged = {
        ticket: event.data for ticket, events in found.items() for event in events if event.type.endswith("merged.v1")
    }
    assert merged == {
        by_caller: Merged(into=first, rule="same_caller"),
        by_place: Merged(into=first, rule="same_place"),
    }
    told = [event.data.repeat.ticket for event in found[first] if isinstance(event.data, Amended) and event.data.repeat]
    assert told == [by_caller, by_place]
    assert found[other][-1].type == found[first][-1].type == "disposition.closed.v1"
    assert violations(city) == []


def test_a_repeat_of_what_was_closed_meanwhile_is_dispatched(city: TwinCity) -> None:
    """Dispatch does not know yet that the older ticket is closed; admit does, and the younger is handled."""
    older = file(city, phone="10000000001")
    live(city, Habits())
    with closing(FilingStore(city.home, CITY, {})) as filings:
        assert filings.get(older) is None
    younger = file(city, phone="10000000001")
    live(city, Habits())
    assert states(city) == {"closed": 2}, "it was known to be closed"

    third = file(city, phone="10000000002")
    run(city, CITY, "dispatch", dispatching(city, ROUTING))
    hotline = city.connect(CITY)
    fourth = file(city, phone="10000000002")
    hotline.submit(hutong.complaint.Withdrawn(reason="citizen_request"), ticket=third, wait="admitted")
    run(city, CITY, "dispatch", dispatching(city, ROUTING))  # hears of the filing before it hears of the withdrawal
    assert refusals(city) == ["superseded"]
    live(city, Habits())
    assert states(city) == {"closed": 3, "withdrawn": 1}
    assert [event.type for event in histories(city)[fourth]][1] == Dispatched.TYPE
    assert younger in histories(city)


def test_dispatch_that_lost_its_store_merges_as_before(city: TwinCity) -> None:
    """It is filled again from the hotline's own deliveries; the new key hides the callers as the old one did."""
    older = file(city, phone="10000000001")
    run(city, CITY, "dispatch", dispatching(city, ROUTING))
    (city.home / "state" / "dispatch" / f"{CITY}.sqlite").unlink()
    younger = file(city, phone="10000000001")
    live(city, Habits())
    assert isinstance(histories(city)[younger][-1].data, Merged)
    assert older in histories(city)


@pytest.mark.parametrize("step", [Amended, Merged])
def test_dispatch_killed_in_the_middle_of_a_merge_merges_once(city: TwinCity, step: type[hutong.EventData]) -> None:
    """Between telling the older ticket, or ending the younger, and its mark."""
    older, younger = file(city, phone="10000000001"), file(city, phone="10000000001")

    def killed(bus: hutong.Bus) -> None:
        submit = bus.submit_batch

        def then_die(drafts: list[hutong.Draft]) -> None:
            submit(drafts)
            if any(isinstance(draft.data, step) for draft in drafts):
                raise KeyboardInterrupt

        bus.submit_batch = then_die  # type: ignore[method-assign, assignment]
        dispatching(city, ROUTING)(bus)

    with pytest.raises(KeyboardInterrupt):
        run(city, CITY, "dispatch", killed)
    live(city, Habits())
    assert refusals(city) == ["already_admitted"]
    types = [event.type for event in histories(city)[younger]]
    assert types == ["complaint.filed.v1", "complaint.merged.v1"]
    assert sum(isinstance(event.data, Amended) for event in histories(city)[older]) == 1
    assert violations(city) == []


def test_the_fourth_dispatch_cannot_be_declined(city: TwinCity) -> None:
    """Everybody declines; the hotline asks the next, and then the ticket is handled by whoever has it."""
    file(city, category="public_service/water")
    live(city, Habits(decline=ALWAYS))
    assert states(city) == {"closed": 1}
    assert refusals(city) == []


def test_no_store_holds_a_name_a_number_or_an_address(city: TwinCity, tmp_path: Path) -> None:
    """What dispatch compares it keeps as keyed hashes."""
    file(city, phone="10012345678", address="和谐街77号")
    run(city, CITY, "dispatch", dispatching(city, ROUTING))
    folder = city.home / "state" / "dispatch"
    kept = b"".join(path.read_bytes() for path in folder.iterdir())
    assert kept
    for text in ("10012345678", "王某甲", "和谐街77号", "和谐街", "示范一社区"):
        assert text.encode() not in kept


def test_late_answers_come_though_the_desk_was_killed_and_lost_its_file(city: TwinCity) -> None:
    """What is due stands in its deliveries as well: a new file is filled from them, and the ticket ends."""
    file(city)
    late = Habits(late=Late(share=1, hours=1))

    def desk(bus: hutong.Bus) -> None:
        with closing(CaseStore(city.home, "110105026", {})) as cases:
            made = Desk("110105026", late, cases=cases, hour=timedelta(milliseconds=1))
            answer(bus, made, rebuild=None if cases.rebuilt else cases.rebuilding())

    run(city, CITY, "dispatch", dispatching(city, ROUTING))
    with closing(CaseStore(city.home, "110105026", {})) as cases:
        slow = Desk("110105026", late, cases=cases)  # an hour takes an hour: it is killed long before
        run(city, "110105026", "desk", partial(answer, desk=slow))
    assert states(city) == {"accepted": 1}
    (city.home / "state" / "desk" / "110105026.sqlite").unlink()
    run(city, "110105026", "desk", desk)
    assert states(city) == {"resolved": 1}
    run(city, "110105026", "desk", desk)
    assert refusals(city) == []
