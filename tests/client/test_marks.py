"""Marks: what a system has handled."""

from __future__ import annotations

import pytest

from hutong.errors import Gap
from hutong.marks import Marks
from hutong.wire.stamps import DeliveryStamp


def stamp(n: int, partition: int = 0) -> DeliveryStamp:
    return DeliveryStamp(stream="ledger", partition=partition, n=n)


def test_the_next_number_is_fresh_and_earlier_ones_are_not() -> None:
    """Deliveries at or below the mark are skipped."""
    marks = Marks()
    assert marks.fresh(stamp(1))
    marks.handled(stamp(1))
    assert not marks.fresh(stamp(1))
    assert marks.fresh(stamp(2))
    assert marks.fresh(stamp(1, partition=1))


def test_a_missing_number_is_loud() -> None:
    """A gap names what is missing."""
    marks = Marks()
    marks.handled(stamp(3))
    with pytest.raises(Gap, match="4 to 6 of ledger/0"):
        marks.fresh(stamp(7))
    with pytest.raises(Gap, match="1 to 1"):
        Marks().fresh(stamp(2))


def test_a_system_that_started_now_begins_where_it_came_in() -> None:
    """The first number seen is where an open mark begins; a gap after that is loud."""
    marks = Marks(open=True)
    assert marks.fresh(stamp(41))
    marks.handled(stamp(41))
    with pytest.raises(Gap):
        Marks.decode(marks.encode()).fresh(stamp(43))


def test_marks_travel_as_text() -> None:
    """What is encoded for a commit comes back, openness too; other text is an error."""
    marks = Marks(open=True)
    marks.handled(stamp(5, partition=3))
    again = Marks.decode(marks.encode())
    assert not again.fresh(stamp(5, partition=3))
    assert again.fresh(stamp(99))
    assert not again.behind(marks)
    assert Marks().behind(marks)
    with pytest.raises(ValueError, match="no marks"):
        Marks.decode("")


def test_the_marks_of_a_hundred_partitions_fit_into_a_commit() -> None:
    """Kafka takes 4,096 bytes of metadata."""
    marks = Marks()
    for partition in range(100):
        marks.handled(stamp(10**9, partition))
    assert len(marks.encode()) < 4096
