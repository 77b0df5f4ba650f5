"""派单: who is given a ticket, and what becomes of a unit's wish to be relieved of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import hutong
from hutong.events.complaint import Answered, Filed, Kind
from services.dispatch.handler import Dispatcher, Opened
from services.dispatch.repeats import Filing
from services.dispatch.routing import Routing
from services.tables import read_table
from tests.services.handling import directory, event

ROUTING = Routing.model_validate(
    {
        "version": 1,
        "answer_at_once": ["consultation", "praise"],
        "rules": [
            {"category": "public_service/water", "lead": "110000.water", "label": "A"},
            {
                "category": "traffic",
                "area": "110105",
                "lead": "110000.traffic",
                "assistants": ["{street}", "110000.traffic", "110000.nobody"],
                "label": "A",
            },
            {"lead": "{street}", "label": "S"},
        ],
        "fallback": "110000.rest",
    }
)
EVERYBODY = directory("110000.water", "110000.traffic", "110105", "110105026", "110000.rest")


class OpenTickets(dict[str, Filing]):
    """Open tickets in memory."""

    def put(self, filing: Filing) -> None:
        self[filing.ticket] = filing

    def end(self, ticket: str) -> None:
        self.pop(ticket, None)

    def alike(self, filing: Filing) -> list[Filing]:
        return [other for other in self.values() if other.ticket != filing.ticket]


def answers(
    given: hutong.Event, known: hutong.Directory = EVERYBODY, routing: Routing = ROUTING, narrative: str = ""
) -> list[hutong.EventData]:
    steps = Dispatcher("110000", routing, OpenTickets()).answers(given, Opened(narrative=narrative), known)
    assert all(step.ticket == given.ticket for step in steps)
    return [step.data for step in steps]


def lead(given: hutong.Event, known: hutong.Directory = EVERYBODY) -> str:
    [dispatched] = answers(given, known)
    assert isinstance(dispatched, hutong.disposition.Dispatched)
    return dispatched.lead


def filed(category: str, area: str = "110105026", kind: Kind = Kind.COMPLAINT, **given: Any) -> hutong.Event:
    data = Filed(kind=kind, channel="phone", category=category, area=area)
    return event(data, category=category, area=area, **given)


@pytest.mark.parametrize(
    ("category", "area", "expected"),
    [
        ("public_service/water", "110105026", "110000.water"),
        ("public_service/waterworks", "110105026", "110105026"),
        ("traffic/bus", "110105026", "110000.traffic"),
        ("traffic", "110105", "110000.traffic"),
        ("traffic/bus", "110108011", "110000.rest"),
        ("housing/repair", "110105026", "110105026"),
        ("housing/repair", "110105099", "110105"),
        ("housing/repair", "110105", "110105"),
        ("housing/repair", "110108011", "110000.rest"),
        ("housing/repair", "queens", "110000.rest"),
    ],
)
def test_category_and_area_name_the_lead_else_the_street_the_district_or_the_fallback(
    category: str, area: str, expected: str
) -> None:
    """The first rule that matches whole codes and leading digits, and whose unit has a door, decides."""
    assert lead(filed(category, area)) == expected


def test_units_that_must_help_are_named_beside_the_lead() -> None:
    """The table's assistant units that have a door, without whoever leads; a ticket of one unit's duty has none."""
    [shared] = answers(filed("traffic/bus"))
    [alone] = answers(filed("public_service/water"))
    assert isinstance(shared, hutong.disposition.Dispatched) and isinstance(alone, hutong.disposition.Dispatched)
    assert (shared.lead, shared.assistants) == ("110000.traffic", ("110105026",))
    assert alone.assistants == ()


def test_a_revoked_unit_is_asked_no_more() -> None:
    """Its tickets go to the next that can be asked."""
    known = directory("110000.water", "110105026", "110000.rest", revoked=("110000.water",))
    assert lead(filed("public_service/water"), known) == "110105026"


def test_a_unit_that_was_struck_off_meanwhile_is_replaced() -> None:
    """The city refused the dispatch; by the directory of now the next in question leads. Other refusals are final."""
    tickets, given = OpenTickets(), filed("public_service/water")
    dispatcher = Dispatcher("110000", ROUTING, tickets)
    [step] = dispatcher.answers(given, Opened(), EVERYBODY)
    tickets.put(dispatcher._filing(given, given.data, Opened()))  # type: ignore[arg-type]
    known = directory("110000.water", "110105026", "110000.rest", revoked=("110000.water",))
    for code, leads in (("unknown_unit", ["110105026"]), ("superseded", [])):
        again = dispatcher.answers(event(step.data, refused=code), Opened(), known)
        assert [one.data.lead for one in again if isinstance(one.data, hutong.disposition.Dispatched)] == leads


def test_a_city_without_anybody_to_ask_stops_with_a_sentence() -> None:
    """Nobody in the directory: the operator is told whom to register."""
    with pytest.raises(hutong.SettingsError, match=r"110000\.rest"):
        answers(filed("public_service/water"), directory())


@pytest.mark.parametrize("kind", [Kind.CONSULTATION, Kind.PRAISE])
def test_consultations_and_praise_are_answered_at_once(kind: Kind) -> None:
    """They are dispatched to nobody."""
    assert answers(filed("public_service/water", kind=kind)) == [Answered(basis="knowledge_base")]


def test_a_consultation_that_another_organisation_filed_is_dispatched() -> None:
    """Only its filer may answer a ticket at once."""
    assert lead(filed("public_service/water", kind=Kind.CONSULTATION, source="110105")) == "110000.water"


def test_a_declined_dispatch_goes_to_the_next_unit_and_each_is_asked_once() -> None:
    """Water declines: granted, the street leads; street, district, fallback in turn; then it is rejected."""
    asked, unit = [], "110000.water"
    for _ in range(9):
        declined = event(hutong.disposition.Declined(reason="not_our_duty"), source=unit)
        decided, *dispatched = answers(declined)
        assert isinstance(decided, hutong.disposition.DeclineDecided)
        if decided.decision is hutong.disposition.Decision.REJECTED:
            assert not dispatched
            break
        [next_dispatch] = dispatched
        assert isinstance(next_dispatch, hutong.disposition.Dispatched)
        unit = next_dispatch.lead
        asked.append(unit)
    assert asked == ["110105026", "110105", "110000.rest"]


def test_other_events_are_none_of_its_business() -> None:
    """An acceptance is answered by nothing."""
    assert answers(event(hutong.disposition.Accepted())) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("fallback: 110000.rest\nfallbak: x", "fallbak"),
        ("fallback: 110000.rest\nversion: 2", "version"),
        ("fallback: '{quarter}'", "fallback"),
        ("fallback: 110000.rest\nrules: [{lead: 110000.rest, label: S, category: a/b/c}]", "category"),
        ("fallback: [", "no YAML"),
    ],
)
def test_a_routing_table_with_a_fault_is_refused_by_name(tmp_path: Path, change: str, named: str) -> None:
    """An unknown or repeated key, an unknown template, a category deeper than the city stamps: each is named."""
    path = tmp_path / "routing.yaml"
    rest = "" if "rules" in change else "rules: []\n"
    path.write_text(f"version: 1\nanswer_at_once: []\n{rest}{change}\n")
    with pytest.raises(hutong.SettingsError, match=named):
        read_table(path, Routing)
