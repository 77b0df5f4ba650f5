"""派单 beyond who leads: who helps, how urgent it is, whose 退单 is granted, who withdraws."""

from __future__ import annotations

from pathlib import Path

import pytest

import hutong
from hutong.events.complaint import Filed, Kind, Withdrawn
from hutong.events.disposition import Decision, Declined, DeclineDecided, Dispatched, Urgency
from local.cities.city import HERE
from services.dispatch.contests import Contests
from services.dispatch.routing import Routing
from services.drawing import ALWAYS, NEVER, Chance
from services.tables import read_table
from tests.services.handling import directory, event
from tests.services.test_dispatch import EVERYBODY, ROUTING, answers, filed

WATER, STREET = "110000.water", "110105026"


def with_rules(**change: object) -> Routing:
    return ROUTING.model_copy(update=change)


def test_where_a_rule_names_several_units_the_first_leads_and_the_others_help() -> None:
    """首接负责; an assistant without a door is left out, and nobody helps himself."""
    routing = Routing.model_validate(
        {
            "version": 1, "answer_at_once": [], "fallback": "110000.rest",
            "rules": [{"lead": WATER, "assistants": ["{street}", "110000.nobody", WATER, "{street}"], "label": "S"}],
        }
    )  # fmt: skip
    [dispatched] = answers(filed("public_service/water"), routing=routing)
    assert dispatched == Dispatched(lead=WATER, assistants=(STREET,))


@pytest.mark.parametrize(
    ("category", "narrative", "expected"),
    [
        ("public_service/gas", "家里闻到燃气味", Urgency.EMERGENCY),
        ("public_service/gas", "咨询开户", Urgency.URGENT),
        ("public_service/heating/leak", "", Urgency.URGENT),
        ("housing/property", "楼道起火", Urgency.EMERGENCY),
        ("housing/property", "楼道不清扫", Urgency.ORDINARY),
    ],
)
def test_urgency_follows_category_and_words(category: str, narrative: str, expected: Urgency) -> None:
    """By the demo city's rules: public safety is an emergency, water, power, gas and heating are urgent."""
    rules = read_table(HERE / "beijing" / "routing.yaml", Routing).urgency
    [dispatched] = answers(filed(category), routing=with_rules(urgency=rules), narrative=narrative)
    assert isinstance(dispatched, Dispatched)
    assert dispatched.urgency is expected


def decided(reason: str, contests: Contests, fingerprint: bytes = b"\1" * 32) -> Decision:
    declined = event(Declined(reason=reason), source=WATER, fingerprint=fingerprint)
    decision, *then = answers(declined, routing=with_rules(contests=contests))
    assert isinstance(decision, DeclineDecided)
    assert [type(step) for step in then] == ([Dispatched] if decision.decision is Decision.GRANTED else [])
    return decision.decision


def test_a_contest_is_granted_by_its_reason() -> None:
    """What has no line of its own is treated as the others."""
    contests = Contests(reasons={"wrong_area": ALWAYS, "duplicate": NEVER}, otherwise=NEVER)
    assert decided("wrong_area", contests) is Decision.GRANTED
    assert decided("duplicate", contests) is decided("no_staff", contests) is Decision.REJECTED


def test_a_share_of_contests_is_granted_and_a_retry_decides_the_same() -> None:
    """Of 400: a quarter, give or take."""
    contests = Contests(reasons={"not_our_duty": Chance(share=0.25)})
    marks = [number.to_bytes(32, "big") for number in range(400)]
    found = [decided("not_our_duty", contests, mark) for mark in marks]
    assert 70 <= found.count(Decision.GRANTED) <= 130
    assert found == [decided("not_our_duty", contests, mark) for mark in marks]


def test_granted_is_only_what_another_can_be_given() -> None:
    """Nobody is left to ask: the unit must handle it, whatever its reason."""
    declined = event(Declined(reason="wrong_area"), source="110000.rest")
    assert answers(declined, known=directory("110000.rest")) == [DeclineDecided(decision=Decision.REJECTED)]


def test_a_share_of_citizens_takes_it_back() -> None:
    """Before it is dispatched, and only where the hotline is the filer, who alone may withdraw."""
    routing = with_rules(withdrawn=ALWAYS)
    assert answers(filed("housing/repair"), routing=routing) == [Withdrawn(reason="citizen_request")]
    [given] = answers(filed("housing/repair", source="110105"), routing=routing)
    assert isinstance(given, Dispatched)


def test_a_refused_filing_is_not_dispatched() -> None:
    """What was not admitted is no ticket."""
    refused = event(
        Filed(kind=Kind.COMPLAINT, channel="phone", category="a", area="110105"), refused="unknown_category"
    )
    assert answers(refused, known=EVERYBODY) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("contests: {reasons: {wrong_area: {share: 2}}}", "share"),
        ("urgency: [{category: a, urgency: soon, label: A}]", "urgency"),
        ("repeats: {days: 0, levels: 3, caller: [phone], label: A}", "days"),
        ("repeats: {days: 3, levels: 3, calller: [phone], label: A}", "calller"),
    ],
)
def test_a_rule_with_a_fault_is_refused_by_name(tmp_path: Path, change: str, named: str) -> None:
    """A share above one, an urgency there is not, no days, a misspelt key."""
    path = tmp_path / "routing.yaml"
    path.write_text(f"version: 1\nanswer_at_once: []\nrules: []\nfallback: 110000.rest\n{change}\n")
    with pytest.raises(hutong.SettingsError, match=named):
        read_table(path, Routing)
