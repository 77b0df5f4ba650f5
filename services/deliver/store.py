"""What deliver remembers of one partition, as far as ledger and refusals say it (see ``services.deliver.past``)."""

from __future__ import annotations

from collections.abc import Iterator

from hutong.wire.stamps import Stream, pack_record, unpack_record
from services.deliver.handler import Content
from services.owning.state import StateFile

TABLES = """
create table counter (organisation text, stream text, n integer not null,
                      primary key (organisation, stream)) without rowid, strict;
create table history (ticket text, place integer, content blob not null,
                      primary key (ticket, place)) without rowid, strict;
create table participant (ticket text, organisation text,
                          primary key (ticket, organisation)) without rowid, strict;
create table single (ticket text, organisation text, place integer,
                     primary key (ticket, organisation, place)) without rowid, strict;
"""


class Store:
    """Counters and ticket histories of one partition. See :class:`services.deliver.handler.State`."""

    def __init__(self, file: StateFile) -> None:
        self.file = file

    def count(self, organisation: str, stream: Stream) -> int:
        """One more for the organisation's counter of this stream."""
        row = self.file.db.execute(
            "insert into counter values (?, ?, 1) on conflict do update set n = n + 1 returning n",
            (organisation, stream),
        ).fetchone()
        return int(row[0])

    def remember(self, ticket: str, content: Content) -> int:
        """Keep an entry behind the ticket's earlier ones."""
        row = self.file.db.execute(
            "insert into history values (?1, (select coalesce(max(place), 0) + 1 from history where ticket = ?1), ?2) "
            "returning place",
            (ticket, pack_record(content.key, content.value, content.headers)),
        ).fetchone()
        return int(row[0])

    def receives(self, ticket: str, organisation: str, place: int) -> bool:
        """Note one entry for an organisation that is no participant (yet)."""
        return (
            self.file.db.execute(
                "insert or ignore into single values (?, ?, ?)", (ticket, organisation, place)
            ).rowcount
            == 1
        )

    def history(self, ticket: str, before: int) -> Iterator[tuple[int, Content]]:
        """The ticket's entries before a place."""
        rows = self.file.db.execute(
            "select place, content from history where ticket = ? and place < ? order by place", (ticket, before)
        ).fetchall()
        for place, packed in rows:
            key, value, headers = unpack_record(packed)
            yield place, Content(key=key, value=value, headers=headers)

    def participants(self, ticket: str) -> frozenset[str]:
        """Who has the whole history."""
        rows = self.file.db.execute("select organisation from participant where ticket = ?", (ticket,))
        return frozenset(row[0] for row in rows)

    def join(self, ticket: str, organisation: str) -> None:
        """The organisation has the whole history from now on; what it got one by one need not be noted any more."""
        self.file.db.execute("insert into participant values (?, ?)", (ticket, organisation))
        self.file.db.execute("delete from single where ticket = ? and organisation = ?", (ticket, organisation))
