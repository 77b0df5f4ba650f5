"""Admit and deliver with standing agreements: single events, from the opening on, never the history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hutong import complaint, disposition
from tests.cities import CITY, TwinCity

DISTRICT, STREET, WATER, STUDY = "110105", "110105026", "110000.water", "110000.research"
FILED = complaint.Filed(kind=complaint.Kind.HELP, channel="phone", category="public_service/water/quality", area=STREET)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path) as made:
        made.register(WATER)
        made.register(STUDY)
        yield made


def agree(city: TwinCity, id: str = "study", until: datetime | None = None) -> None:
    """The study is shown everything about water in the district; admit knows it at once."""
    city.agree(id, STUDY, until=until, categories=("public_service/water",), areas=(DISTRICT,))
    city.take_over()


def came(city: TwinCity) -> list[str]:
    """What stands at the door of the study, in order."""
    return [event.type.split(".")[1] for event in city.connect(STUDY).replay(source="deliveries")]


def matched(city: TwinCity) -> list[tuple[str, tuple[str, ...]]]:
    """Every entry with those whom an agreement shows it."""
    return [(e.type.split(".")[1], e.audience.matches) for e in city.connect(CITY).replay() if e.audience]


def test_an_agreement_opened_in_the_middle_of_a_ticket_brings_what_follows_alone(city: TwinCity) -> None:
    """Filed before, dispatched after: the study gets the second, and never the first."""
    hotline, water = city.connect(CITY), city.connect(WATER)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    agree(city)
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    water.submit(disposition.Accepted(), ticket=ticket, wait="admitted")
    assert came(city) == ["dispatched", "accepted"]
    assert matched(city) == [("filed", ()), ("dispatched", (STUDY,)), ("accepted", (STUDY,))]


def test_what_an_agreement_does_not_name_is_not_shown(city: TwinCity) -> None:
    """Another category, another district, another type: nothing comes."""
    city.agree("narrow", STUDY, types=("complaint.filed.v1",), categories=("public_service/water",), areas=(DISTRICT,))
    city.take_over()
    hotline = city.connect(CITY)
    for other in ({"category": "public_service/heating"}, {"area": "110101001"}):
        hotline.submit(FILED.model_copy(update=other), wait="admitted")
    assert came(city) == []
    ticket = hotline.submit(FILED, wait="admitted").ticket
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    assert came(city) == ["filed"]


def test_closing_takes_effect_by_ledger_order(city: TwinCity) -> None:
    """What is judged by the closing, or later, is shown no more, whatever its author's clock says."""
    hotline = city.connect(CITY)
    agree(city)
    before = datetime.now(UTC)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    closing = city.registrar.close_agreement("study", "study_finished", datetime.now(UTC))
    city.take_over()
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, time=before, wait="admitted")
    assert came(city) == ["filed"]
    shown = {bool(e.audience.matches): e.ledger.directory for e in hotline.replay() if e.audience and e.ledger}
    assert shown[True] < closing <= shown[False]


def test_expiry_takes_effect_by_admitted_time(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the last millisecond it is shown, at the end itself no more; nobody has to close anything."""
    until = datetime(2099, 1, 1, tzinfo=UTC)
    end = int(until.timestamp()) * 1_000
    agree(city, until=until)
    hotline = city.connect(CITY)
    ticket = ""
    for at_ms in (end - 1, end):
        monkeypatch.setattr("services.admit.owner.time.time_ns", lambda at_ms=at_ms: at_ms * 1_000_000)
        data = disposition.Dispatched(lead=WATER) if ticket else FILED
        ticket = hotline.submit(data, ticket=ticket or None, time=until, wait="admitted").ticket
    assert [e.ledger.admitted_ms for e in hotline.replay() if e.ledger] == [end - 1, end]
    assert matched(city) == [("filed", (STUDY,)), ("dispatched", ())]


def test_a_match_that_becomes_a_participant_gets_what_it_missed_each_event_once(city: TwinCity) -> None:
    """Dispatched came by the agreement; with the call for help come filed and accepted, and dispatched not again."""
    hotline, water = city.connect(CITY), city.connect(WATER)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    city.agree("study", STUDY, types=("disposition.dispatched.v1", "disposition.resolved.v1"))
    city.take_over()
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    water.submit(disposition.Accepted(), ticket=ticket, wait="admitted")
    assert came(city) == ["dispatched"]
    water.submit(disposition.AssistRequested(units=(STUDY,)), ticket=ticket, wait="admitted")
    water.submit(disposition.Resolved(), ticket=ticket, wait="admitted")
    assert came(city) == ["dispatched", "filed", "accepted", "assist_requested", "resolved"]
    assert matched(city)[-2:] == [("assist_requested", ()), ("resolved", ())]


def test_who_was_a_match_only_is_no_participant(city: TwinCity) -> None:
    """After the agreement ended nothing of the ticket comes any more, and it may take no step on it."""
    agree(city)
    hotline = city.connect(CITY)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    city.registrar.close_agreement("study", "study_finished", datetime.now(UTC))
    city.take_over()
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    participants = [event.audience.participants for event in hotline.replay() if event.audience]
    assert participants == [(CITY,), (CITY, WATER)]


def test_a_revoked_recipient_is_shown_nothing_even_after_a_new_entry(city: TwinCity) -> None:
    """Its agreement ended with its entry."""
    agree(city)
    hotline = city.connect(CITY)
    hotline.submit(FILED, wait="admitted")
    former = hotline.refresh().organisations[STUDY].entry
    city.revoke(STUDY)
    city.take_over()
    hotline.submit(FILED, wait="admitted")
    city.registrar.register(former, datetime.now(UTC))
    city.take_over()
    hotline.submit(FILED, wait="admitted")
    assert [matches for _, matches in matched(city)].count((STUDY,)) == 1


def test_a_takeover_changes_nothing_about_matches(city: TwinCity) -> None:
    """They come from the record: new owners after each step deliver the same, each once."""
    agree(city)
    hotline = city.connect(CITY)
    for _ in range(3):
        ticket = hotline.submit(FILED, wait="admitted").ticket
        city.take_over()
        hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
        city.take_over()
    assert sorted(came(city)) == ["dispatched"] * 3 + ["filed"] * 3
