"""Snapshots: a takeover starts from one where it is good, and notices every one that is not."""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

import hutong
from hutong import complaint, disposition
from services.admit.owner import AdmitOwner
from services.admit.store import TABLES
from services.deliver.owner import DeliverOwner
from services.owning.recall import Derived
from services.owning.snapshot import Unfit, restore
from services.owning.state import Belongs, StateFile
from tests.cities import CITY, TwinCity

WATER = "110000.water"
FILED = complaint.Filed(kind=complaint.Kind.HELP, channel="phone", category="public_service/water", area="110105026")


@pytest.fixture(autouse=True)
def every_level_is_logged() -> Iterator[None]:
    """What a test before this one configured may leave out what is only information."""
    before = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**before)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path, partitions=1) as made:
        made.register(WATER)
        yield made


def play(city: TwinCity, tickets: int = 4) -> None:
    """Some tickets, half of them dispatched, and a refusal."""
    centre = city.connect(CITY)
    for number in range(tickets):
        ticket = centre.submit(FILED).ticket
        if number % 2:
            centre.submit(disposition.Dispatched(lead=WATER), ticket=ticket)
    centre.submit(disposition.Closed(reason="done"), ticket=ticket)


def states(city: TwinCity) -> list[Derived]:
    """What every owner remembers."""
    owners = [shift.owner for shift in city._shifts]
    assert all(isinstance(owner, AdmitOwner | DeliverOwner) for owner in owners)
    return [owner._past for owner in owners]  # type: ignore[attr-defined]


def content(city: TwinCity) -> list[list[str]]:
    """Every row of every state."""
    return [list(derived.file.db.iterdump()) for derived in states(city)]


def snapshot(city: TwinCity) -> list[Path]:
    """A snapshot of every state."""
    for derived in states(city):
        derived.file.snapshot()
    return sorted((city.home / "state").glob("*/*.snapshot"))


def read_anew(city: TwinCity) -> tuple[int, list[str]]:
    """How many records a takeover reads, and what it says of snapshots that it throws away."""
    with capture_logs() as logs:
        city.take_over()
    up = [line for line in logs if line["event"] == "state brought up"]
    return sum(line["read"] for line in up), [line["why"] for line in logs if "why" in line]


