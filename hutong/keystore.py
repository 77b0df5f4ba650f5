"""The key store of a program: one SQLite file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hutong.errors import SettingsError, Unavailable
from hutong.events.sealed import KeyClass
from hutong.sealing import DataKey, Minted

_SCHEMA = """
create table if not exists keys (
    id blob primary key, ticket text not null, class text not null, key blob not null, number integer not null
) strict;
create index if not exists of_ticket on keys (ticket, class, number);
create table if not exists minted (
    event text not null, class text not null, ticket text not null, id blob not null, handed integer not null,
    primary key (event, class)
) without rowid, strict;
create index if not exists unhanded on minted (handed) where handed = 0;
create table if not exists erased (id blob primary key, ticket text, class text) without rowid, strict;
create table if not exists position (topic text primary key, offset integer not null) without rowid, strict;
"""

_UNNUMBERED = -1
"""Of a key minted for an event that may yet be refused: never the current one."""


class SqliteKeyStore:
    """Ticket keys in one SQLite file, readable by its owner alone; safe between threads.

    Raises:
        SettingsError: the file cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._unwiped = True  # a program that was killed may have left an erased key in the log
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, timeout=10.0, check_same_thread=False)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma secure_delete=on")  # an erased key does not stay behind in a free page
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"key store {path} cannot be opened ({error}): make its folder writable") from error

    def current(self, ticket: str, key_class: KeyClass) -> DataKey | None:
        """See :class:`hutong.sealing.KeyStore`."""
        return self._key(
            "select key from keys where ticket = ? and class = ? and number >= 0 order by number desc limit 1",
            ticket,
            key_class,
        )

    def get(self, key_id: bytes) -> DataKey | None:
        """See :class:`hutong.sealing.KeyStore`."""
        return self._key("select key from keys where id = ?", key_id)

    def put(self, ticket: str, key_class: KeyClass, key: DataKey) -> None:
        """See :class:`hutong.sealing.KeyStore`."""
        self._do(
            "insert or ignore into keys values (:id, :ticket, :class, :key, "
            "(select coalesce(max(number), 0) + 1 from keys where ticket = :ticket and class = :class))",
            {"id": key.id, "ticket": ticket, "class": key_class, "key": key.key},
        )

    def mint(self, event: str, ticket: str, key_class: KeyClass, *, current: bool) -> DataKey:
        """See :class:`hutong.sealing.KeyStore`."""
        with self._lock:
            found = self._key(
                "select key from keys where id = (select id from minted where event = ? and class = ?)",
                event,
                key_class,
            )
            if found is not None:
                return found
            key = DataKey.mint()
            if current:
                self.put(ticket, key_class, key)
            else:
                self._do("insert into keys values (?, ?, ?, ?, ?)", (key.id, ticket, key_class, key.key, _UNNUMBERED))
            self._do("insert or replace into minted values (?, ?, ?, ?, 0)", (event, key_class, ticket, key.id))
            return key

    def unhanded(self) -> list[Minted]:
        """See :class:`hutong.sealing.KeyStore`."""
        rows = self._rows(
            "select event, class, minted.ticket, key from minted join keys using (id, class) where handed = 0"
        )
        return [
            Minted(event=event, key_class=key_class, ticket=ticket, key=DataKey(key=key))
            for event, key_class, ticket, key in rows
        ]

    def handed(self, keys: Iterable[Minted]) -> None:
        """See :class:`hutong.sealing.KeyStore`."""
        with self.batch():
            for each in keys:
                self._do("update minted set handed = 1 where event = ? and class = ?", (each.event, each.key_class))

    def release(self, ticket: str, key_class: KeyClass, key: DataKey, number: int) -> None:
        """See :class:`hutong.sealing.KeyStore`."""
        if not self.is_erased(key.id):
            self._do(
                "insert into keys values (?, ?, ?, ?, ?) on conflict (id) do update set number = excluded.number",
                (key.id, ticket, key_class, key.key, number),
            )

    def erase(self, key_id: bytes, ticket: str | None = None, key_class: KeyClass | None = None) -> None:
        """See :class:`hutong.sealing.KeyStore`."""
        self._do("insert or ignore into erased values (?, ?, ?)", (key_id, ticket, key_class))
        self._do("delete from keys where id = ?", (key_id,))
        self._unwiped = True

    def is_erased(self, key_id: bytes) -> bool:
        """See :class:`hutong.sealing.KeyStore`."""
        return bool(self._rows("select 1 from erased where id = ?", key_id))

    def class_erased(self, ticket: str, key_class: KeyClass) -> bool:
        """See :class:`hutong.sealing.KeyStore`."""
        return bool(self._rows("select 1 from erased where ticket = ? and class = ? limit 1", ticket, key_class))

    def position(self, topic: str) -> int:
        """See :class:`hutong.sealing.KeyStore`."""
        found = self._rows("select offset from position where topic = ?", topic)
        return int(found[0][0]) if found else 0

    def move(self, topic: str, offset: int) -> None:
        """See :class:`hutong.sealing.KeyStore`."""
        self._do("insert or replace into position values (?, ?)", (topic, offset))

    @contextmanager
    def batch(self) -> Iterator[None]:
        """See :class:`hutong.sealing.KeyStore`; one transaction, one flush to the disk.

        Raises:
            Unavailable: the disk does not take it; it may be done again.
        """
        try:
            with self._lock:
                with self._db:
                    yield
                self._wipe()
        except sqlite3.OperationalError as error:
            raise Unavailable(f"ticket keys cannot be written ({error}): is the disk full?") from error

    def _wipe(self) -> None:
        """Leave no erased key in the log. While another program reads or writes there it stays, until a next batch."""
        if self._unwiped:
            ((busy, _, _),) = self._rows("pragma wal_checkpoint(truncate)")
            self._unwiped = bool(busy)

    def _key(self, query: str, *values: object) -> DataKey | None:
        rows = self._rows(query, *values)
        return DataKey(key=rows[0][0]) if rows else None

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def _do(self, query: str, values: tuple[object, ...] | dict[str, object]) -> None:
        with self._lock:
            self._db.execute(query, values)

    def close(self) -> None:
        """Release the file."""
        self._db.close()
