"""Marks: what a system has handled."""

from __future__ import annotations

import pytest

from hutong.subscribing.marks import WINDOW, Marks
from hutong.wire.stamps import STREAMS, DeliveryStamp


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


def test_missing_numbers_are_named() -> None:
    """Those between the mark and the delivery, of its own stream and partition."""
    marks = Marks()
    marks.handled(stamp(3))
    assert marks.missing(stamp(7)) == range(4, 7)
    assert not marks.missing(stamp(4))
    assert not marks.missing(stamp(2))
    assert Marks().missing(stamp(2)) == range(1, 2)


def test_a_system_that_started_now_begins_where_it_came_in() -> None:
    """The first number seen is where an open mark begins; after that nothing may be missing."""
    marks = Marks(open=True)
    assert marks.fresh(stamp(41))
    assert not marks.missing(stamp(41))
    marks.handled(stamp(41))
    assert Marks.decode(marks.encode()).missing(stamp(43)) == range(42, 43)


def test_the_last_outcomes_travel_with_the_marks() -> None:
    """A restart forgets no failure; only the last hundred deliveries given out count; older metadata has none."""
    marks = Marks()
    for n in range(150):
        marks.given(failed=n < 60)
    assert Marks.decode(marks.encode()).failures == 10
    assert Marks.decode('{"open":false,"marks":[]}').failures == 0


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


def test_the_marks_of_the_largest_city_fit_into_a_commit() -> None:
    """Kafka takes 4,096 bytes of metadata."""
    marks = Marks()
    for partition in range(64):
        for stream in STREAMS:
            marks.handled(DeliveryStamp(stream=stream, partition=partition, n=10**11))
    for _ in range(WINDOW):
        marks.given(failed=True)
    assert len(marks.encode()) < 4096