def test_a_takeover_reads_only_what_came_after_the_snapshot(city: TwinCity) -> None:
    """With a snapshot of everything nothing is read; with one of a part the rest is; the state is the same."""
    play(city)
    snapshot(city)
    assert read_anew(city) == (0, [])
    play(city)
    expected = content(city)
    read, thrown = read_anew(city)
    assert 0 < read < sum(len(rows) for rows in expected)
    assert thrown == []
    assert content(city) == expected


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(st.sampled_from(["play", "snapshot", "take over"]), min_size=1, max_size=8))
def test_snapshot_and_tail_are_what_the_log_says(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    """However snapshots, takeovers and events come, the state is the one read from the log alone."""
    with TwinCity(tmp_path_factory.mktemp("city"), partitions=1) as city:
        city.register(WATER)
        act: dict[str, Callable[[], object]] = {
            "play": lambda: play(city, 2),
            "snapshot": lambda: snapshot(city),
            "take over": city.take_over,
        }
        for step in steps:
            act[step]()
        _, thrown = read_anew(city)
        assert thrown == []
        lived = content(city)
        for path in (city.home / "state").glob("*/*.snapshot"):
            path.unlink()
        city.take_over()
        assert content(city) == lived


def test_no_flipped_bit_passes(city: TwinCity) -> None:
    """Wherever a byte of a snapshot is another, also within a cell, it is damaged."""
    play(city)
    path = snapshot(city)[0]
    good = path.read_bytes()
    assert restore(path, path.with_suffix(".live"))
    for at in range(0, len(good), 997):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(Unfit, match="damaged"):
            restore(path, path.with_suffix(".live"))


def test_a_damaged_one_is_said_and_thrown_away(city: TwinCity) -> None:
    """Cut short, empty, longer, or no database: the log is read instead, and the next snapshot is good again."""
    play(city)
    expected = content(city)
    damages: list[Callable[[bytes], bytes]] = [
        lambda good: good[:-1],
        lambda good: good[: len(good) // 2],
        lambda good: b"",
        lambda good: good + b"\0",
        lambda good: b"x" * 100,
    ]
    for damage in damages:
        paths = snapshot(city)
        for path in paths:
            path.write_bytes(damage(path.read_bytes()))
        read, thrown = read_anew(city)
        assert read > 0
        assert len(thrown) == len(paths)
        assert all("damaged" in why for why in thrown)
        assert not any(path.exists() for path in paths)
        assert content(city) == expected


def test_another_ones_is_thrown_away(city: TwinCity, tmp_path: Path) -> None:
    """Another partition's, service's, city's, environment's or rule's snapshot is no use, and it is said why."""
    play(city)
    file = states(city)[0].file
    file.snapshot()
    path = city.home / "state" / "admit" / "0.snapshot"
    own, tables = file.belongs, TABLES
    changes: dict[str, Belongs] = {
        "city": replace(own, city="310000"),
        "environment": replace(own, environment="production"),
        "partition": replace(own, partition=1),
        "service": replace(own, service="deliver"),
        "rules": replace(own, rules="2"),
    }
    for name, belongs in changes.items():
        shutil.copy(path, tmp_path / f"{belongs.partition}.snapshot")
        other = StateFile(tmp_path, belongs, tables, instance="other")
        with capture_logs() as logs:
            assert not other.restore()
        other.close()
        assert logs[0]["why"].startswith(f"its {name} is")
    shutil.copy(path, tmp_path / "0.snapshot")
    with capture_logs() as logs:
        assert not StateFile(tmp_path, own, tables + "create table more (a text) strict;", instance="other").restore()
    assert logs[0]["why"].startswith("its layout is")


def test_a_snapshot_of_another_ledger_is_thrown_away(tmp_path: Path) -> None:
    """The same city founded again: the offsets may be there, the records are others."""
    with TwinCity(tmp_path / "one", partitions=1) as one:
        one.register(WATER)
        play(one)
        snapshot(one)
    with TwinCity(tmp_path / "two", partitions=1) as two:
        two.register(WATER)
        play(two)
        play(two)
        expected = content(two)
        shutil.rmtree(two.home / "state")
        shutil.copytree(one.home / "state", two.home / "state")
        read, thrown = read_anew(two)
        assert read > 0
        assert len(thrown) == 2
        assert all("another record" in why for why in thrown), thrown
        assert content(two) == expected


def test_a_snapshot_ahead_of_a_restored_log_is_thrown_away(tmp_path: Path) -> None:
    """A log that is shorter than what the snapshot knows is an older copy of it."""
    with TwinCity(tmp_path / "one", partitions=1) as one:
        one.register(WATER)
        play(one)
        play(one)
        snapshot(one)
    with TwinCity(tmp_path / "two", partitions=1) as two:
        two.register(WATER)
        play(two, 2)
        shutil.copytree(one.home / "state", two.home / "state", dirs_exist_ok=True)
        _, thrown = read_anew(two)
        assert len(thrown) == 2
        assert all("counts only up to" in why for why in thrown), thrown


def test_no_room_for_a_snapshot_stops_nothing(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, the former one stays, and the city goes on."""
    play(city)
    before = [path.read_bytes() for path in snapshot(city)]
    play(city)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with capture_logs() as logs:
            for derived in states(city):
                derived.file._snapshots._try()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [line["event"] for line in logs] == ["no snapshot, the next takeover reads more"] * len(before)
    assert [path.read_bytes() for path in sorted((city.home / "state").glob("*/*.snapshot"))] == before
    assert not list((city.home / "state").rglob("*.new"))
    play(city)


def test_snapshots_are_taken_beside_the_work(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is time, keeping a batch begins one, which holds whole batches only."""
    monkeypatch.setattr("services.owning.snapshot.LEAST_CHANGES", 1)
    for derived in states(city):
        derived.file._snapshots._next = 0
    play(city)
    for derived in states(city):
        derived.file._snapshots.wait()
    assert len(list((city.home / "state").glob("*/*.snapshot"))) == len(states(city))
    expected = content(city)
    city.take_over()
    assert content(city) == expected


def test_a_former_owner_has_a_file_of_its_own(city: TwinCity) -> None:
    """A zombie that wakes writes into its own file, and disturbs nobody's."""
    play(city)
    zombie = states(city)[0]
    city._shifts[0] = city._admit(0)
    expected = content(city)
    zombie.file.db.execute("delete from entry")
    with pytest.raises(sqlite3.OperationalError):
        zombie.file.db.execute("delete from nothing")
    zombie.keep()
    assert content(city) == expected


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Which file, and what to do."""
    (tmp_path / "state").write_text("")
    belongs = Belongs(service="s", city="c", environment="test", partition=0, rules="1")
    with pytest.raises(hutong.SettingsError, match="make its folder writable"):
        StateFile(tmp_path / "state", belongs, "", instance="i")


def test_a_full_disk_costs_no_snapshot(city: TwinCity) -> None:
    """Only the copy had no room: that is said, and the snapshot is there when there is room again."""
    play(city)
    kept = {path: path.read_bytes() for path in snapshot(city)}
    file = states(city)[0].file
    file.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file, "_unlink", lambda: _plant(file._live))
        with pytest.raises(hutong.SettingsError, match="No space left"):
            file.restore()
    assert {path: path.read_bytes() for path in kept} == kept
    file._live.unlink()
    assert read_anew(city) == (0, [])


def _plant(path: Path) -> None:
    """What is written to ``path`` from now on finds no room."""
    path.unlink()
    path.symlink_to("/dev/full")
