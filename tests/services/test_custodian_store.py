"""The custodian's store, the same on SQLite and on PostgreSQL; its master key and damage."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hutong.errors import SettingsError, Unavailable
from hutong.sealing import DataKey
from hutong.settings import read_private_key
from hutong.transport import Partition
from hutong.wire.wrapping import KeyName, Letter, Wrapper
from services.custodian import databases, wiring
from services.custodian.databases import SqliteDatabase, open_database
from services.custodian.handler import Kept
from services.custodian.store import Database, Store
from services.custodian.vault import Vault, make_master_key, read_master_key
from tests.services.custodians import CUSTODIAN, HEAT, Town
from tests.services.custody import CASE, TICKET, VAULT, letter


def test_what_is_kept_is_there_at_the_next_start(where: str) -> None:
    """Keys, numbers, cases and what was given; what is destroyed leaves its name."""
    one, two = DataKey.mint(), DataKey.mint()
    store = Store(open_database(where), VAULT)
    with store.transaction():
        store.hold(letter(one))
        store.hold(letter(two))
        store.hold(letter(one))
        store.enforce([Kept(key_id=one.id, key_class="content", sender="110000", event="e-1", number=7)])
        store.give(TICKET, [(one.id, "110000.water"), (one.id, "110000.water")])
        store.put(CASE)
    with store.transaction():
        store.put(replace(CASE, sequence=8))
        store.destroy([Kept(key_id=two.id, key_class="content", sender="110000", event="e-1")])
    store.database.wipe()
    store.close()
    again = Store(open_database(where), VAULT)
    kept = {key.key_id: key for key in again.keys(TICKET)}
    assert kept == {
        one.id: Kept(key_id=one.id, key_class="content", sender="110000", event="e-1", number=7),
        two.id: Kept(key_id=two.id, key_class="content", sender="110000", event="e-1", destroyed=True),
    }
    assert again.open(TICKET, kept[one.id]) == one
    assert again.open(TICKET, kept[two.id]) is None
    assert again.given(TICKET) == {(one.id, "110000.water")}
    assert (again.case(TICKET), again.case("other"), again.tickets()) == (replace(CASE, sequence=8), None, [TICKET])
    again.close()


def test_half_a_transaction_is_none(where: str) -> None:
    """What was changed before an error is not there."""
    store = Store(open_database(where), VAULT)

    def half() -> None:
        with store.transaction():
            store.put(CASE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert store.case(TICKET) is None
    store.close()


def test_a_lock_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds the file locked is told to try again; afterwards he can."""
    monkeypatch.setattr(databases, "_LOCK_SECONDS", 0.0)
    path = tmp_path / "keys.sqlite"
    store = Store(open_database(str(path)), VAULT)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(Unavailable, match="locked by another program"), store.transaction():
            raise AssertionError("it is locked")
    with store.transaction():
        store.put(CASE)
    assert store.case(TICKET) == CASE
    store.close()


def test_a_full_disk_is_said_and_half_a_transaction_is_none(tmp_path: Path) -> None:
    """What fits no more is not there, nor what was written before it; with room it goes on."""
    database = SqliteDatabase(tmp_path / "keys.sqlite")
    store = Store(database, VAULT)
    database._db.execute("pragma max_page_count = 1")  # never below what it has

    def write() -> None:
        with store.transaction():
            store.put(CASE)
            store.set_meta("large", bytes(100_000))

    with pytest.raises(SettingsError, match=r"keys\.sqlite fails .*make room on its disk"):
        write()
    assert store.case(TICKET) is None
    database._db.execute("pragma max_page_count = 1000000")
    with store.transaction():
        store.put(CASE)
    assert store.case(TICKET) == CASE
    store.close()


