"""The two databases behind the custodian's store: SQLite for a small city and the demo, PostgreSQL for a large one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hutong.errors import BusError, SettingsError, Unavailable
from services.custodian.store import SCHEMA, Database, no_store

if TYPE_CHECKING:
    import psycopg


_LOCK_SECONDS = 10.0
"""Seconds that a lock of another program is waited for."""

_RESTORE = "restore the latest backup into a new one (`python -m services.custodian restore`)"
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_MEND = {
    sqlite3.SQLITE_FULL: "make room on its disk, then start again",
    sqlite3.SQLITE_CORRUPT: f"it is damaged, {_RESTORE}",
    sqlite3.SQLITE_NOTADB: f"it is damaged, {_RESTORE}",
}
_MEND_ELSE = f"make its folder writable, and its disk sound with room on it; if the file is damaged, {_RESTORE}"


def open_database(where: str, *, make: bool = True) -> Database:
    """The database at ``where``: a ``postgresql://`` address, else the path of a SQLite file.

    ``make``: make the store's tables where they are not there yet; without it nothing is made or changed.

    Raises:
        SettingsError: it cannot be opened, or is not there, or its driver is missing. Unavailable: PostgreSQL does not
            answer, or another program has the file locked.
    """
    if where.startswith(("postgresql://", "postgres://")):
        return PostgresDatabase(where, make=make)
    return SqliteDatabase(Path(where), make=make)


class SqliteDatabase:
    """One file, readable by its owner alone; every transaction is on the disk when it ends."""

    def __init__(self, path: Path, *, make: bool = True) -> None:
        self.place = str(path)
        if not make and not path.exists():
            raise no_store(self.place)
        try:
            if make:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=0o600)
            address = f"{path.absolute().as_uri()}?mode=rw"
            self._db = sqlite3.connect(address, uri=True, timeout=_LOCK_SECONDS, isolation_level=None)
            if make:
                self._make()
        except (OSError, sqlite3.Error) as error:
            raise self._fate(error) from error

    def _make(self) -> None:
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=full")
        self._db.execute("pragma secure_delete=on")
        for statement in SCHEMA:
            self._db.execute(statement.format(blob="blob"))

    def tables(self) -> frozenset[str]:
        return frozenset(name for (name,) in self.rows("select name from sqlite_master where type = 'table'"))

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._fates():
            return self._db.execute(query, values).fetchall()

    def each(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        with self._fates():
            yield from self._db.execute(query, values)

    def do(self, query: str, *values: object) -> None:
        with self._fates():
            self._db.execute(query, values)

    def transaction(self) -> AbstractContextManager[None]:
        return self._begun("begin immediate")

    def snapshot(self) -> AbstractContextManager[None]:
        return self._begun("begin")  # it reads, and in WAL mode who reads holds no writer up

    @contextmanager
    def _begun(self, begin: str) -> Iterator[None]:
        with self._fates():
            self._db.execute(begin)
            try:
                yield
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:  # after some errors SQLite has ended it itself
                    self._db.execute("rollback")
                raise

    def wipe(self) -> None:
        with self._fates():
            self._db.execute("pragma wal_checkpoint(truncate)")

    @contextmanager
    def _fates(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._fate(error) from error

    def _fate(self, error: Exception) -> BusError:
        """A lock passes; everything else a person must mend."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without its extension
        if code in _LOCKED:
            return Unavailable(f"the custodian's store {self.place} is locked by another program ({error})")
        return SettingsError(f"the custodian's store {self.place} fails ({error}): {_MEND.get(code, _MEND_ELSE)}")

    def close(self) -> None:
        self._db.close()


class PostgresDatabase:
    """A schema of its own is not made: the address says which database and user. Lost connections are Unavailable, and
    opened anew by the next call."""

    def __init__(self, address: str, *, make: bool = True) -> None:
        try:
            import psycopg
        except ImportError:
            raise SettingsError(
                "PostgreSQL needs the package psycopg: install the dependency group `postgresql`"
            ) from None
        self._psycopg = psycopg
        self._address = address
        self._db: psycopg.Connection[tuple[Any, ...]] | None = None
        if make:
            with self.transaction():
                for statement in SCHEMA:
                    self.do(statement.format(blob="bytea"))
        with self._fates():
            said = self._open().info
        self.place = f"PostgreSQL database {said.dbname} at {said.host}"  # the address may hold a password

    def tables(self) -> frozenset[str]:
        query = "select tablename from pg_tables where schemaname = any(current_schemas(false))"
        return frozenset(name for (name,) in self.rows(query))

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._fates():
            cursor = self._open().execute(query.replace("?", "%s"), values)
            return cursor.fetchall()

    def each(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        with self._fates(), self._open().cursor(name="each") as cursor:  # it stays with the server, and comes in parts
            cursor.execute(query.replace("?", "%s"), values)
            yield from cursor

    def do(self, query: str, *values: object) -> None:
        with self._fates():
            self._open().execute(query.replace("?", "%s"), values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._fates(), self._open().transaction():
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self.transaction():
            self.do("set transaction isolation level repeatable read, read only")
            yield

    def wipe(self) -> None:
        with self._fates():
            self._open().execute("vacuum held")

    def _open(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._db is None or self._db.closed:
            self._db = self._psycopg.connect(self._address, autocommit=True, connect_timeout=10)
        return self._db

    @contextmanager
    def _fates(self) -> Iterator[None]:
        """Away is retriable; everything else a person must mend."""
        try:
            yield
        except self._psycopg.OperationalError as error:
            if self._db is not None:
                self._db.close()
            raise Unavailable(f"the custodian's PostgreSQL does not answer ({str(error).strip()})") from error
        except self._psycopg.Error as error:
            raise SettingsError(f"the custodian's PostgreSQL refuses ({str(error).strip()})") from error

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
