"""The outbox: events that are signed and stored here until the broker has them (ADR 0014).

One SQLite file of one organisation. What :meth:`Outbox.put` returned for is on the disk, and stays there byte for byte
until somebody who sent it says :meth:`Outbox.remove`.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from hutong.errors import SettingsError, Unavailable, Unconfirmed
from hutong.submitting.outbox_rows import COLUMNS, SCHEMA, Row, Waiting, checksum_of, fields_of, row_of, waiting_of
from hutong.submitting.outgoing import Signed
from hutong.wire.envelope import Environment

_FORMAT = "1"

BATCH_EVENTS, BATCH_BYTES = 500, 192 * 1024
"""What is sent at once. In bytes less than the producer writes to a partition in one batch, so that of several events
of one ticket none is written before a former one (see :meth:`hutong.transport.Producer.send`)."""
LARGE_BYTES = 64 * 1024
"""An event beyond this goes alone: were it refused as too large, its ticket's later ones must not be written."""
_NOT_WRITTEN = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_BUSY")
"""SQLite's errors after which its log holds no whole transaction. After others, as of a flush, nobody knows."""


class Outbox:
    """The file, opened by the one program that may send from it. Not for several threads at once.

    Raises:
        SettingsError: another program has it open, it belongs to another organisation, or it is no outbox.
    """

    def __init__(self, path: Path, *, city: str, organisation: str, environment: Environment, limit: int) -> None:
        self.path = path
        self._limit = limit
        self._lock = _lock(path)
        try:
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, check_same_thread=False)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=full")  # a commit that returned is on the disk
            self._db.executescript(SCHEMA)
            self._belongs({"format": _FORMAT, "city": city, "organisation": organisation, "environment": environment})
            _flush_folder(path.parent)
            self._count = int(self._db.execute("select count(*) from waiting").fetchone()[0])
        except (OSError, sqlite3.Error) as error:
            os.close(self._lock)
            raise SettingsError(
                f"outbox {path} cannot be opened ({error}): make its folder writable; a damaged file is to be moved "
                "away and kept, its events are not sent"
            ) from error
        except SettingsError:
            os.close(self._lock)
            raise

    def _belongs(self, wanted: dict[str, str]) -> None:
        with self._db:
            self._db.executemany("insert or ignore into about values (?, ?)", wanted.items())
        for name, value in self._db.execute("select name, value from about"):
            if wanted.get(name) != value:
                raise SettingsError(
                    f"outbox {self.path} is of {name} {value}, not {wanted.get(name)}: name another file in "
                    "HUTONG_OUTBOX"
                )

    def __len__(self) -> int:
        """How many events wait."""
        return self._count

    def put(self, events: Sequence[Signed]) -> list[Waiting]:
        """Store events, all or none, behind those that wait; they are on the disk when this returns.

        An event of the same identity that waits already stays, and is returned in the new one's stead: the wish was
        uttered before.

        Raises:
            Unavailable: there is no room, in the outbox or on the disk; nothing was stored.
            Unconfirmed: the disk failed otherwise, nobody knows.
        """
        now = time.time_ns() // 1_000_000
        stored: list[Waiting] = []
        new = 0
        try:
            with self._db:
                for event in events:
                    before = self._find(event)
                    if before is None:
                        new += 1
                        if self._count + new > self._limit:
                            raise Unavailable(
                                f"the outbox {self.path} is full: {self._count} events wait for the broker, at most "
                                f"{self._limit} may; nothing was stored (HUTONG_OUTBOX_LIMIT)"
                            )
                        before = self._insert(event, now)
                    stored.append(before)
        except sqlite3.Error as error:
            if error.sqlite_errorname.startswith(_NOT_WRITTEN):
                raise Unavailable(
                    f"outbox {self.path} could not be written ({error}): is its disk full? Nothing was stored; make "
                    "room and submit again"
                ) from error
            raise Unconfirmed(
                f"outbox {self.path} could not be written ({error}): nobody knows whether the events will be sent; "
                "make room on its disk and `resend` them",
                tuple(events),
            ) from error
        self._count += new
        return stored

    def _find(self, event: Signed) -> Waiting | None:
        row = self._db.execute(
            f"select {COLUMNS} from waiting where ticket = ? and id = ? order by place limit 1",
            (event.ticket, event.id),
        ).fetchone()
        return None if row is None else waiting_of(self.path, row)

    def _insert(self, event: Signed, now: int) -> Waiting:
        fields = fields_of(event, now)
        found = self._db.execute(
            "insert into waiting (ticket, id, type, fingerprint, key, value, headers, stored_ms, checksum) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*fields, checksum_of(fields)),
        )
        assert found.lastrowid is not None
        return Waiting(place=found.lastrowid, stored_ms=now, event=event)

    def first(self, count: int = BATCH_EVENTS) -> list[Waiting]:
        """Those that wait longest, in order, at most ``count`` and as many as may be sent at once.

        Raises:
            SettingsError: the first one is damaged.
        """
        found: list[Waiting] = []
        size = 0
        for row in self._db.execute(f"select {COLUMNS} from waiting order by place limit ?", (count,)):
            try:
                next_ = waiting_of(self.path, row)
            except SettingsError:
                if not found:
                    raise
                break
            size += next_.size
            if found and (size > BATCH_BYTES or next_.size > LARGE_BYTES):
                break
            found.append(next_)
            if next_.size > LARGE_BYTES:
                break
        return found

    def remove(self, waiting: Sequence[Waiting]) -> None:
        """Forget events that all in-sync replicas have.

        Raises:
            Unavailable: the disk does not take it; they stay, as far as anybody knows.
        """
        try:
            with self._db:
                self._db.executemany("delete from waiting where place = ?", [(each.place,) for each in waiting])
        except sqlite3.Error as error:
            raise Unavailable(
                f"outbox {self.path} could not be written ({error}): is its disk full? What was sent stays in it, and "
                "is sent again, which makes no second entry; make room"
            ) from error
        self._count -= len(waiting)

    def drop(self, event: str, *, reason: str, by: str) -> Row:
        """Take one event out, damaged or not, and keep its row with the reason. ``event`` is its id, or its place.

        Raises:
            SettingsError: no such event waits, or several have this id, or the disk does not take it.
        """
        by_place = event.isascii() and event.isdigit()
        where = "place = ?" if by_place else "id = ?"
        value: int | str = int(event) if by_place else event
        try:
            rows = self._db.execute(f"select {COLUMNS} from waiting where {where} order by place", (value,)).fetchall()
            if len(rows) != 1:
                places = ", ".join(str(row[0]) for row in rows)
                raise SettingsError(
                    f"{len(rows)} events of outbox {self.path} have the id {event} (places {places}): name a place"
                    if rows
                    else f"no event {event} waits in outbox {self.path}: `hutong outbox list` shows what does"
                )
            (row,) = rows
            with self._db:
                self._db.execute(
                    f"insert into dropped ({COLUMNS}, reason, by, dropped_ms) values (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    (*row, reason, by, time.time_ns() // 1_000_000),
                )
                self._db.execute("delete from waiting where place = ?", (row[0],))
        except (sqlite3.Error, OverflowError) as error:
            raise SettingsError(f"outbox {self.path} could not be changed ({error}): nothing was dropped") from error
        self._count -= 1
        return row_of(row)

    def close(self) -> None:
        """Release the file; another program may open it then."""
        self._db.close()
        os.close(self._lock)


def _lock(path: Path) -> int:
    """Hold the file's lock; it is free again when this process ends, however that comes."""
    beside = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(f"outbox {path} cannot be opened ({error}): make its folder writable") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise SettingsError(
            f"outbox {path} is in use by another program, which sends from it: end that one, or name a file of this "
            "program's own in HUTONG_OUTBOX. If it was closed a moment ago while the broker did not answer, try again "
            "in 10 s"
        ) from error
    return lock


def _flush_folder(folder: Path) -> None:
    """A new file is on the disk only when its folder is."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
