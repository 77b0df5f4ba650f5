"""The custodian's store, the same on SQLite and on PostgreSQL; its master key, damage, backup and restore."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hutong.errors import SettingsError
from hutong.rules.lifecycle import Ticket
from hutong.sealing import DataKey
from hutong.wire.wrapping import KeyName, Letter
from services.custodian.backup import back_up, restore
from services.custodian.databases import open_database
from services.custodian.handler import Case, Kept
from services.custodian.store import Store
from services.custodian.vault import Vault, make_master_key, read_master_key

TICKET = "110000-20260131-0123456789"
VAULT = Vault(secrets.token_bytes(32))
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")) if Path("/usr/lib/postgresql").exists() else []
CASE = Case(
    ticket=Ticket(id=TICKET, state="filed", filer="110000", keys=("ab",), participants=frozenset({"110000"})),
    anonymous=True,
    sequence=7,
    since=7,
    event="e-1",
    erased=frozenset({"identity"}),
)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of this test run's own, on a socket in its folder."""
    if not POSTGRES:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    home = Path("/tmp") / f"hutong-pg-{secrets.token_hex(4)}"
    home.mkdir()
    binaries = POSTGRES[-1].parent
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(home, "postgres")

    def call(*words: str) -> None:
        subprocess.run([*as_user, *words], check=True, capture_output=True, cwd="/", timeout=100)

    call(str(binaries / "initdb"), "-D", f"{home}/data", "-U", "postgres", "--auth=trust", "--no-sync")
    options = f"-k {home} -h '' -c fsync=off"
    call(str(binaries / "pg_ctl"), "-D", f"{home}/data", "-w", "-l", f"{home}/log", "-o", options, "start")
    try:
        yield f"postgresql:///postgres?host={home}&user=postgres"
    finally:
        call(str(binaries / "pg_ctl"), "-D", f"{home}/data", "-m", "immediate", "stop")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return str(tmp_path / "custody" / "keys.sqlite")
    import psycopg

    address: str = request.getfixturevalue("postgres")
    name = f"t{secrets.token_hex(4)}"
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(f"create database {name}")
    return address.replace("/postgres?", f"/{name}?")


def letter(key: DataKey) -> Letter:
    name = KeyName(ticket=TICKET, key_class="content", key_id=key.id)
    return Letter(name=name, sender="110000", reader="110000.custodian", key=key, event="e-1")


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
    import gzip

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
