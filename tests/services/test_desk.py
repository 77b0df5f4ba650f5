"""办理: what a department's desk answers, also one that plays its past again."""

from __future__ import annotations

import contextlib
from pathlib import Path

import hutong
from hutong.events.complaint import Filed, Kind, SourceReference
from hutong.events.disposition import Accepted, Decision, Declined, DeclineDecided, Dispatched, Reopened, Resolved
from services.desk.habits import Habits
from services.desk.handler import Desk
from services.desk.history import HistoricDesk
from services.desk.store import CaseStore
from services.drawing import ALWAYS, Chance
from services.exports import BadRow, Export, Row
from tests.services.handling import NOON, event

WATER = "110000.water"
TO_WATER = event(Dispatched(lead=WATER))
REJECTED = event(DeclineDecided(decision=Decision.REJECTED))


NOBODY = hutong.Directory()


def answers(desk: Desk, given: hutong.Event, known: hutong.Directory = NOBODY) -> list[hutong.EventData]:
    return desk.answers(given, known)


def types(events: list[hutong.EventData]) -> list[type[hutong.EventData]]:
    return [type(data) for data in events]


def test_a_desk_accepts_and_resolves_what_it_leads() -> None:
    """Accepted comes before Resolved."""
    assert types(answers(Desk(WATER), TO_WATER)) == [Accepted, Resolved]


def test_a_desk_leaves_alone_what_another_unit_leads() -> None:
    """As an assistant that was not called, or as a former lead, it hears of the ticket and says nothing."""
    desk = Desk(WATER)
    assert answers(desk, event(Dispatched(lead="110105", assistants=("110000.heat",)))) == []
    assert answers(desk, event(Reopened(reason="dissatisfied"))) == []
    answers(desk, TO_WATER)
    desk.learn(event(Dispatched(lead="110105"), fingerprint=b"\2" * 32))
    assert answers(desk, REJECTED) == []


def test_a_declined_ticket_is_handled_once_the_dispatcher_insists() -> None:
    """After 驳回 there is no second declining; after 同意 there is nothing to do."""
    desk = Desk(WATER, Habits(decline=ALWAYS))
    assert types(answers(desk, TO_WATER)) == [Declined]
    assert answers(desk, event(DeclineDecided(decision=Decision.GRANTED))) == []
    assert types(answers(desk, REJECTED)) == [Accepted, Resolved]


def test_the_stated_share_is_declined_and_the_same_tickets_on_every_try() -> None:
    """3 % of 2,000 tickets, give or take; a retry declines exactly those."""
    tickets = [f"110000-20260131-{number:010d}" for number in range(2000)]

    def declined() -> list[str]:
        desk = Desk(WATER, Habits(decline=Chance(share=0.03)))
        return [t for t in tickets if types(answers(desk, event(Dispatched(lead=WATER), ticket=t))) == [Declined]]

    assert 30 <= len(declined()) <= 90
    assert declined() == declined()


def test_a_desk_that_starts_anew_goes_on_with_the_tickets_it_led() -> None:
    """What it learns from its deliveries is all it needs to resolve a reopened ticket again."""
    desk = Desk(WATER)
    desk.learn(TO_WATER)
    assert types(answers(desk, event(Reopened(reason="dissatisfied")))) == [Resolved]


def test_a_desk_remembers_across_its_restarts_and_knows_what_it_was_never_told(tmp_path: Path) -> None:
    """Who leads a ticket lies in a file, not in memory; a desk that lost it says so instead of staying silent."""
    reopened = event(Reopened(reason="dissatisfied"))
    with contextlib.closing(CaseStore(tmp_path, WATER, {})) as cases:
        desk = Desk(WATER, cases=cases)
        assert not desk.knows(reopened)
        answers(desk, TO_WATER)
    with contextlib.closing(CaseStore(tmp_path, WATER, {})) as cases:
        desk = Desk(WATER, cases=cases)
        assert desk.knows(reopened)
        assert types(answers(desk, reopened)) == [Resolved]


EXPORT = Export.model_validate(
    {
        "system": "old", "row": "{Key}", "created": {"of": "{In}", "format": "%Y-%m-%d %H:%M", "zone": "UTC"},
        "kind": "complaint", "channel": "phone", "category": "a", "area": "queens", "language": "en",
        "ended": {
            "when": {"of": "{State}", "any": ["Closed"]},
            "at": {"of": "{Out}", "format": "%Y-%m-%d %H:%M", "zone": "UTC"},
            "report": "{Report}",
        },
    }
)  # fmt: skip


def played(state: str, out: str, then: hutong.EventData | None = None) -> list[tuple[type[hutong.EventData], str]]:
    """What the desk answers to a dispatch (or to what comes after it) of a row in this state: types and times."""
    row = Row(2, {"Key": "7", "In": "2020-01-01 10:00", "State": state, "Out": out, "Report": "mended"})
    desk = HistoricDesk(WATER, EXPORT, [BadRow(3, "", "", "no CSV"), row])
    source = SourceReference(system="old", row="7")
    desk.learn(event(Filed(kind=Kind.HELP, channel="phone", category="a", area="queens", source=source)))
    answers = desk.answers(TO_WATER)
    if then is not None:
        answers = desk.answers(event(then))
    return [(type(step.data), f"{step.time:%Y-%m-%d %H:%M}") for step in answers]


def test_a_closed_row_is_resolved_when_it_was_closed() -> None:
    """It is accepted when it was dispatched; the report is the row's."""
    assert played("Closed", "2020-01-05 09:00") == [
        (Accepted, f"{NOON:%Y-%m-%d %H:%M}"),
        (Resolved, "2020-01-05 09:00"),
    ]


def test_what_the_records_leave_open_stays_open() -> None:
    """Open, without a closing date, or closed before it was created: only accepted."""
    for state, out in [("Open", ""), ("Closed", ""), ("Closed", "2020-01-01 09:59"), ("Pending", "2020-01-05 09:00")]:
        assert [kind for kind, _ in played(state, out)] == [Accepted]


def test_a_row_closed_in_the_minute_it_came_is_resolved() -> None:
    """A close date not before creation counts."""
    assert [kind for kind, _ in played("Closed", "2020-01-01 10:00")] == [Accepted, Resolved]


def test_a_reopened_ticket_of_the_past_is_resolved_again_at_once() -> None:
    """Its time is that of the reopening; records know nothing of it."""
    assert played("Closed", "2020-01-05 09:00", Reopened(reason="dissatisfied")) == [
        (Resolved, f"{NOON:%Y-%m-%d %H:%M}")
    ]


def test_a_report_is_sealed_content() -> None:
    """No desk writes its words in the clear."""
    for data in answers(Desk(WATER), TO_WATER):
        assert "处理" not in repr(data)
