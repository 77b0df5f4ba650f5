"""办理 beyond the plain case: who whistles, asks for time, helps, supervises, and when a ticket is resolved then."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import hutong
from hutong.events.complaint import Withdrawn
from hutong.events.disposition import (
    Accepted,
    AssistReported,
    AssistRequested,
    Decision,
    Declined,
    DeclineDecided,
    Dispatched,
    Escalated,
    ExtensionDecided,
    ExtensionRequested,
    Measure,
    Overdue,
    Reopened,
    Resolved,
    Resumed,
    Suspended,
)
from hutong.rules.lifecycle import Lifecycle
from local.cities.city import HERE
from services.desk.habits import Asking, Habits, Late, Whistle
from services.desk.handler import DESIGNATED_AFTER, Desk
from services.desk.store import CaseStore
from services.drawing import ALWAYS, NEVER, Chance
from services.tables import read_table
from tests.services.handling import NOON, directory, event

STREET, DISTRICT, CITY, WATER, HEAT = "110105026", "110105", "110000", "110000.water", "110000.heat"
PARENTS = {STREET: DISTRICT, DISTRICT: CITY, WATER: CITY, HEAT: CITY}
KNOWN = directory(CITY, DISTRICT, STREET, WATER, HEAT, parents=PARENTS)
WHISTLES = (Whistle(category="housing", units=(HEAT,), label="A"), Whistle(units=(WATER, STREET), label="A"))
TO_STREET = event(Dispatched(lead=STREET))
LATER = datetime(2026, 3, 1, tzinfo=UTC)


def mark(number: int) -> bytes:
    return bytes([number]) * 32


def types(events: list[hutong.EventData]) -> list[type[hutong.EventData]]:
    return [type(data) for data in events]


def test_a_lead_whistles_for_the_units_of_the_category_and_resolves_when_all_have_reported() -> None:
    """吹哨报到: the first line about the category names them; itself it does not call."""
    desk = Desk(STREET, Habits(whistle=ALWAYS, whistles=WHISTLES))
    accepted, whistle = desk.answers(TO_STREET, KNOWN)
    assert isinstance(accepted, Accepted) and isinstance(whistle, AssistRequested)
    assert whistle.units == (WATER,)
    assert desk.answers(event(AssistRequested(units=(WATER, HEAT)), source=STREET), KNOWN) == []
    assert desk.answers(event(AssistReported(), source=WATER, fingerprint=mark(2)), KNOWN) == []
    last = event(AssistReported(), source=HEAT, fingerprint=mark(3))
    assert types(desk.answers(last, KNOWN)) == [Resolved]
    assert types(desk.answers(last, KNOWN)) == [Resolved], "a retry decides the same"
    assert desk.answers(event(AssistReported(), source=HEAT, fingerprint=mark(4)), KNOWN) == []


def test_a_lead_that_can_call_nobody_does_it_alone() -> None:
    """Nobody is named for the category, or who is named has no door."""
    for whistles in ((), (Whistle(units=("110000.nobody", STREET), label="A"),)):
        desk = Desk(STREET, Habits(whistle=ALWAYS, whistles=whistles))
        assert types(desk.answers(TO_STREET, KNOWN)) == [Accepted, Resolved]


def test_who_is_called_to_help_reports_and_the_lead_waits_for_it() -> None:
    """By the dispatch or by the lead: an assistant reports once for each call."""
    dispatched = event(Dispatched(lead=STREET, assistants=(WATER,)))
    assert types(Desk(WATER).answers(dispatched, KNOWN)) == [AssistReported]
    helper = Desk(WATER)
    assert helper.answers(TO_STREET, KNOWN) == []
    assert types(helper.answers(event(AssistRequested(units=(WATER,)), source=STREET), KNOWN)) == [AssistReported]
    lead = Desk(STREET)
    assert types(lead.answers(dispatched, KNOWN)) == [Accepted]
    assert types(lead.answers(event(AssistReported(), source=WATER, fingerprint=mark(2)), KNOWN)) == [Resolved]


def test_a_report_during_a_contest_resolves_nothing_and_is_not_forgotten() -> None:
    """The helper came while the lead's 退单 was looked at; after 驳回 nobody is waited for."""
    lead = Desk(STREET, Habits(decline=ALWAYS))
    assert types(lead.answers(event(Dispatched(lead=STREET, assistants=(WATER,))), KNOWN)) == [Declined]
    assert lead.answers(event(AssistReported(), source=WATER, fingerprint=mark(2)), KNOWN) == []
    assert lead.answers(event(Declined(reason="not_our_duty"), source=STREET, fingerprint=mark(3)), KNOWN) == []
    rejected = event(DeclineDecided(decision=Decision.REJECTED), fingerprint=mark(4))
    assert types(lead.answers(rejected, KNOWN)) == [Accepted, Resolved]


