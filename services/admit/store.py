"""What admit knows of one partition, as far as the ledger and the refusals say it (see ``services.admit.past``)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from hashlib import sha256

from hutong.rules.lifecycle import Ticket
from hutong.wire.envelope import Identity
from hutong.wire.stamps import RefusalStamp, SubmissionStamp
from services.owning.state import StateFile

TABLES = """
create table entry (identity blob primary key, fingerprint blob not null,
                    sequence integer not null) without rowid, strict;
create table refusal (fingerprint blob, code text, text text not null, binding integer not null,
                      returned integer not null, primary key (fingerprint, code)) without rowid, strict;
create table ticket (id text primary key, state text not null) without rowid, strict; -- JSON, as Ticket orders it
create table head (one integer primary key check (one = 1), head text not null) strict;
"""


_row = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=sorted).encode
"""A ticket's values in their order, as JSON; its participants are sorted, so the same ticket always gives the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far the partition is: the last entry's sequence, time and directory; the next submission to read."""

    sequence: int = 0
    admitted_ms: int = 0
    directory: int = 0
    generation: int = 0
    next_offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the ledger."""

    fingerprint: bytes
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRefusal:
    """A refusal already written for a fingerprint."""

    code: str
    text: str


class Store:
    """The state of one partition, in a file that may be exchanged for its snapshot."""

    def __init__(self, file: StateFile) -> None:
        self.file = file
        self._head: Head | None = None

    @property
    def head(self) -> Head:
        """How far the partition is."""
        if self._head is None:
            row = self.file.db.execute("select head from head").fetchone()
            self._head = Head(**json.loads(row[0])) if row else Head()
        return self._head

    def entry(self, identity: Identity) -> Entry | None:
        """The entry with this identity."""
        row = self.file.db.execute(
            "select fingerprint, sequence from entry where identity = ?", (_digest(identity),)
        ).fetchone()
        return Entry(fingerprint=row[0], sequence=row[1]) if row else None

    def binding(self, fingerprint: bytes) -> KnownRefusal | None:
        """The refusal that binds these bytes."""
        row = self.file.db.execute(
            "select code, text from refusal where fingerprint = ? and binding = 1", (fingerprint,)
        ).fetchone()
        return KnownRefusal(code=row[0], text=row[1]) if row else None

    def returned(self, fingerprint: bytes, code: str) -> bool:
        """Whether the author was already told this reason for these bytes."""
        row = self.file.db.execute(
            "select 1 from refusal where fingerprint = ? and code = ? and returned = 1", (fingerprint, code)
        ).fetchone()
        return row is not None

    def ticket(self, id: str) -> Ticket | None:
        """The ticket as its entries left it."""
        row = self.file.db.execute("select state from ticket where id = ?", (id,)).fetchone()
        if row is None:
            return None
        ticket = Ticket._make(json.loads(row[0]))
        return ticket._replace(
            assistants=tuple(ticket.assistants),
            keys=tuple(ticket.keys),
            stale_keys=tuple(ticket.stale_keys),
            participants=frozenset(ticket.participants),
        )

    def add_entry(self, *, identity: Identity, fingerprint: bytes, ticket: Ticket, head: Head) -> None:
        """An event was admitted: ``ticket`` is what it left, ``head`` its place."""
        self.file.db.execute("insert into entry values (?, ?, ?)", (_digest(identity), fingerprint, head.sequence))
        self.file.db.execute("insert or replace into ticket values (?, ?)", (ticket.id, _row(ticket)))
        self._head = head

    def add_refusal(self, fingerprint: bytes, refusal: RefusalStamp, submitted: SubmissionStamp) -> None:
        """A submission was refused. Nothing is kept of one that binds nobody and that nobody was told: a flood of
        strangers' records does not let the state grow."""
        if refusal.binding or refusal.returned_to:
            self._remember(fingerprint, refusal)
        self.seen(submitted)

    def _remember(self, fingerprint: bytes, refusal: RefusalStamp) -> None:
        self.file.db.execute(
            "insert into refusal values (?, ?, ?, ?, ?) on conflict do update set "
            "binding = max(binding, excluded.binding), returned = max(returned, excluded.returned)",
            (fingerprint, refusal.code, refusal.text, refusal.binding, bool(refusal.returned_to)),
        )

    def seen(self, submitted: SubmissionStamp) -> None:
        """Submissions up to this one have their outcome. Ledger and refusals may be read in any order."""
        head = self.head
        if (submitted.generation, submitted.offset + 1) > (head.generation, head.next_offset):
            self._head = replace(head, generation=submitted.generation, next_offset=submitted.offset + 1)

    def keep(self) -> None:
        """What was learned so far is committed on Kafka: keep it."""
        head = json.dumps(asdict(self.head), sort_keys=True)
        self.file.db.execute("insert or replace into head values (1, ?)", (head,))
        self.file.keep()


def _digest(identity: Identity) -> bytes:
    return sha256(b"\x00".join(identity)).digest()
