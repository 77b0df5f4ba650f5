"""The key store of a program: one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hutong.errors import SettingsError
from hutong.events.sealed import KeyClass
from hutong.sealing import DataKey

_SCHEMA = """
create table if not exists keys (
    id blob primary key, ticket text not null, class text not null, key blob not null, number integer not null
) strict;
create index if not exists of_ticket on keys (ticket, class, number);
"""


class SqliteKeyStore:
    """Ticket keys in one SQLite file, readable by its owner alone. A key is on disk when its batch ends.

    Raises:
        SettingsError: the file cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, timeout=10.0)
            self._db.execute("pragma journal_mode=wal")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"key store {path} cannot be opened ({error}): make its folder writable") from error

    def current(self, ticket: str, key_class: KeyClass) -> DataKey | None:
        """See :class:`hutong.sealing.KeyStore`."""
        row = self._db.execute(
            "select key from keys where ticket = ? and class = ? order by number desc limit 1", (ticket, key_class)
        ).fetchone()
        return DataKey(key=row[0]) if row else None

    def get(self, key_id: bytes) -> DataKey | None:
        """See :class:`hutong.sealing.KeyStore`."""
        row = self._db.execute("select key from keys where id = ?", (key_id,)).fetchone()
        return DataKey(key=row[0]) if row else None

    def put(self, ticket: str, key_class: KeyClass, key: DataKey) -> None:
        """See :class:`hutong.sealing.KeyStore`."""
        self._db.execute(
            "insert or ignore into keys values (:id, :ticket, :class, :key, "
            "(select coalesce(max(number), 0) + 1 from keys where ticket = :ticket and class = :class))",
            {"id": key.id, "ticket": ticket, "class": key_class, "key": key.key},
        )

    @contextmanager
    def batch(self) -> Iterator[None]:
        """See :class:`hutong.sealing.KeyStore`; one transaction, one flush to the disk."""
        with self._db:
            yield

    def close(self) -> None:
        """Release the file."""
        self._db.close()
