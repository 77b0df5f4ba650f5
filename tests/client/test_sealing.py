"""Sealed fields and where their keys are kept."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import hutong
from hutong.errors import InvalidEvent, KeyPending, SettingsError
from hutong.events.complaint import Filed, Kind
from hutong.events.sealed import Clear, Sealed
from hutong.keystore import SqliteKeyStore
from hutong.sealing import BUCKETS, DataKey, Place, own_key, seal, seal_fields, unseal
from tests.cities import CITY, TwinCity

PLACE = Place(ticket="110000-20260101-0123456789", source="110000", type="complaint.filed.v1", event_id="1", field="x")


@pytest.fixture
def keys(tmp_path: Path) -> SqliteKeyStore:
    return SqliteKeyStore(tmp_path / "keys" / "110000.sqlite")


def stored(keys: SqliteKeyStore, key: DataKey) -> DataKey:
    with keys.batch():
        keys.put(PLACE.ticket, "content", key)
    return key


def test_a_sealed_field_opens_in_its_place(keys: SqliteKeyStore) -> None:
    """Any JSON value comes back as it was."""
    key = stored(keys, DataKey.mint())
    for value in ("没水", {"name": "张三", "phone": "1"}, [1, 2], ""):
        assert unseal(seal(Clear(value), key, PLACE, "content"), keys, PLACE) == value


@pytest.mark.parametrize("part", ["ticket", "source", "type", "event_id", "field"])
def test_a_sealed_field_opens_nowhere_else(keys: SqliteKeyStore, part: str) -> None:
    """Moved to another ticket, author, type, event or field it does not open."""
    sealed = seal(Clear("x"), stored(keys, DataKey.mint()), PLACE, "content")
    with pytest.raises(InvalidEvent, match="bad_seal"):
        unseal(sealed, keys, replace(PLACE, **{part: "other"}))


def test_an_altered_field_does_not_open(keys: SqliteKeyStore) -> None:
    """One flipped bit is found."""
    sealed = seal(Clear("x"), stored(keys, DataKey.mint()), PLACE, "content")
    flipped = bytes([sealed.ciphertext[0] ^ 1]) + sealed.ciphertext[1:]
    with pytest.raises(InvalidEvent, match="bad_seal"):
        unseal(sealed.model_copy(update={"ciphertext": flipped}), keys, PLACE)


def test_what_opens_but_holds_no_json_is_no_content(keys: SqliteKeyStore) -> None:
    """Another client's nonsense under the right key is a bad seal, not a crash."""
    key = stored(keys, DataKey.mint())
    for text in (b"{", b"\xff", b"[" * 100_000):
        plain = len(text).to_bytes(4, "big") + text
        ciphertext = AESGCM(key.key).encrypt(bytes(12), plain, PLACE.associated_data())
        sealed = Sealed(suite=1, key_id=key.id, nonce=bytes(12), ciphertext=ciphertext)
        with pytest.raises(InvalidEvent, match="bad_seal"):
            unseal(sealed, keys, PLACE)


def test_without_its_key_a_field_is_pending(keys: SqliteKeyStore) -> None:
    """The key may come later; the error names field, ticket and key."""
    key = DataKey.mint()
    with pytest.raises(KeyPending, match=key.id.hex()):
        unseal(seal(Clear("x"), key, PLACE, "content"), keys, PLACE)


def test_the_length_of_an_identity_says_nothing() -> None:
    """Short and long names have the same ciphertext length, up to the bucket."""
    key = DataKey.mint()
    lengths = {len(seal(Clear("张" * n), key, PLACE, "identity").ciphertext) for n in range(1, 40)}
    assert lengths == {BUCKETS[0] + 16}
    assert len(seal(Clear("x" * 3000), key, PLACE, "identity").ciphertext) == 3 * BUCKETS[-1] + 16


