"""From runs to figures: medians, ratios, percentiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.arithmetic import Spread, best, cost, pace, percentile, times
from benchmarks.measuring import Gauge, Job, Run, Trail
from benchmarks.scale import MILESTONES, flat, whole


def run(cpu: float, *, events: int = 1_000, outputs: int | None = None, wall: float = 1.0) -> Run:
    """A run that took so many CPU seconds."""
    return Run(events=events, outputs=events if outputs is None else outputs, cpu=cpu, wall=wall, rss_mb=50.0)


def test_a_spread_is_the_median_with_the_least_and_the_most() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(median=2.0, least=1.0, most=3.0)
    assert Spread.of([4.0, 1.0]).median == 2.5
    with pytest.raises(ValueError, match="nothing"):
        Spread.of([])


def test_cost_is_cpu_for_each_event_that_comes_out() -> None:
    assert cost([run(0.1)]).median == pytest.approx(100.0)
    assert cost([run(0.1, outputs=2_000)]).median == pytest.approx(50.0)
    assert pace([run(0.1, outputs=2_000, wall=0.5)]).median == pytest.approx(4_000.0)


def test_a_ratio_above_one_says_that_ours_is_cheaper() -> None:
    ours, peer = [run(0.1), run(0.2), run(0.9)], [run(0.3), run(0.4), run(0.5)]
    assert times(peer, ours) == pytest.approx(2.0)


def test_the_best_peer_is_the_one_with_the_lowest_median() -> None:
    assert best({"slow": [run(0.5)], "noisy": [run(0.1), run(0.6), run(0.7)], "best": [run(0.4)]}) == "best"


def test_a_percentile_is_the_nearest_rank() -> None:
    values = [float(number) for number in range(1, 201)]
    assert (percentile(values, 0.50), percentile(values, 0.99), percentile([7.0], 0.99)) == (100.0, 198.0, 7.0)


def test_a_gauge_counts_from_where_it_is_warm() -> None:
    gauge = Gauge(100, 1_000)
    assert [gauge.enough(done, done * 2) for done in (0, 90, 150, 700, 1_160)] == [False, False, False, False, True]
    found = gauge.run(1_160, 2_320)
    assert (found.events, found.outputs) == (1_010, 2_020)
    assert found.cpu >= 0.0
    assert found.rss_mb > 1.0


def test_a_gauge_that_was_never_warm_says_so() -> None:
    gauge = Gauge(100, 1_000)
    gauge.enough(50)
    with pytest.raises(ValueError, match="only 50 events"):
        gauge.run(50)


def test_a_trail_ends_behind_its_last_mark() -> None:
    trail = Trail([200, 100])
    assert [trail.enough(done) for done in (50, 120, 199, 230)] == [False, False, False, True]


def test_what_comes_behind_the_report_is_not_measured(tmp_path: Path) -> None:
    """A framework that is told to stop goes on for a while, and calls again and again."""
    job = Job(bootstrap="", source="", sink="", group="", warm=0, count=1, folder=tmp_path, report=tmp_path / "r",
              keys=tmp_path)  # fmt: skip
    for measured in (Gauge(1, 1), Trail([1])):
        measured.enough(2)
        measured.report(job, 2)
        first = job.report.read_text()
        for done in (3, 4_000):
            measured.enough(done)
            measured.report(job, done)
        assert job.report.read_text() == first


def test_a_curve_is_flat_only_from_its_first_milestone_to_its_last() -> None:
    points = {MILESTONES[0]: 100.0, MILESTONES[-1]: 120.0}
    assert whole({"admit": points, "deliver": points})
    assert flat({"admit": points, "deliver": dict.fromkeys(points, 7.0)}) == pytest.approx(1.2)
    assert not whole({"admit": points, "deliver": {MILESTONES[0]: 100.0}})
    assert not whole({})
