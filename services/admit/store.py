"""What admit knows of one partition, rebuilt from the ledger and the refusals at every takeover."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

from hutong.rules.lifecycle import Ticket
from services.statefile import StateFile

_TABLES = """
create table entry (fingerprint blob primary key, sequence integer not null) without rowid, strict;
create table identity (identity blob primary key, sequence integer not null) without rowid, strict;
create table refusal (fingerprint blob, code text, text text not null, binding integer not null,
                      returned integer not null, primary key (fingerprint, code)) without rowid, strict;
create table ticket (id text primary key, state text not null) without rowid, strict;
create table head (one integer primary key check (one = 1), head text not null) strict;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far the partition is: the last entry's sequence, time and directory; the next submission to read."""

    sequence: int = 0
    admitted_ms: int = 0
    directory: int = 0
    generation: int = 0
    next_offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRefusal:
    """A refusal already written for a fingerprint."""

    code: str
    text: str


class Store:
    """The state of one partition, empty at first.

    Raises:
        SettingsError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = StateFile(path, _TABLES)
        self._db = self._file.db
        self.head = Head()

    def sequence_of(self, fingerprint: bytes) -> int | None:
        """The ledger sequence of the entry with this fingerprint."""
        return self._number("select sequence from entry where fingerprint = ?", fingerprint)

    def sequence_of_identity(self, source: str, subject: str, id: str) -> int | None:
        """The ledger sequence of the entry with this identity."""
        return self._number("select sequence from identity where identity = ?", _identity(source, subject, id))

    def binding(self, fingerprint: bytes) -> KnownRefusal | None:
        """The refusal that binds these bytes."""
        row = self._db.execute(
            "select code, text from refusal where fingerprint = ? and binding = 1", (fingerprint,)
        ).fetchone()
        return KnownRefusal(code=row[0], text=row[1]) if row else None

    def returned(self, fingerprint: bytes, code: str) -> bool:
        """Whether the author was already told this reason for these bytes."""
        return (
            self._number(
                "select returned from refusal where fingerprint = ? and code = ? and returned = 1", fingerprint, code
            )
            is not None
        )

    def ticket(self, id: str) -> Ticket | None:
        """The ticket as its entries left it."""
        row = self._db.execute("select state from ticket where id = ?", (id,)).fetchone()
        if row is None:
            return None
        state = json.loads(row[0])
        return Ticket(
            **{**state, "assistants": tuple(state["assistants"]), "participants": frozenset(state["participants"])}
        )

    def add_entry(self, *, fingerprint: bytes, source: str, id: str, ticket: Ticket, head: Head) -> None:
        """An event was admitted: ``ticket`` is what it left, ``head`` its place."""
        self._db.execute("insert into entry values (?, ?)", (fingerprint, head.sequence))
        self._db.execute("insert into identity values (?, ?)", (_identity(source, ticket.id, id), head.sequence))
        state = asdict(ticket) | {"participants": sorted(ticket.participants)}
        self._db.execute(
            "insert or replace into ticket values (?, ?)",
            (ticket.id, json.dumps(state, ensure_ascii=False, sort_keys=True)),
        )
        self.head = head

    def add_refusal(
        self,
        *,
        fingerprint: bytes,
        code: str,
        text: str,
        binding: bool,
        returned: bool,
        generation: int,
        next_offset: int,
    ) -> None:
        """A submission was refused."""
        self._db.execute(
            "insert into refusal values (?, ?, ?, ?, ?) on conflict do update set "
            "binding = max(binding, excluded.binding), returned = max(returned, excluded.returned)",
            (fingerprint, code, text, binding, returned),
        )
        self.seen(generation, next_offset)

    def seen(self, generation: int, next_offset: int) -> None:
        """Submissions before ``next_offset`` have their outcome. Ledger and refusals may be read in any order."""
        if (generation, next_offset) > (self.head.generation, self.head.next_offset):
            self.head = replace(self.head, generation=generation, next_offset=next_offset)

    def keep(self) -> None:
        """The batch is committed on Kafka: keep what it changed."""
        self._db.execute("insert or replace into head values (1, ?)", (json.dumps(asdict(self.head), sort_keys=True),))
        self._file.keep()

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def _number(self, query: str, *values: object) -> int | None:
        row = self._db.execute(query, values).fetchone()
        return None if row is None else int(row[0])


def _identity(source: str, subject: str, id: str) -> bytes:
    return sha256("\x00".join((source, subject, id)).encode()).digest()
