"""超期 that was none is found out: another end, too early, met in time, said twice, or of a ticket without limits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hutong import disposition
from hutong.events.disposition import Decision, Measure, Urgency
from tests.checker import check, read_history
from tests.cities import CITY
from tests.client.lives import at
from tests.services.clocks import BEGIN, WATER, Town

DISPATCHED = disposition.Dispatched(lead=WATER)
ACCEPTED = disposition.Accepted()
DUE = "2026-06-02 10:00"


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    town = Town(tmp_path, monkeypatch)
    with town.city:
        yield town


def says(town: Town, ticket: str, due: str, limit: str = "dispatch") -> list[str]:
    """Say now that the limit is overdue; what the checker finds."""
    town.does(town.hotline, ticket, disposition.Overdue(limit=limit, due=at(due)))
    verdict = check(read_history(town.city.transport, town.city.settings(CITY)))
    assert verdict.looked["overdue"]
    return [violation.text for violation in verdict.violations if violation.rule == "overdue"]


def test_a_true_one_is_in_order_and_a_second_is_not(town: Town) -> None:
    ticket = town.file()
    assert says(town.at("2026-06-02 10:01"), ticket, DUE) == []
    [found] = says(town, ticket, DUE)
    assert "says again" in found


@pytest.mark.parametrize("due", ["2026-06-02 09:59", "2026-06-01 10:00", "2026-05-01 10:00"])
def test_another_end_than_the_tables_is_found(town: Town, due: str) -> None:
    [found] = says(town.at("2026-06-03 10:00"), town.file(), due)
    assert "not at" in found


def test_one_that_is_said_too_early_is_found(town: Town) -> None:
    ticket = town.file()
    [found] = says(town.at("2026-06-02 09:59"), ticket, DUE)
    assert "had not passed" in found


def test_one_that_was_met_in_time_is_found_and_one_met_late_is_true(town: Town) -> None:
    """That the unit was just in time is no excuse for either side."""
    in_time, late = town.file(), town.file()
    town.at(DUE).does(town.hotline, in_time, DISPATCHED)
    town.at("2026-06-02 10:01").does(town.hotline, late, DISPATCHED)
    assert says(town, late, DUE) == []
    [found] = says(town, in_time, DUE)
    assert "was met" in found


def test_history_and_an_unknown_limit_have_no_end(town: Town) -> None:
    history = town.file(happened=BEGIN - timedelta(days=8))
    town.at("2026-06-02 10:01")
    assert len(says(town, history, DUE)) == 1
    assert len(says(town, town.file(), DUE, limit="breakfast")) == 2


def test_extended_and_suspended_limits_end_where_they_were_moved_to(town: Town) -> None:
    """By the checker's own count: 24 hours, of which two were used, then three days standing still; then extended."""
    ticket = town.file()
    town.does(town.hotline, ticket, disposition.Dispatched(lead=WATER, urgency=Urgency.URGENT))
    town.does(town.water, ticket, ACCEPTED)
    until = at("2026-06-30 10:00")
    asked = disposition.ExtensionRequested(measure=Measure.SUSPENSION, until=until, reason="parts")
    town.at("2026-06-01 12:00").does(town.water, ticket, asked)
    town.does(town.hotline, ticket, disposition.Suspended(until=until, reason="parts"))
    town.at("2026-06-04 12:00").does(town.water, ticket, disposition.Resumed(reason="cause_removed"))
    town.at("2026-06-05 10:01")
    assert says(town, ticket, "2026-06-05 10:00", limit="answer") == []
    assert len(says(town, ticket, "2026-06-02 10:00", limit="answer")) == 1
    later = at("2026-06-06 10:00")
    town.does(town.water, ticket, disposition.ExtensionRequested(until=later, reason="weather"))
    town.does(town.hotline, ticket, disposition.ExtensionDecided(decision=Decision.GRANTED, until=later))
    town.at("2026-06-06 10:01")
    assert len(says(town, ticket, "2026-06-06 10:00", limit="answer")) == 1  # the one from before


def test_what_the_clock_says_is_what_the_checker_counts(town: Town) -> None:
    """Two programs, one end: every limit, over a holiday weekend, on many tickets."""
    town.at("2026-06-18 15:00")  # 端午: Friday to Sunday are free
    tickets = [town.file() for _ in range(3)]
    for number, ticket in enumerate(tickets[1:]):
        urgency = [Urgency.ORDINARY, Urgency.EMERGENCY][number]
        town.does(town.hotline, ticket, disposition.Dispatched(lead=WATER, urgency=urgency))
    town.does(town.water, tickets[2], ACCEPTED)
    town.at("2026-07-18 15:00").run_clock()
    verdict = check(read_history(town.city.transport, town.city.settings(CITY)))
    assert verdict.of("overdue") == ()
    assert verdict.looked["overdue"] == 4
    assert "overdue sign 06-23 00:00" in town.said(tickets[1])
