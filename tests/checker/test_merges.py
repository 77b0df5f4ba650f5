"""A merge that admit cannot see through, because two partitions are in it, is seen through by the checker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import hutong
from hutong import complaint
from tests.checker import check
from tests.checker.reading import read_history
from tests.checker.story import filed
from tests.cities import CITY, TwinCity


class Two:
    """A city with an older and a younger ticket."""

    def __init__(self, city: TwinCity) -> None:
        self.city = city
        self.centre = city.connect(CITY)
        self.older = self.centre.submit(filed(1), wait="admitted").ticket
        time.sleep(0.002)  # admitted in another millisecond
        submitted = self.centre.submit(filed(2), wait="admitted")
        assert submitted.ledger is not None
        self.younger, self.at = submitted.ticket, submitted.ledger.admitted

    def tell(self, *, ticket: str | None = None, shift: timedelta = timedelta()) -> hutong.Event:
        """Tell the older ticket of the younger, and return that event."""
        repeat = complaint.Repeat(ticket=ticket or self.younger, filed=self.at + shift)
        self.centre.submit(complaint.Amended(repeat=repeat), ticket=self.older, wait="admitted")
        return [event for event in self.centre.replay(ticket=self.older) if isinstance(event.data, complaint.Amended)][
            -1
        ]

    def merge(self, answers: hutong.Event | None) -> list[str]:
        """Merge the younger into the older; what the checker finds."""
        merged = complaint.Merged(into=self.older, rule="same_caller")
        self.centre.submit(merged, ticket=self.younger, answers=answers, wait="admitted")
        history = read_history(self.city.transport, self.city.settings(CITY))
        return [violation.text for violation in check(history).violations if violation.rule == "merge"]


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with TwinCity(tmp_path) as city:
        yield Two(city)


def test_a_merge_that_was_told_is_in_order(two: Two) -> None:
    assert two.merge(two.tell()) == []


def test_a_merge_that_nobody_told_of_is_a_violation(two: Two) -> None:
    """The older ticket may have been closed: whoever called again would be lost."""
    [found] = two.merge(None)
    assert "does not answer an event that told that ticket" in found


def test_a_merge_by_an_event_about_another_ticket_is_a_violation(two: Two) -> None:
    [found] = two.merge(two.tell(ticket=f"{CITY}-20991231-0000000000"))
    assert "does not name this ticket" in found


def test_a_merge_with_an_invented_time_is_a_violation(two: Two) -> None:
    [found] = two.merge(two.tell(shift=timedelta(hours=1)))
    assert "another time of filing" in found