@pytest.mark.parametrize(("measure", "hours"), [(Measure.EXTENSION, 120), (Measure.SUSPENSION, 720)])
def test_a_lead_asks_for_time_from_the_admission_on(measure: Measure, hours: int) -> None:
    """So many of the city's hours, which may be shorter than the world's; nothing is resolved meanwhile."""
    asking = Asking(share=1, hours=hours, reason="more_time")
    habits = Habits(extension=asking) if measure is Measure.EXTENSION else Habits(suspension=asking)
    desk = Desk(STREET, habits, hour=timedelta(seconds=1))
    _, asked = desk.answers(event(Dispatched(lead=STREET), admitted=NOON), KNOWN)
    assert isinstance(asked, ExtensionRequested)
    assert (asked.measure, asked.until) == (measure, NOON + timedelta(seconds=hours))


def test_who_has_nobody_above_asks_for_no_time() -> None:
    """The city leads what falls to it: nobody could ever grant it."""
    desk = Desk(CITY, Habits(extension=Asking(share=1, hours=120, reason="more_time")))
    assert types(desk.answers(event(Dispatched(lead=CITY), admitted=NOON), KNOWN)) == [Accepted, Resolved]


def test_a_unit_that_was_called_and_is_struck_off_is_not_waited_for() -> None:
    """The city refused the whistle: the lead does it alone. Other refusals are final."""
    desk = Desk(STREET)
    for code, answers in (("unknown_unit", [Resolved]), ("superseded", [])):
        refused = event(AssistRequested(units=(WATER,)), source=STREET, refused=code)
        assert refused.refusal is not None
        assert types(desk.refused(refused, refused.refusal, KNOWN)) == answers


def test_a_ticket_that_nobody_leads_is_looked_up_once() -> None:
    """Overdue before any dispatch: the whole door is not read again for each such event."""
    desk, overdue = Desk(CITY), event(Overdue(limit="dispatch", due=LATER))
    assert not desk.knows(overdue)
    desk.asked(overdue.ticket)
    assert desk.knows(overdue)
    assert desk.answers(overdue, KNOWN) == []
    assert types(desk.answers(event(Dispatched(lead=CITY), admitted=NOON), KNOWN)) == [Accepted, Resolved]


def test_a_lead_resolves_once_it_was_answered() -> None:
    """Granted or not, it does the work; what was suspended is taken up again first."""
    desk = Desk(STREET)
    desk.learn(TO_STREET)
    for decision in (Decision.GRANTED, Decision.REJECTED):
        assert types(desk.answers(event(ExtensionDecided(decision=decision), source=DISTRICT), KNOWN)) == [Resolved]
    suspended = event(Suspended(until=LATER, reason="needs_conditions"), source=DISTRICT)
    assert types(desk.answers(suspended, KNOWN)) == [Resumed, Resolved]
    assert desk.answers(event(Resumed(reason="conditions_met"), source=STREET), KNOWN) == []


def test_a_lead_that_does_not_resume_by_itself_goes_on_when_somebody_says() -> None:
    """The clock, or who suspended it."""
    desk = Desk(STREET, Habits(resumes=False))
    desk.learn(TO_STREET)
    assert desk.answers(event(Suspended(until=LATER, reason="needs_conditions"), source=DISTRICT), KNOWN) == []
    assert types(desk.answers(event(Resumed(reason="until_reached"), source="110000.clock"), KNOWN)) == [Resolved]


