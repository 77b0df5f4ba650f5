"""SQLite files that can be made anew from what an organisation was delivered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

import hutong

_log = structlog.get_logger()

_REBUILT = "create table if not exists rebuilt (one integer primary key check (one = 1)) strict;"
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def open_disposable(path: Path, schema: str) -> sqlite3.Connection:
    """Open the file, make ``schema`` where it is not there yet. A damaged one is said, thrown away, and made empty.

    Raises:
        SettingsError: the file cannot be made or opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _open(path, schema)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", None) not in _DAMAGED:
                raise
            _log.warning("state is damaged, it is made anew", file=str(path), why=str(error))
            for end in ("", "-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)
            return _open(path, schema)
    except (OSError, sqlite3.Error) as error:
        raise hutong.SettingsError(
            f"{path} cannot be opened ({error}): make its folder writable, or make room"
        ) from error


def _open(path: Path, schema: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=10.0, isolation_level=None)
    try:
        db.execute("pragma journal_mode=wal")
        db.execute("pragma synchronous=normal")
        db.executescript(schema)
        if (found := db.execute("pragma quick_check(1)").fetchone()[0]) != "ok":
            damage = sqlite3.DatabaseError(found)
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage
    except sqlite3.Error:
        db.close()
        raise
    return db


class RebuiltStore:
    """A disposable file that says whether it was ever filled. Until it is ``rebuilt`` from the deliveries it knows
    nothing.

    Raises:
        SettingsError: the file cannot be made or opened.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._db = open_disposable(path, schema + _REBUILT)

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