def test_one_key_a_class_serves_all_fields_of_a_ticket(keys: SqliteKeyStore) -> None:
    """Identity and content have a key each; later fields of the ticket use the same."""
    data = Filed(
        kind=Kind.COMPLAINT,
        channel="phone",
        category="a",
        area="110105",
        identity=Clear({"n": 1}),
        narrative=Clear("x"),
        place=Clear("y"),
    )
    with keys.batch():
        first = seal_fields(data, own_key(keys, PLACE.ticket), ticket=PLACE.ticket, source="110000", event_id="1")
        second = seal_fields(data, own_key(keys, PLACE.ticket), ticket=PLACE.ticket, source="110000", event_id="2")
    assert isinstance(first.identity, Sealed)
    assert isinstance(first.narrative, Sealed)
    assert isinstance(first.place, Sealed)
    assert isinstance(second.narrative, Sealed)
    assert first.identity.key_id != first.narrative.key_id
    assert first.place.key_id == first.narrative.key_id == second.narrative.key_id
    assert first.narrative.ciphertext != second.narrative.ciphertext


def test_keys_outlive_the_program_and_are_its_owners_alone(keys: SqliteKeyStore, tmp_path: Path) -> None:
    """A key is found again after reopening; a batch that failed kept none; the file is private."""
    key = stored(keys, DataKey.mint())
    lost = DataKey.mint()
    with contextlib.suppress(RuntimeError), keys.batch():
        keys.put(PLACE.ticket, "content", lost)
        raise RuntimeError
    keys.close()
    path = tmp_path / "keys" / "110000.sqlite"
    again = SqliteKeyStore(path)
    assert again.current(PLACE.ticket, "content") == again.get(key.id) == key
    assert again.get(lost.id) is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def files_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_an_erased_key_is_in_no_file(keys: SqliteKeyStore, tmp_path: Path) -> None:
    """Nor in the log beside it, as soon as the batch has ended; where another reads just then, after the next one."""
    erased, kept, folder = stored(keys, DataKey.mint()), stored(keys, DataKey.mint()), tmp_path / "keys"
    path = folder / "110000.sqlite"
    assert erased.key in files_of(folder)
    with keys.batch():
        keys.erase(erased.id)
    assert erased.key not in files_of(folder)
    assert kept.key in files_of(folder)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin")
        other.execute("select count(*) from keys")
        keys._db.execute("pragma busy_timeout = 0")
        with keys.batch():
            keys.erase(kept.id)
        assert kept.key in files_of(folder)
    with keys.batch():
        keys.move("keys.110000", 1)
    assert kept.key not in files_of(folder)


def test_a_program_that_was_killed_leaves_no_erased_key(keys: SqliteKeyStore, tmp_path: Path) -> None:
    """Killed between erasing and wiping: the next one's first batch wipes."""
    key, path = stored(keys, DataKey.mint()), tmp_path / "keys" / "110000.sqlite"
    keys._db.execute("delete from keys where id = ?", (key.id,))
    keys._db.commit()
    assert key.key in files_of(path.parent)
    again = SqliteKeyStore(path)
    stored(again, DataKey.mint())
    assert key.key not in files_of(path.parent)
    again.close()


def test_a_bus_gives_back_its_own_key_store_and_no_other(tmp_path: Path, keys: SqliteKeyStore) -> None:
    """Its log is gone with it; a store that was given stays open."""
    filed = Filed(kind=Kind.HELP, channel="phone", category="public_service/water", area="110105", narrative=Clear("x"))
    with TwinCity(tmp_path / "city") as city:
        folder = city.home / CITY / "keys"
        bus = city.connect(CITY)
        bus.submit(filed)
        assert {path.suffix for path in folder.iterdir()} == {".sqlite", ".sqlite-wal", ".sqlite-shm"}
        bus.close()
        assert {path.suffix for path in folder.iterdir()} == {".sqlite"}
        with hutong.connect("test", city.settings(CITY), transport=city.transport, keys=keys) as other:
            ticket = other.submit(filed).ticket
        assert keys.current(ticket, "content") is not None


def test_an_unwritable_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    """A key store that cannot be made says where and what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="make its folder writable"):
        SqliteKeyStore(tmp_path / "file" / "keys.sqlite")