@pytest.mark.parametrize("begin", [0, 4096], ids=["its head", "behind its first page"])
def test_a_damaged_file_is_said(tmp_path: Path, begin: int) -> None:
    """With the file, and what to do."""
    path = tmp_path / "keys.sqlite"
    Store(open_database(str(path)), VAULT).close()
    path.write_bytes(path.read_bytes()[:begin].ljust(path.stat().st_size, b"\xff"))
    with pytest.raises(SettingsError, match=r"keys\.sqlite fails .*restore the latest backup"):
        Store(open_database(str(path)), VAULT)


def test_a_full_disk_ends_the_custodian_and_parks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 6: it is no ticket's fault. With room again the next start goes on."""
    town = Town(tmp_path)

    def full(where: str, *, make: bool) -> Database:
        database = SqliteDatabase(Path(where), make=make)
        database._db.execute("pragma max_page_count = 1")
        return database

    try:
        town.keeper()
        tickets = [town.file() for _ in range(20)]
        with monkeypatch.context() as patched:
            patched.setattr(wiring, "open_database", full)
            with pytest.raises(SettingsError, match="make room"):
                town.keeper()
        place = Partition(f"deadletters.{CUSTODIAN}", 0)
        assert town.city.transport.bounds([place])[place].end == 0
        town.keeper()
        assert all(len(town.notices(ticket)) == 2 for ticket in tickets)
    finally:
        town.close()


def test_another_master_key_is_one_clear_error(where: str) -> None:
    """The store is not touched, and opens again with the right one."""
    store = Store(open_database(where), VAULT)
    store.close()
    with pytest.raises(SettingsError, match="master key is not the one"):
        Store(open_database(where), Vault(secrets.token_bytes(32)))
    Store(open_database(where), VAULT).close()


def test_a_damaged_row_is_named_and_the_others_go_on(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One key cannot be opened, the other can."""
    bad, good = DataKey.mint(), DataKey.mint()
    store = Store(open_database(where), VAULT)
    with store.transaction():
        store.hold(letter(bad))
        store.hold(letter(good))
        store.database.do("update held set box = ? where key_id = ?", bytes(60), bad.id)
    found = {key.key_id: store.open(TICKET, key) for key in store.keys(TICKET)}
    assert found == {bad.id: None, good.id: good}
    assert f"{TICKET}/content/{bad.id.hex()}" in "".join(capsys.readouterr())
    store.close()


def test_a_key_of_no_event_is_passed_over(where: str, tmp_path: Path) -> None:
    """An organisation names what is no event's id, and what no database takes; the next ticket's keys are kept."""
    town = Town(tmp_path / "town")
    try:
        ticket, key = town.file(), DataKey.mint()
        name = KeyName(ticket=ticket, key_class="content", key_id=key.id)
        wrapper = Wrapper(HEAT, read_private_key(town.city.keys / f"{HEAT}.pem"), "test")
        forged = Letter(name=name, sender=HEAT, reader=CUSTODIAN, key=key, event="e\0")
        producer = town.city.transport.producer(client_id="forger")
        producer.send(wrapper.records([forged], town.hotline.directory), timeout=5)
        later = town.file()
        town.keeper(custody_store=where)
        with closing(Store(open_database(where), read_master_key(None, town.master_key))) as store:
            assert key.id not in {kept.key_id for kept in store.keys(ticket)}
            assert {kept.key_class for kept in store.keys(later)} == {"identity", "content"}
    finally:
        town.close()


def test_a_master_key_comes_from_a_file_or_a_variable(tmp_path: Path) -> None:
    """What is no key, or not there, is said; a key file is never written over."""
    file = tmp_path / "keys" / "master"
    make_master_key(file)
    assert file.stat().st_mode & 0o077 == 0
    mark = read_master_key(None, file).mark()
    assert read_master_key(file.read_text(), None).knows(mark)
    with pytest.raises(SettingsError, match="stays as it is"):
        make_master_key(file)
    for text, path, said in (("12", None, "64 hex digits"), (None, tmp_path / "none", "cannot be read"),
                             (None, None, "new-master-key")):  # fmt: skip
        with pytest.raises(SettingsError, match=said):
            read_master_key(text, path)
