"""Standstills are seen in the journals, by system and ledger partition."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chaos.watch import ANY, Watch

KEEPER = "110000.intake.keeper"


class Hand:
    """A clock in the test's hand, and a journal to write."""

    def __init__(self, folder: Path) -> None:
        self.now = 100.0
        self._file = folder / f"{KEEPER}.jsonl"

    def __call__(self) -> float:
        return self.now

    def handled(self, at: float, partition: int) -> None:
        self.now = at
        with self._file.open("a") as file:
            file.write(json.dumps({"what": "handled", "partition": partition}) + "\n")


def test_a_partition_that_stands_still_is_seen_though_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gap of partition 1 counts from the strike on; a gap that began after the fault does not."""
    hand, watch = Hand(tmp_path), Watch(tmp_path)
    monkeypatch.setattr("tests.chaos.watch.time.monotonic", hand)
    for at, partition in ((100, 0), (100, 1), (101, 0), (102, 0), (106, 1), (107, 0), (107, 1), (120, 0), (120, 1)):
        hand.handled(at, partition)
        watch.look()
    both = [(KEEPER, 0), (KEEPER, 1)]
    assert watch.standstill(both, since=101.0, until=103.0) == 5.0
    assert watch.standstill([(KEEPER, 0)], since=101.5, until=101.9) == 0.5
    assert watch.standstill(both, since=106.5, until=106.8) == 0.5
    assert watch.handled == 9
    assert watch.flowing(both)
    hand.now = 130.0
    assert not watch.flowing(both)
    assert watch.standstill([(KEEPER, ANY)], since=121.0, until=130.0) == 9.0


def test_a_line_half_written_waits_for_its_end(tmp_path: Path) -> None:
    """What a process is writing at this moment is taken when it is whole."""
    watch, file = Watch(tmp_path), tmp_path / "110000.phone.jsonl"
    file.write_text('{"what": "acknowledged"}\n{"what": "ackno')
    watch.look()
    assert watch.acknowledged == 1
    file.write_text('{"what": "acknowledged"}\n{"what": "acknowledged"}\n')
    watch.look()
    assert watch.acknowledged == 2
