"""The outbox: events that are signed and stored here until the broker has them (ADR 0014).

One SQLite file of one organisation. What :meth:`Outbox.put` returned for is on the disk, and stays there byte for byte
until somebody who sent it says :meth:`Outbox.remove`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hutong.errors import SettingsError, Unavailable, Unconfirmed
from hutong.outgoing import Signed
from hutong.wire.envelope import Environment, Submission

_FORMAT = "1"
_SCHEMA = """
create table if not exists about (name text primary key, value text not null) strict;
create table if not exists waiting (
    place integer primary key autoincrement, ticket text not null, id text not null, type text not null,
    fingerprint blob not null, key blob not null, value blob not null, headers text not null,
    stored_ms integer not null, checksum blob not null
) strict;
create index if not exists of_event on waiting (ticket, id);
"""
_COLUMNS = "place, ticket, id, type, fingerprint, key, value, headers, stored_ms, checksum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One event in the outbox. ``place`` counts up in the order of storing; ``stored_ms`` is since the epoch, UTC."""

    place: int
    stored_ms: int
    event: Signed


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
            self._db.executescript(_SCHEMA)
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
            Unavailable: there is no room; nothing was stored. Unconfirmed: the disk failed, nobody knows.
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
            raise Unconfirmed(
                f"outbox {self.path} could not be written ({error}): nobody knows whether the events will be sent; "
                "make room on its disk and `resend` them",
                tuple(events),
            ) from error
        self._count += new
        return stored

    def _find(self, event: Signed) -> Waiting | None:
        row = self._db.execute(
            f"select {_COLUMNS} from waiting where ticket = ? and id = ? order by place limit 1",
            (event.ticket, event.id),
        ).fetchone()
        return None if row is None else _waiting(self.path, row)

    def _insert(self, event: Signed, now: int) -> Waiting:
        content = _content(event, now)
        found = self._db.execute(
            "insert into waiting (ticket, id, type, fingerprint, key, value, headers, stored_ms, checksum) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*content, _checksum(content)),
        )
        assert found.lastrowid is not None
        return Waiting(place=found.lastrowid, stored_ms=now, event=event)

    def first(self, count: int) -> list[Waiting]:
        """Up to ``count`` of those that wait longest, at most one of each ticket: they may be written in any order.

        Raises:
            SettingsError: the first one is damaged.
        """
        found: list[Waiting] = []
        tickets: set[str] = set()
        rows = self._db.execute(f"select {_COLUMNS} from waiting order by place limit ?", (count,))
        for row in rows:
            if row[1] in tickets:
                break
            tickets.add(row[1])
            try:
                found.append(_waiting(self.path, row))
            except SettingsError:
                if not found:
                    raise
                break
        return found

    def remove(self, waiting: Sequence[Waiting]) -> None:
        """Forget events that all in-sync replicas have."""
        with self._db:
            self._db.executemany("delete from waiting where place = ?", [(each.place,) for each in waiting])
        self._count -= len(waiting)

    def close(self) -> None:
        """Release the file; another program may open it then."""
        self._db.close()
        os.close(self._lock)


def look(path: Path) -> list[Waiting]:
    """What waits in an outbox, in order, also while a program sends from it. No file: nothing.

    Raises:
        SettingsError: it is no outbox, or damaged.
    """
    if not path.exists():
        return []
    try:
        database = sqlite3.connect(f"file:{path.absolute()}?mode=ro", uri=True, timeout=10.0)
        try:
            rows = database.execute(f"select {_COLUMNS} from waiting order by place").fetchall()
        finally:
            database.close()
    except sqlite3.Error as error:
        raise SettingsError(f"outbox {path} cannot be read ({error}): is it one?") from error
    return [_waiting(path, row) for row in rows]


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
            "program's own in HUTONG_OUTBOX"
        ) from error
    return lock


def _flush_folder(folder: Path) -> None:
    """A new file is on the disk only when its folder is."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


_Content = tuple[str, str, str, bytes, bytes, bytes, str, int]


def _content(event: Signed, stored_ms: int) -> _Content:
    made = event.submission
    headers = json.dumps([[name, value.hex()] for name, value in made.headers])
    return (
        event.ticket,
        event.id,
        event.type,
        event.fingerprint,
        made.key or b"",
        made.value or b"",
        headers,
        stored_ms,
    )


def _checksum(content: _Content) -> bytes:
    whole = hashlib.sha256()
    for part in content:
        raw = part if isinstance(part, bytes) else str(part).encode()
        whole.update(len(raw).to_bytes(8, "big") + raw)
    return whole.digest()


def _waiting(path: Path, row: Sequence[object]) -> Waiting:
    """Raises SettingsError where the row is not as it was stored."""
    place, *between, checksum = row
    content: _Content = tuple(between)  # type: ignore[assignment]
    ticket, id_, type_, fingerprint, key, value, headers, stored_ms = content
    if _checksum(content) != checksum:
        raise SettingsError(
            f"outbox {path} is damaged: event {place} (ticket {ticket!r}) is not as it was stored, and nothing behind "
            "it is sent; move the file away, keep it, and submit what `hutong outbox list` shows of it again"
        )
    assert isinstance(place, int)
    pairs = tuple((str(name), bytes.fromhex(text)) for name, text in json.loads(headers))
    return Waiting(
        place=place,
        stored_ms=stored_ms,
        event=Signed(
            id=id_,
            ticket=ticket,
            type=type_,
            fingerprint=fingerprint,
            submission=Submission(key=key, value=value, headers=pairs),
        ),
    )
