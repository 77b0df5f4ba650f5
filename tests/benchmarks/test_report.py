"""The verdict on figures, and the page that is written of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.latency import Latency
from benchmarks.measured import Alive, Measured
from benchmarks.measuring import Run
from benchmarks.plot import draw
from benchmarks.report import page, rows, verdicts
from benchmarks.rounds import Size
from benchmarks.scale import MILESTONES, flat, window
from benchmarks.subjects import ARROYO, FASTSTREAM, QUIX, SUBJECTS, Kind, interleaved
from benchmarks.targets import TARGETS, told

TOLD = {
    "admit_single_x", "admit_batch_x", "deliver_x", "subscribe_x",
    "admit_single_x_fast", "admit_batch_x_fast", "deliver_x_fast", "subscribe_x_fast",
    "p50_ms", "p99_ms", "rss_mb",
}  # fmt: skip


def _latency(rate: int, p99: float) -> Latency:
    return Latency(rate=rate, events=rate, p50_ms=20.0, p99_ms=p99, most_ms=2 * p99)


def _micro(cpu: float, outputs: int = 1_000) -> list[Run]:
    return [Run(events=1_000, outputs=outputs, cpu=cpu / 1_000, wall=1.0, rss_mb=60.0)]


@pytest.fixture
def measured() -> Measured:
    """Ours takes 100 µs for an event with kafka-python and 50 with confluent-kafka, every peer 200."""
    runs = {
        kind: {s.name: _micro(200 if not s.ours else 50 if s.client == "confluent" else 100) for s in subjects}
        for kind, subjects in SUBJECTS.items()
    }
    alive = Alive(
        started={"admit": 1.5, "deliver": 1.0},
        latencies=[_latency(200, 60.0), _latency(400, 90.0), _latency(800, 1500.0)],
        tickets=50_000,
        resident={"admit": 90.0, "deliver": 110.0},
    )
    return Measured(
        when="2026-01-31 08:00 UTC",
        machine={"processor": "one"},
        size=Size(warm=1, count=2, rounds=1),
        event_bytes=533,
        runs=runs,
        alive=alive,
        curve={"admit": {10_000: 50.0, 1_000_000: 54.0}, "deliver": {10_000: 43.0, 1_000_000: 40.0}},
    )


def test_each_figure_is_held_against_the_peer_that_the_issue_names(measured: Measured) -> None:
    measured.runs[Kind.SINGLE][ARROYO] = _micro(70)
    measured.runs[Kind.BARE] |= {ARROYO: _micro(40), QUIX: _micro(30)}
    measured.runs[Kind.TYPED] |= {FASTSTREAM: _micro(400), QUIX: _micro(25)}
    figures = measured.figures()
    assert figures["admit_single_x"] == pytest.approx(0.7)
    assert figures["admit_single_x_fast"] == pytest.approx(1.4)
    assert figures["admit_batch_x"] == pytest.approx(2.0)
    assert (figures["deliver_x"], figures["deliver_x_fast"]) == pytest.approx((0.4, 0.6))
    assert (figures["subscribe_x"], figures["subscribe_x_fast"]) == pytest.approx((4.0, 0.5))
    assert (figures["p50_ms"], figures["p99_ms"]) == (20.0, 60.0)
    assert (figures["rss_mb"], figures["start_s"], figures["highest_p99_ms"]) == (110.0, 1.5, 90.0)
    assert figures["flat_x"] == pytest.approx(1.08)


def test_deliver_is_counted_by_what_it_writes(measured: Measured) -> None:
    name = next(s.name for s in SUBJECTS[Kind.BARE] if s.ours)
    measured.runs[Kind.BARE][name] = _micro(200, outputs=2_000)
    assert measured.figures()["deliver_x"] == pytest.approx(2.0)


def test_a_target_is_met_or_missed_and_the_json_has_the_names_that_were_asked_for(measured: Measured) -> None:
    figures = measured.figures()
    assert [name for name, _, _, met in verdicts(measured) if met is False] == ["subscribe_x", "rss_mb"]
    assert told(figures).keys() == TOLD
    assert told({"p50_ms": 1.23456}) == {**dict.fromkeys(TOLD), "p50_ms": 1.235}
    assert {name for name, _, _, met in verdicts(replace(measured, curve={})) if met is None} == {"flat_x"}


@pytest.mark.parametrize(("figure", "met"), [(0.69, False), (0.7, True)])
def test_a_floor_is_reached_from_above(figure: float, met: bool) -> None:
    target = next(t for t in TARGETS if t.name == "admit_single_x")
    assert target.met(figure) is met


def test_a_table_begins_with_the_cheapest(measured: Measured) -> None:
    assert [row[0] for row in rows(measured, Kind.SINGLE)][:2] == [
        "hutong admit, confluent",
        "hutong admit, kafka-python",
    ]
    assert rows(measured, Kind.SINGLE)[0][1:] == ("50.0", "50.0 – 50.0", "1,000", "60")


def test_the_page_has_every_target_every_subject_and_the_machine(measured: Measured) -> None:
    written = page(measured, "scale.svg")
    assert all(f"`{target.name}`" in written for target in TARGETS)
    assert all(subject.name in written for subjects in SUBJECTS.values() for subject in subjects)
    assert "| processor | one |" in written
    assert "not sustained" in written
    assert "| 🔴 | `rss_mb` | 110.00 | below 100 |" in written


def test_what_was_measured_is_read_as_it_was_written(measured: Measured, tmp_path: Path) -> None:
    measured.write(tmp_path / "measured.json")
    assert Measured.read(tmp_path / "measured.json") == measured
    assert json.loads((tmp_path / "measured.json").read_text())["event_bytes"] == 533


def test_the_same_curve_is_the_same_picture(measured: Measured, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the picture needs matplotlib (dependency group bench)")
    draw(measured.curve, tmp_path / "one.svg")
    draw(measured.curve, tmp_path / "other.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()
    assert "deliver" in (tmp_path / "one.svg").read_text()


def test_flat_is_the_service_that_moves_most() -> None:
    assert flat({"one": {1: 10.0, 2: 10.5}, "other": {1: 12.0, 2: 10.0}}) == pytest.approx(1.2)


def test_windows_before_milestones_do_not_overlap() -> None:
    marks = [mark for each in MILESTONES for mark in window(each)]
    assert marks == sorted(set(marks))


def test_ours_and_the_peers_take_turns() -> None:
    turns = interleaved(SUBJECTS[Kind.SINGLE])
    assert [subject.ours for subject in turns[:4]] == [True, False, True, False]
    assert sorted(s.name for s in turns) == sorted(s.name for s in SUBJECTS[Kind.SINGLE])
