"""Backup and restore of the custodian's store, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from hutong.errors import SettingsError
from hutong.sealing import DataKey
from services.custodian.backup import back_up, restore
from services.custodian.databases import open_database
from services.custodian.store import Database, Store
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