def test_the_nearest_above_the_lead_decides_and_nobody_else() -> None:
    """A district for its streets, the city for its departments."""
    asked = ExtensionRequested(until=LATER, reason="more_time")
    habits = Habits(grants_extension=ALWAYS)

    def decides(organisation: str, lead: str) -> list[hutong.EventData]:
        desk = Desk(organisation, habits)
        desk.learn(event(Dispatched(lead=lead)))
        return desk.answers(event(asked, source=lead), KNOWN)

    granted = [ExtensionDecided(decision=Decision.GRANTED, until=LATER)]
    assert decides(DISTRICT, STREET) == granted
    assert decides(CITY, WATER) == granted
    assert decides(CITY, STREET) == decides(DISTRICT, WATER) == decides(STREET, STREET) == []


@pytest.mark.parametrize(
    ("measure", "share", "expected"),
    [
        (Measure.EXTENSION, ALWAYS, ExtensionDecided(decision=Decision.GRANTED, until=LATER)),
        (Measure.EXTENSION, NEVER, ExtensionDecided(decision=Decision.REJECTED)),
        (Measure.SUSPENSION, ALWAYS, Suspended(until=LATER, reason="needs_conditions")),
        (Measure.SUSPENSION, NEVER, ExtensionDecided(decision=Decision.REJECTED)),
    ],
)
def test_a_supervisor_answers_what_was_asked(measure: Measure, share: Chance, expected: hutong.EventData) -> None:
    """Time is granted by 延期审核, a suspension by 挂账; both are rejected by 延期审核."""
    desk = Desk(DISTRICT, Habits(grants_extension=share, grants_suspension=share))
    desk.learn(TO_STREET)
    asked = ExtensionRequested(measure=measure, until=LATER, reason="needs_conditions")
    [said] = desk.answers(event(asked, source=STREET), KNOWN)
    assert said.model_copy(update={"explanation": None}) == expected


def test_a_supervisor_presses_in_the_stated_share() -> None:
    """督办 of what is overdue, and of what a citizen is dissatisfied with; its own tickets it does not press."""
    late, again = (
        event(Overdue(limit="answer", due=NOON), source="110000.clock"),
        event(Reopened(reason="dissatisfied")),
    )
    for habits, given, reason in (
        (Habits(presses_overdue=ALWAYS), late, "overdue"),
        (Habits(presses_dissatisfied=ALWAYS), again, "dissatisfied"),
    ):
        desk = Desk(DISTRICT, habits)
        desk.learn(TO_STREET)
        [said] = desk.answers(given, KNOWN)
        assert isinstance(said, Escalated) and said.reason == reason
        quiet = Desk(DISTRICT)
        quiet.learn(TO_STREET)
        assert quiet.answers(given, KNOWN) == []


def test_what_is_designated_is_not_declined() -> None:
    """After the table's number of dispatches a desk knows better than to decline; told twice it counts once."""
    beyond = Lifecycle.load().table.events[Dispatched.TYPE].beyond
    assert beyond is not None and beyond.count == DESIGNATED_AFTER
    desk = Desk(STREET, Habits(decline=ALWAYS))
    for number in range(1, 4):
        for _ in range(2):
            given = event(Dispatched(lead=STREET), fingerprint=mark(number))
            assert types(desk.answers(given, KNOWN)) == [Declined]
    assert types(desk.answers(event(Dispatched(lead=STREET), fingerprint=mark(4)), KNOWN)) == [Accepted, Resolved]


def test_the_shares_are_the_stated_ones_and_a_retry_draws_the_same() -> None:
    """Of 1,000: 3 % declined, 20 % of the others whistled for, 10 % of those left extended, 5 % suspended."""
    habits = Habits(
        decline=Chance(share=0.03),
        whistle=Chance(share=0.2),
        whistles=WHISTLES,
        extension=Asking(share=0.1, hours=1, reason="more_time"),
        suspension=Asking(share=0.05, hours=1, reason="more_time"),
    )

    def count(seed: int = 0) -> dict[str, int]:
        desk, found = Desk(STREET, habits, seed=seed), dict[str, int]()
        for number in range(1000):
            given = event(Dispatched(lead=STREET), ticket=f"110000-20260131-{number:010d}")
            last = desk.answers(given, KNOWN)[-1]
            name = last.measure if isinstance(last, ExtensionRequested) else type(last).__name__
            found[name] = found.get(name, 0) + 1
        return found

    found = count()
    expected = {"Declined": 30, "AssistRequested": 194, "extension": 78, "suspension": 39, "Resolved": 659}
    assert found.keys() == expected.keys()
    assert all(abs(found[name] - number) < 40 for name, number in expected.items()), found
    assert count() == found != count(seed=1)


