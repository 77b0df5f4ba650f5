"""Backup and restore of the custodian's store, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

import hutong
from hutong.errors import SettingsError
from hutong.sealing import DataKey
from services.custodian import __main__ as command
from services.custodian import databases
from services.custodian.backup import back_up, restore
from services.custodian.databases import open_database
from services.custodian.store import TABLES, Database, Store
from tests.services.custody import CASE, TICKET, VAULT, letter


def test_a_backup_restores_everything_and_holds_no_key_in_clear(where: str, tmp_path: Path) -> None:
    """Into an empty store of either kind; the next start learns what happened since."""
    key = DataKey.mint()
    store = Store(open_database(where), VAULT)
    with store.transaction():
        store.hold(letter(key))
        store.give(TICKET, [(key.id, "110000.water")])
        store.put(CASE)
        store.database.do("delete from meta where name = ?", "learn")
    file = tmp_path / "backup.gz"
    rows = back_up(open_database(where), file)
    content = gzip.decompress(file.read_bytes())
    assert key.key not in content
    assert key.key.hex().encode() not in content
    with pytest.raises(SettingsError, match="not empty"):
        restore(open_database(where), file)
    store.close()
    other = str(tmp_path / "new.sqlite")
    assert restore(open_database(other), file) == rows
    again = Store(open_database(other), VAULT)
    assert [again.open(TICKET, kept) for kept in again.keys(TICKET)] == [key]
    assert (again.case(TICKET), again.meta("learn")) == (CASE, b"1")
    again.close()


class Beside:
    """A database on which somebody else does something between two of its answers."""

    def __init__(self, inner: Database, act: Callable[[], None]) -> None:
        self._inner = inner
        self._act = act

    def each(self, query: str, *values: object) -> Iterator[tuple[object, ...]]:
        yield from self._inner.each(query, *values)
        self._act()

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


def test_the_custodian_works_while_it_is_backed_up(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes between every two tables, and nothing of that is in the backup: that is of one moment."""
    monkeypatch.setattr(databases, "_LOCK_SECONDS", 0.0)
    before, later = DataKey.mint(), [DataKey.mint() for _ in TABLES]
    store, keys = Store(open_database(where), VAULT), iter(later)
    with store.transaction():
        store.hold(letter(before))

    def write() -> None:
        key = next(keys)
        with store.transaction():
            store.hold(letter(key))
            store.give(TICKET, [(key.id, "110000.water")])
            store.put(CASE)

    file, other = tmp_path / "backup.gz", str(tmp_path / "new.sqlite")
    back_up(Beside(open_database(where), write), file)  # type: ignore[arg-type]
    assert {key.key_id for key in store.keys(TICKET)} == {key.id for key in (before, *later)}
    store.close()
    restore(open_database(other), file)
    again = Store(open_database(other), VAULT)
    assert [key.key_id for key in again.keys(TICKET)] == [before.id]
    assert (again.given(TICKET), again.case(TICKET)) == (frozenset(), None)
    again.close()


def test_what_is_destroyed_while_it_is_backed_up_goes_when_that_is_done(tmp_path: Path) -> None:
    """The backup's reader holds former pages of the file's log; afterwards they are gone."""
    path, key = tmp_path / "keys.sqlite", DataKey.mint()
    store = Store(open_database(str(path)), VAULT)
    with store.transaction():
        store.hold(letter(key))
    ((box,),) = store.database.rows("select box from held")

    def destroy() -> None:
        with store.transaction():
            store.destroy(store.keys(TICKET))

    back_up(Beside(open_database(str(path)), destroy), tmp_path / "backup.gz")  # type: ignore[arg-type]
    content = b"".join(each.read_bytes() for each in tmp_path.glob("keys.sqlite*"))
    assert len(content) > 4096
    assert box not in content
    store.close()


class Asked:
    """A database that remembers the longest answer it gave in one piece."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.longest = 0

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        found = self._inner.rows(query, *values)
        self.longest = max(self.longest, len(found))
        return found

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


def test_a_backup_holds_no_table_in_memory(where: str, tmp_path: Path) -> None:
    """Row by row, however many there are."""
    store = Store(open_database(where), VAULT)
    with store.transaction():
        for _ in range(250):
            store.hold(letter(DataKey.mint()))
    store.close()
    asked = Asked(open_database(where))
    assert back_up(asked, tmp_path / "backup.gz") == 250 + 2  # type: ignore[arg-type]
    assert asked.longest <= 1


def test_a_backup_of_no_store_is_refused_and_the_former_stays(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody kept anything where the settings say: the command names the place, makes nothing there, writes nothing."""
    monkeypatch.setattr(command, "crash_only", lambda work: work())
    monkeypatch.setattr(command, "configure", lambda name: None)
    monkeypatch.setattr(hutong.Settings, "load", lambda: None)
    monkeypatch.setenv("HUTONG_CUSTODY_STORE", where)
    file = tmp_path / "backup.gz"
    file.write_bytes(b"yesterday's")

    def refused() -> None:
        result = CliRunner().invoke(command.app, ["backup", str(file)])
        assert isinstance(result.exception, SettingsError)
        assert "is no custodian's store" in str(result.exception)
        assert Path(where).name in str(result.exception) or where.startswith("postgresql")
        assert [each.name for each in tmp_path.iterdir() if each.is_file()] == [file.name]
        assert file.read_bytes() == b"yesterday's"

    refused()
    assert not Path(where).exists()
    with closing(open_database(where)) as empty:  # its tables, and no mark
        assert empty.tables() == TABLES.keys()
    refused()
    Store(open_database(where), VAULT).close()
    assert CliRunner().invoke(command.app, ["backup", str(file)]).stdout == f"2 rows are in {file}\n"
    assert file.read_bytes() != b"yesterday's"


def test_a_file_of_another_program_is_no_store(tmp_path: Path) -> None:
    """It is refused, and stays as it is."""
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("create table meta (name text)")
    before = path.read_bytes()
    with pytest.raises(SettingsError, match=r"other\.sqlite is no custodian's store"):
        back_up(open_database(str(path), make=False), tmp_path / "backup.gz")
    assert path.read_bytes() == before


def test_a_backup_that_is_cut_or_changed_restores_nothing(tmp_path: Path) -> None:
    """It is said before anything is written."""
    store = Store(open_database(str(tmp_path / "one.sqlite")), VAULT)
    with store.transaction():
        store.hold(letter(DataKey.mint()))
    store.close()
    file = tmp_path / "backup.gz"
    back_up(open_database(str(tmp_path / "one.sqlite")), file)
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], b""):
        file.write_bytes(content)
        with pytest.raises(SettingsError, match="no whole backup"):
            restore(open_database(str(tmp_path / "two.sqlite")), file)
    assert not Store(open_database(str(tmp_path / "two.sqlite")), VAULT).keys(TICKET)
