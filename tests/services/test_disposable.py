"""State that can be made anew: a damaged file is no reason to stop."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

import hutong
from services.desk.store import CaseStore
from services.dispatch.store import FilingStore
from services.disposable import open_disposable, whose_state

SCHEMA = "create table if not exists kept (name text primary key, value blob not null) strict"
WHOSE = {"city": "110000", "environment": "test", "registrar key": "ab" * 32}


def fill(path: Path, whose: Mapping[str, str]) -> None:
    with closing(open_disposable(path, SCHEMA, whose)) as db:
        db.execute("insert into kept values ('a', x'00')")


def count(path: Path, whose: Mapping[str, str]) -> int:
    with closing(open_disposable(path, SCHEMA, whose)) as db:
        return int(db.execute("select count(*) from kept").fetchone()[0])


def damage(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


@pytest.mark.parametrize(("offset", "content"), [(0, b"garbage-garbage-garbage"), (4096 * 3, b"\x55" * 4096)])
def test_a_damaged_file_is_made_anew(tmp_path: Path, offset: int, content: bytes) -> None:
    """Whether it is no database at all, or a page in its middle is damaged."""
    path = tmp_path / "desk" / "water.sqlite"
    with closing(open_disposable(path, SCHEMA)) as db:
        db.executemany("insert into kept values (?, ?)", ((str(n), bytes(500)) for n in range(200)))
    damage(path, offset, content)
    with closing(open_disposable(path, SCHEMA)) as db:
        assert db.execute("select count(*) from kept").fetchone() == (0,)
        db.execute("insert into kept values ('a', x'00')")
    with closing(open_disposable(path, SCHEMA)) as db:
        assert db.execute("select count(*) from kept").fetchone() == (1,)


@pytest.mark.parametrize(("name", "other"), [("city", "nyc"), ("environment", "production"), ("registrar key", "cd")])
def test_a_file_of_another_is_said_and_made_anew(tmp_path: Path, name: str, other: str) -> None:
    """Of another city, of a trial, of a city that was founded again: what they were told says nothing here."""
    path = tmp_path / "water.sqlite"
    fill(path, WHOSE)
    assert count(path, WHOSE) == 1
    with capture_logs() as said:
        assert count(path, {**WHOSE, name: other}) == 0
    assert [line["why"] for line in said] == [f"it is of {name} {WHOSE[name]}, not {other}"]
    assert count(path, WHOSE) == 0


def test_a_file_that_does_not_say_whose_it_is_is_made_anew(tmp_path: Path) -> None:
    """It was written before files said so, and may be anybody's."""
    path = tmp_path / "water.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(SCHEMA)
        db.execute("insert into kept values ('a', x'00')")
    assert count(path, WHOSE) == 0


def test_settings_say_whose_a_file_is() -> None:
    """City, environment and the registrar's key: each of them."""
    given = {"city": "110000", "environment": "test", "registrar_key": "ab" * 32}
    settings = hutong.Settings.load(bootstrap="-", organisation="110000.water", **given)
    assert whose_state(settings) == WHOSE


@pytest.mark.parametrize("store", [CaseStore, FilingStore])
def test_what_a_trial_was_told_is_not_taken_for_told(
    tmp_path: Path, store: type[CaseStore] | type[FilingStore]
) -> None:
    """A store that was rebuilt from a trial's deliveries is to be rebuilt from the city's own."""
    with closing(store(tmp_path, "110000", WHOSE)) as kept, kept.rebuilding():
        pass
    with closing(store(tmp_path, "110000", WHOSE)) as kept:
        assert kept.rebuilt
    with closing(store(tmp_path, "110000", {**WHOSE, "environment": "production"})) as kept:
        assert not kept.rebuilt


def test_a_file_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A fault of the folder is a person's business; nothing is thrown away for it."""
    (tmp_path / "desk").write_bytes(b"a file, where a folder is to be")
    with pytest.raises(hutong.SettingsError, match="make its folder writable"):
        open_disposable(tmp_path / "desk" / "water.sqlite", SCHEMA)
