"""The rows of an outbox file: how an event lies in it, how damage is noticed, and what all of a file holds."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hutong.errors import SettingsError
from hutong.submitting.outgoing import Signed
from hutong.wire.envelope import Submission

SCHEMA = """
create table if not exists about (name text primary key, value text not null) strict;
create table if not exists waiting (
    place integer primary key autoincrement, ticket text not null, id text not null, type text not null,
    fingerprint blob not null, key blob not null, value blob not null, headers text not null,
    stored_ms integer not null, checksum blob not null
) strict;
create index if not exists of_event on waiting (ticket, id);
create table if not exists dropped (
    place integer primary key, ticket text not null, id text not null, type text not null,
    fingerprint blob not null, key blob not null, value blob not null, headers text not null,
    stored_ms integer not null, checksum blob not null,
    reason text not null, by text not null, dropped_ms integer not null
) strict;
"""
COLUMNS = "place, ticket, id, type, fingerprint, key, value, headers, stored_ms, checksum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One event in the outbox. ``place`` counts up in the order of storing; ``stored_ms`` is since the epoch, UTC."""

    place: int
    stored_ms: int
    event: Signed

    @property
    def size(self) -> int:
        """About how many bytes it takes in a batch, uncompressed; rather more."""
        made = self.event.submission
        headers = sum(len(name.encode()) + len(value) + 10 for name, value in made.headers)
        return len(made.key or b"") + len(made.value or b"") + headers + 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What stands in a row, true or not: ``damaged`` says that it is not as it was stored."""

    place: int
    ticket: str
    id: str
    type: str
    fingerprint: bytes
    stored_ms: int
    damaged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """An event that a person took out of the outbox; its bytes are kept in the file."""

    row: Row
    reason: str
    by: str
    dropped_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """All of an outbox file, in the order of storing."""

    waiting: tuple[Row, ...] = ()
    dropped: tuple[Dropped, ...] = ()


def look(path: Path) -> Content:
    """What is in an outbox, also while a program sends from it. No file: nothing.

    Raises:
        SettingsError: it is no outbox, or the file is damaged as a whole.
    """
    if not path.exists():
        return Content()
    try:
        database = sqlite3.connect(f"file:{path.absolute()}?mode=ro", uri=True, timeout=10.0)
        try:
            waiting = database.execute(f"select {COLUMNS} from waiting order by place").fetchall()
            dropped = database.execute(f"select {COLUMNS}, reason, by, dropped_ms from dropped order by place")
            taken = dropped.fetchall()
        finally:
            database.close()
    except sqlite3.Error as error:
        raise SettingsError(f"outbox {path} cannot be read ({error}): is it one?") from error
    return Content(
        waiting=tuple(row_of(row) for row in waiting),
        dropped=tuple(Dropped(row=row_of(row[:-3]), reason=row[-3], by=row[-2], dropped_ms=row[-1]) for row in taken),
    )


Fields = tuple[str, str, str, bytes, bytes, bytes, str, int]


def fields_of(event: Signed, stored_ms: int) -> Fields:
    """An event as the columns between ``place`` and ``checksum``."""
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


def checksum_of(fields: Fields) -> bytes:
    """What shows whether a row is as it was stored."""
    whole = hashlib.sha256()
    for part in fields:
        raw = part if isinstance(part, bytes) else str(part).encode()
        whole.update(len(raw).to_bytes(8, "big") + raw)
    return whole.digest()


def row_of(row: Sequence[object]) -> Row:
    """What stands in the columns :data:`COLUMNS`."""
    place, *between, checksum = row
    fields: Fields = tuple(between)  # type: ignore[assignment]
    ticket, id_, type_, fingerprint, _, _, _, stored_ms = fields
    assert isinstance(place, int)
    return Row(
        place=place,
        ticket=ticket,
        id=id_,
        type=type_,
        fingerprint=fingerprint,
        stored_ms=stored_ms,
        damaged=checksum_of(fields) != checksum,
    )


def waiting_of(path: Path, row: Sequence[object]) -> Waiting:
    """The event of a row. Raises SettingsError where it is not as it was stored."""
    place, *between, checksum = row
    fields: Fields = tuple(between)  # type: ignore[assignment]
    ticket, id_, type_, fingerprint, key, value, headers, stored_ms = fields
    if checksum_of(fields) != checksum:
        raise SettingsError(
            f"outbox {path} is damaged: event {place} (ticket {ticket!r}, id {id_!r}) is not as it was stored, and "
            "neither it nor anything behind it is sent; end the program, take it out by "
            f"`hutong outbox drop {place} --reason ...`, and submit what it said again"
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
