"""The schedule is a pure function of its seed, and keeps to how faults may overlap."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from tests.chaos.schedule import OVERLAP, Plan, Strike, strikes

PLANS = [
    Plan(kind="kill", targets=("admit", "deliver"), weight=3),
    Plan(kind="pause", targets=("admit",), low=5, high=9),
    Plan(kind="kill broker", targets=("1", "2", "3"), field="brokers", low=2, high=6),
    Plan(kind="cut", targets=("1", "2", "3"), field="brokers", low=4, high=12),
    Plan(kind="impossible here", targets=()),
]


def some(seed: int, count: int = 400) -> list[Strike]:
    return list(islice(strikes(seed, PLANS, gap=3), count))


def test_a_seed_repeats_its_schedule() -> None:
    """The same seed gives the same strikes to the last draw; another gives others."""
    assert some(7) == some(7)
    assert some(7) != some(8)


def test_every_kind_comes_in_every_round_as_often_as_it_weighs() -> None:
    """The first round already holds each kind that has a target."""
    assert Counter(strike.kind for strike in some(3, 6)) == {"kill": 3, "pause": 1, "kill broker": 1, "cut": 1}


def test_no_more_overlap_than_is_said() -> None:
    """At any moment at most two faults are under way, and no two in one field: never two brokers."""
    for seed in range(20):
        under_way: list[Strike] = []
        for strike in some(seed):
            under_way = [one for one in under_way if one.at + one.seconds > strike.at + 0.11] + [strike]
            assert len(under_way) <= OVERLAP
            assert len({one.field for one in under_way}) == len(under_way)


def test_faults_come_about_as_often_as_asked() -> None:
    """A gap of three seconds, somewhat more where overlaps hold a strike back."""
    last = some(1)[-1]
    assert 3 <= last.at / last.number <= 4.5
