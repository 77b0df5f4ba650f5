"""Falsifies a history in one place, so that a test can see the checker find it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

from hutong.transport import Header, Record
from hutong.wire.stamps import AudienceStamp, LedgerStamp
from tests.checker.history import Handled, History, Log

CityLog = Literal["submissions", "ledger", "refusals"]
Change = Callable[[list[Record]], Iterable[Record]]


def _changed(log: Log, partition: int, change: Change) -> Log:
    return {**log, partition: tuple(change(list(log[partition])))}


def in_city(history: History, log: CityLog, partition: int, change: Change) -> History:
    """Change one partition of submissions, ledger or refusals."""
    changed = _changed(getattr(history, log), partition, change)
    match log:
        case "submissions":
            return replace(history, submissions=changed)
        case "ledger":
            return replace(history, ledger=changed)
        case "refusals":
            return replace(history, refusals=changed)


def at_door(history: History, organisation: str, change: Change, partition: int = 0) -> History:
    """Change one partition of an organisation's deliveries."""
    door = _changed(history.deliveries[organisation], partition, change)
    return replace(history, deliveries={**history.deliveries, organisation: door})


def among_letters(history: History, organisation: str, change: Change, partition: int = 0) -> History:
    """Change one partition of an organisation's dead letters."""
    log = _changed(history.deadletters[organisation], partition, change)
    return replace(history, deadletters={**history.deadletters, organisation: log})


def in_journal(history: History, system: str, change: Callable[[list[Handled]], Iterable[Handled]]) -> History:
    """Change the handled lines of one system."""
    mine = [line for line in history.journals.handled if line.system == system]
    others = tuple(line for line in history.journals.handled if line.system != system)
    return replace(history, journals=replace(history.journals, handled=(*others, *change(mine))))


def header(record: Record, name: str) -> bytes:
    """The value of a header."""
    return dict(record.headers)[name]


def with_header(record: Record, name: str, value: bytes) -> Record:
    """The record with another value in one header."""
    headers = tuple((found, value if found == name else content) for found, content in record.headers)
    return replace(record, headers=headers)


def with_headers(record: Record, *more: Header, without: str = "") -> Record:
    """The record with headers put before its last one, or one left out."""
    kept = tuple(header for header in record.headers if header[0] != without)
    return replace(record, headers=(*kept[:-1], *more, *kept[-1:]))


def flipped(value: bytes, at: int = -1) -> bytes:
    """The bytes with one bit the other way."""
    changed = bytearray(value)
    changed[at] ^= 1
    return bytes(changed)


def stamped(record: Record, **given: int | bytes) -> Record:
    """A ledger entry with other values in its `ledger` stamp."""
    stamp = replace(LedgerStamp.from_bytes(header(record, "ledger")), **given)  # type: ignore[arg-type]
    return with_header(record, "ledger", stamp.to_bytes())


def for_audience(record: Record, *participants: str) -> Record:
    """A ledger entry for another audience, hashed rightly."""
    stamp = replace(AudienceStamp.from_bytes(header(record, "audience")), participants=participants)
    return stamped(with_header(record, "audience", stamp.to_bytes()), audience_hash=stamp.hash())


def for_matches(record: Record, *matches: str) -> Record:
    """A ledger entry shown by agreements to others, hashed rightly."""
    stamp = replace(AudienceStamp.from_bytes(header(record, "audience")), matches=matches)
    return stamped(with_header(record, "audience", stamp.to_bytes()), audience_hash=stamp.hash())
