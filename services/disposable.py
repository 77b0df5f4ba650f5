"""SQLite files that can be made anew from what an organisation was delivered."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import structlog

import hutong

_log = structlog.get_logger()

_WHOSE = "create table if not exists whose (name text primary key, value text not null) strict;"
_REBUILT = "create table if not exists rebuilt (one integer primary key check (one = 1)) strict;"
_SECRET = "create table if not exists secret (one integer primary key check (one = 1), key blob not null) strict;"
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


class _Unfit(Exception):
    """What lies in the file is damaged, or somebody else's; the text says how that was seen."""


def whose_state(settings: hutong.Settings) -> Mapping[str, str]:
    """What a file's content belongs to: what a trial, another city or a city founded again was told is not so here."""
    return {
        "city": settings.city,
        "environment": settings.environment,
        "registrar key": settings.registrar_key,
    }


def open_disposable(path: Path, schema: str, whose: Mapping[str, str] | None = None) -> sqlite3.Connection:
    """Open the file, make ``schema`` where it is not there yet. A damaged one, or one that is not ``whose`` it is said
    to be, is named in the log, thrown away, and made empty.

    Raises:
        SettingsError: the file cannot be made or opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _open(path, schema, whose or {})
        except _Unfit as unfit:
            _log.warning("state is thrown away and made anew", file=str(path), why=str(unfit))
            for end in ("", "-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)
            return _open(path, schema, whose or {})
    except (OSError, sqlite3.Error, _Unfit) as error:
        raise hutong.SettingsError(
            f"{path} cannot be opened ({error}): make its folder writable, or make room"
        ) from error


def secret_of(db: sqlite3.Connection) -> bytes:
    """The file's own random key of 32 bytes, for keyed digests of what must not lie in it; made where it has none."""
    db.execute(_SECRET)
    db.execute("insert or ignore into secret values (1, ?)", (secrets.token_bytes(32),))
    key: bytes = db.execute("select key from secret").fetchone()[0]
    return key


def _open(path: Path, schema: str, whose: Mapping[str, str]) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=10.0, isolation_level=None)
    try:
        db.execute("pragma journal_mode=wal")
        db.execute("pragma synchronous=normal")
        if db.execute("select 1 from sqlite_master").fetchone() is None:
            _claim(db, whose)
        db.executescript(_WHOSE + schema)
        if (damage := db.execute("pragma quick_check(1)").fetchone()[0]) != "ok":
            raise _Unfit(f"it is damaged ({damage})")
        _check(dict(db.execute("select name, value from whose")), whose)
    except sqlite3.Error as error:
        db.close()
        if getattr(error, "sqlite_errorcode", None) in _DAMAGED:
            raise _Unfit(f"it is damaged ({error})") from error
        raise
    except _Unfit:
        db.close()
        raise
    return db


def _claim(db: sqlite3.Connection, whose: Mapping[str, str]) -> None:
    db.execute("begin immediate")
    with db:
        db.execute(_WHOSE)
        db.executemany("insert or ignore into whose values (?, ?)", whose.items())


def _check(found: Mapping[str, str], whose: Mapping[str, str]) -> None:
    foreign = sorted(name for name in found.keys() | whose.keys() if found.get(name) != whose.get(name))
    if foreign:
        told = (f"{name} {found.get(name, 'unknown')}, not {whose.get(name, 'unknown')}" for name in foreign)
        raise _Unfit(f"it is of {'; '.join(told)}")


class RebuiltStore:
    """A disposable file that says whether it was ever filled. Until it is ``rebuilt`` from the deliveries it knows
    nothing. ``whose``: see :func:`whose_state`.

    Raises:
        SettingsError: the file cannot be made or opened.
    """

    def __init__(self, path: Path, schema: str, whose: Mapping[str, str]) -> None:
        self._db = open_disposable(path, schema + _REBUILT, whose)

    @property
    def rebuilt(self) -> bool:
        """Whether it was filled from the deliveries once; since then it is told of every event."""
        return self._db.execute("select 1 from rebuilt").fetchone() is not None

    @contextmanager
    def rebuilding(self) -> Iterator[None]:
        """What is put inside the block is there when it ends, or was never put."""
        self._db.execute("begin")
        with self._db:
            yield
            self._db.execute("insert or ignore into rebuilt values (1)")

    def close(self) -> None:
        """Release the file."""
        self._db.close()
