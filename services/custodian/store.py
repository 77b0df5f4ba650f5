"""What the custodian keeps: keys encrypted under the master key, cases, what was given to whom.

It is not derived from the ledger, so it is backed up (``services.custodian.backup``). Ticket ids, classes and key ids
are in clear, as they are on the ledger; keys are not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields
from typing import Any, Protocol

import structlog

from hutong.errors import SettingsError
from hutong.rules.lifecycle import Ticket
from hutong.sealing import DataKey
from hutong.wire.wrapping import KeyName, Letter
from services.custodian.handler import Case, Kept
from services.custodian.vault import DamagedRow, Vault

_log = structlog.get_logger()

TABLES: Mapping[str, Sequence[str]] = {
    "meta": ("name", "value"),
    "held": ("key_id", "ticket", "class", "sender", "event", "number", "box"),
    "given": ("key_id", "recipient", "ticket"),
    "ticket": ("id", "content"),
}
"""Table → its columns, the first of which (of ``given``, the first two) are its primary key."""

SCHEMA = (
    "create table if not exists meta (name text primary key, value {blob} not null)",
    """create table if not exists held (key_id {blob} primary key, ticket text not null, class text not null,
       sender text not null, event text not null, number bigint, box {blob})""",
    "create index if not exists held_of_ticket on held (ticket)",
    """create table if not exists given (key_id {blob} not null, recipient text not null, ticket text not null,
       primary key (key_id, recipient))""",
    "create index if not exists given_of_ticket on given (ticket)",
    "create table if not exists ticket (id text primary key, content text not null)",
)
"""In the words of both databases; ``{blob}`` is what each calls bytes."""

LEARN = "learn"
"""In ``meta`` as long as the store is new or was restored, and has not caught up with the ledger."""

_MARK = "mark"
_HEARD = "heard/"
_BURIED = "buried/"
_DUE = "due/"


class Database(Protocol):
    """The little that is asked of a database. Queries are written with ``?``.

    Every method raises :class:`~hutong.errors.Unavailable` where it does not answer, or is locked (nothing was
    changed), and :class:`~hutong.errors.SettingsError` where a person must mend it: its disk is full, it is damaged.
    """

    place: str
    """Where it is, as a person reads it; no password."""

    def tables(self) -> frozenset[str]:
        """The names of its tables."""
        ...

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds."""
        ...

    def each(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """The same one by one, for what may not fit into memory; inside :meth:`snapshot`."""
        ...

    def do(self, query: str, *values: object) -> None:
        """Change something, inside :meth:`transaction`."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All that is changed inside is on the disk when the block ends, or nothing is."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """All that is read inside is as of one moment, that of the first question. Holds up nobody who writes."""
        ...

    def wipe(self) -> None:
        """Leave nothing of deleted rows in the files; what a :meth:`snapshot` still sees goes by a wipe after it."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


def is_store(database: Database) -> bool:
    """Whether a custodian ever kept anything there."""
    return TABLES.keys() <= database.tables() and bool(database.rows("select 1 from meta where name = ?", _MARK))


def no_store(place: str) -> SettingsError:
    """What is said where there ought to be a store, and is none."""
    return SettingsError(
        f"{place} is no custodian's store: are HUTONG_CUSTODY_STORE, HUTONG_HOME and HUTONG_ORGANISATION right? "
        "Nothing was written"
    )


class Store:
    """The custodian's memory.

    Raises:
        SettingsError: the store was made with another master key.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self._vault = vault
        mark = self.meta(_MARK)
        if mark is None:
            with self.transaction():
                self.set_meta(_MARK, vault.mark())
                self.set_meta(LEARN, b"1")
        elif not vault.knows(mark):
            raise SettingsError(
                "the master key is not the one that this store was made with: give the right one in HUTONG_MASTER_KEY "
                "or HUTONG_MASTER_KEY_FILE; nothing was changed"
            )

    def transaction(self) -> AbstractContextManager[None]:
        """See :meth:`Database.transaction`."""
        return self.database.transaction()

    # -- keys -------------------------------------------------------------------------------------------------------

    def hold(self, letter: Letter) -> None:
        """Keep a key that was handed over, or minted here; one that is known stays as it is."""
        assert letter.key is not None
        name = letter.name
        box = self._vault.close(letter.key, name.to_bytes())
        self.database.do(
            "insert into held values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
            name.key_id, name.ticket, name.key_class, letter.sender, letter.event, letter.number or None, box,
        )  # fmt: skip

    def keys(self, ticket: str) -> list[Kept]:
        """Every key of the ticket, without what it is."""
        rows = self.database.rows(
            "select key_id, class, sender, event, number, box is null from held where ticket = ?", ticket
        )
        return [
            Kept(key_id=bytes(key_id), key_class=kind, sender=sender, event=event, number=number, destroyed=bool(gone))
            for key_id, kind, sender, event, number, gone in rows
        ]

    def enforce(self, keys: Iterable[Kept]) -> None:
        """Note the numbers of keys that came in force."""
        for key in keys:
            self.database.do("update held set number = ? where key_id = ?", key.number, key.key_id)

    def open(self, ticket: str, key: Kept) -> DataKey | None:
        """The key itself; None (and a line in the log that names it) where its row is damaged."""
        name = KeyName(ticket=ticket, key_class=key.key_class, key_id=key.key_id)
        rows = self.database.rows("select box from held where key_id = ?", key.key_id)
        try:
            found = self._vault.open(bytes(rows[0][0] or b""), name.to_bytes()) if rows else None
            if found is not None and found.id == key.key_id:
                return found
        except DamagedRow:
            pass
        _log.error(
            "a kept key is damaged and cannot be released: restore the latest backup", key=name.to_bytes().decode()
        )
        return None

    def destroy(self, keys: Iterable[Kept]) -> None:
        """Destroy keys; their names stay."""
        for key in keys:
            self.database.do("update held set box = null where key_id = ?", key.key_id)

    def bury(self, ticket: str, at: float) -> None:
        """Remember that tombstones of the ticket's keys were written at ``at`` (Unix, seconds)."""
        self.set_meta(_BURIED + ticket, str(int(at)).encode())

    def buried(self) -> list[tuple[str, int]]:
        """Tickets of which that is remembered, and when it was."""
        rows = self.database.rows("select name, value from meta where name like ?", f"{_BURIED}%")
        return [(name.removeprefix(_BURIED), int(bytes(value))) for name, value in rows]

    def at_rest(self, ticket: str) -> None:
        """Remember it no longer."""
        self.database.do("delete from meta where name = ?", _BURIED + ticket)

    def given(self, ticket: str) -> frozenset[tuple[bytes, str]]:
        """Key id and recipient of everything released of this ticket."""
        rows = self.database.rows("select key_id, recipient from given where ticket = ?", ticket)
        return frozenset((bytes(key_id), recipient) for key_id, recipient in rows)

    def give(self, ticket: str, given: Iterable[tuple[bytes, str]]) -> None:
        """Note what was released."""
        for key_id, recipient in given:
            self.database.do("insert into given values (?, ?, ?) on conflict do nothing", key_id, recipient, ticket)

    # -- cases ------------------------------------------------------------------------------------------------------

    def case(self, ticket: str) -> Case | None:
        """What is known of a ticket."""
        rows = self.database.rows("select content from ticket where id = ?", ticket)
        return _case(json.loads(rows[0][0])) if rows else None

    def put(self, case: Case) -> None:
        """Remember it."""
        self.database.do(
            "insert into ticket values (?, ?) on conflict (id) do update set content = excluded.content",
            case.ticket.id, json.dumps(_plain(case), sort_keys=True),
        )  # fmt: skip

    def tickets(self) -> list[str]:
        """All tickets."""
        return [row[0] for row in self.database.rows("select id from ticket order by id")]

    def make_due(self, ticket: str) -> None:
        """Something was learned of the ticket, and what it asks for is to be done."""
        self.set_meta(_DUE + ticket, b"1")

    def due(self) -> list[str]:
        """Tickets for which there is something to be done."""
        rows = self.database.rows("select name from meta where name like ?", f"{_DUE}%")
        return sorted(name.removeprefix(_DUE) for (name,) in rows)

    def settled(self, ticket: str) -> None:
        """It was done."""
        self.database.do("delete from meta where name = ?", _DUE + ticket)

    def heard(self, partition: int) -> int:
        """The number of the delivery of this partition of the ledger up to which all was learned; 0: nothing was."""
        return int(self.meta(f"{_HEARD}{partition}") or b"0")

    def hear(self, partition: int, number: int) -> None:
        """Remember it. A parked one, which comes after later ones, changes nothing."""
        if number > self.heard(partition):
            self.set_meta(f"{_HEARD}{partition}", str(number).encode())

    def meta(self, name: str) -> bytes | None:
        """A remembered value."""
        rows = self.database.rows("select value from meta where name = ?", name)
        return bytes(rows[0][0]) if rows else None

    def set_meta(self, name: str, value: bytes) -> None:
        """Remember it."""
        self.database.do(
            "insert into meta values (?, ?) on conflict (name) do update set value = excluded.value", name, value
        )

    @property
    def behind(self) -> bool:
        """Whether it is new or was restored, and has not caught up with the ledger yet."""
        return self.meta(LEARN) is not None

    def caught_up(self) -> None:
        """It has."""
        self.database.do("delete from meta where name = ?", LEARN)

    def close(self) -> None:
        """Give the database back."""
        self.database.close()


def _plain(case: Case) -> dict[str, Any]:
    values = {field.name: getattr(case, field.name) for field in fields(case)}
    lists = {"erased": sorted(case.erased), "shown": sorted(case.shown)}
    return values | lists | {"ticket": case.ticket.plain()}


def _case(content: dict[str, Any]) -> Case:
    sets = {name: frozenset(content.get(name, ())) for name in ("erased", "shown")}
    return Case(**{**content, **sets, "ticket": Ticket.of_plain(content["ticket"])})