def test_a_case_outlives_the_desk(tmp_path: Path) -> None:
    """Who was called, who has reported, how often it was dispatched: all of it lies in the file."""
    with closing(CaseStore(tmp_path, STREET, {})) as cases:
        desk = Desk(STREET, cases=cases)
        desk.answers(event(Dispatched(lead=STREET, assistants=(WATER, HEAT))), KNOWN)
        desk.answers(event(AssistReported(), source=WATER, fingerprint=mark(2)), KNOWN)
    with closing(CaseStore(tmp_path, STREET, {})) as cases:
        desk = Desk(STREET, cases=cases)
        assert types(desk.answers(event(AssistReported(), source=HEAT, fingerprint=mark(3)), KNOWN)) == [Resolved]


def test_the_demo_citys_habits_are_read() -> None:
    """The file is strict: it names nothing that is not known."""
    habits = read_table(HERE / "beijing" / "desk.yaml", Habits)
    assert habits.helpers("traffic/parking", STREET, directory("110000.traffic")) == ("110000.traffic",)


def test_a_late_answer_waits_in_the_file_and_comes_once_it_is_due(tmp_path: Path) -> None:
    """Accepted at once, resolved so many of the city's hours later; what was said, or withdrawn, is due no more."""
    habits, noon_ms = Habits(late=Late(share=1, hours=2)), round(NOON.timestamp() * 1000)
    given = [event(Dispatched(lead=STREET), ticket=f"110000-20260131-000000000{n}", admitted=NOON) for n in range(3)]
    with closing(CaseStore(tmp_path, STREET, {})) as cases:
        desk = Desk(STREET, habits, cases=cases)
        assert [types(desk.answers(one, KNOWN)) for one in given] == [[Accepted]] * 3
    with closing(CaseStore(tmp_path, STREET, {})) as cases:
        desk = Desk(STREET, habits, cases=cases)
        assert desk.due(noon_ms + 7_200_000) == [], "nobody has heard it accept"
        for one in given:
            desk.learn(event(Accepted(), source=STREET, ticket=one.ticket))
        assert desk.due(noon_ms + 7_199_999) == []
        assert desk.answers(event(Withdrawn(reason="citizen_request"), ticket=given[0].ticket), KNOWN) == []
        first, second = desk.due(noon_ms + 7_200_000)
        assert [type(data) for _, data in (first, second)] == [Resolved, Resolved]
        desk.said(first[0])
        assert desk.due(noon_ms + 7_200_000) == [second]
    assert types(Desk(STREET, Habits(late=Late(share=0, hours=2))).answers(given[0], KNOWN)) == [Accepted, Resolved]


def test_what_was_withdrawn_before_any_dispatch_is_nothing_to_look_up() -> None:
    """The city's desk hears of each; it need not read its whole door for that."""
    assert Desk(CITY).knows(event(Withdrawn(reason="citizen_request")))
    assert Desk(CITY).answers(event(Withdrawn(reason="citizen_request")), KNOWN) == []


def test_a_hurried_city_is_late_by_its_own_hours() -> None:
    """Where an hour takes a second, two hours are two."""
    desk = Desk(STREET, Habits(late=Late(share=1, hours=2)), hour=timedelta(seconds=1))
    desk.answers(event(Dispatched(lead=STREET), admitted=NOON), KNOWN)
    desk.learn(event(Accepted(), source=STREET))
    [(due, _)] = desk.due(2**60)
    assert due.at_ms == round(NOON.timestamp() * 1000) + 2000
