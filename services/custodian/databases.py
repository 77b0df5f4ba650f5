"""The two databases behind the custodian's store: SQLite for a small city and the demo, PostgreSQL for a large one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hutong.errors import SettingsError, Unavailable
from services.custodian.store import SCHEMA, Database

if TYPE_CHECKING:
    import psycopg


def open_database(where: str) -> Database:
    """The database at ``where``: a ``postgresql://`` address, else the path of a SQLite file.

    Raises:
        SettingsError: it cannot be opened, or its driver is missing. Unavailable: PostgreSQL does not answer.
    """
    if where.startswith(("postgresql://", "postgres://")):
        return PostgresDatabase(where)
    return SqliteDatabase(Path(where))


class SqliteDatabase:
    """One file, readable by its owner alone; every transaction is on the disk when it ends."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, timeout=10.0, isolation_level=None)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=full")
            self._db.execute("pragma secure_delete=on")
            for statement in SCHEMA:
                self._db.execute(statement.format(blob="blob"))
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"the custodian's store {path} cannot be opened ({error}): make its folder writable; if the file is "
                "damaged, restore the latest backup into a new one (`python -m services.custodian restore`)"
            ) from error

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._db.execute(query, values).fetchall()

    def do(self, query: str, *values: object) -> None:
        self._db.execute(query, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def wipe(self) -> None:
        self._db.execute("pragma wal_checkpoint(truncate)")

    def close(self) -> None:
        self._db.close()


class PostgresDatabase:
    """A schema of its own is not made: the address says which database and user. Lost connections are Unavailable, and
    opened anew by the next call."""

    def __init__(self, address: str) -> None:
        try:
            import psycopg
        except ImportError:
            raise SettingsError(
                "PostgreSQL needs the package psycopg: install the dependency group `postgresql`"
            ) from None
        self._psycopg = psycopg
        self._address = address
        self._db: psycopg.Connection[tuple[Any, ...]] | None = None
        with self.transaction():
            for statement in SCHEMA:
                self.do(statement.format(blob="bytea"))

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._fates():
            cursor = self._open().execute(query.replace("?", "%s"), values)
            return cursor.fetchall()

    def do(self, query: str, *values: object) -> None:
        with self._fates():
            self._open().execute(query.replace("?", "%s"), values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._fates(), self._open().transaction():
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
