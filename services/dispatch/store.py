"""The hotline's open tickets, for finding repeats: one SQLite file, disposable, since the hotline's deliveries say the
same. Of callers and places it has keyed hashes alone, and the key lies in it: with another key it is made anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from hutong.events.disposition import Urgency
from services.dispatch.repeats import Filing
from services.disposable import RebuiltStore, secret_of

_SCHEMA = """
create table if not exists filing (
    ticket text primary key, category text not null, area text not null, urgency text not null,
    time_ms integer not null, admitted_ms integer not null, caller blob, place blob, "into" text not null
) strict;
create index if not exists of_caller on filing (caller, area) where caller is not null;
create index if not exists of_place on filing (place, area) where place is not null;
"""
_COLUMNS = 'ticket, category, area, urgency, time_ms, admitted_ms, caller, place, "into"'


class FilingStore(RebuiltStore):
    """``<home>/state/dispatch/<organisation>.sqlite``.

    Raises:
        SettingsError: the file cannot be made or opened.
    """

    def __init__(self, home: Path, organisation: str, whose: Mapping[str, str]) -> None:
        super().__init__(home / "state" / "dispatch" / f"{organisation}.sqlite", _SCHEMA, whose)
        self.key = secret_of(self._db)

    def get(self, ticket: str) -> Filing | None:
        """The open ticket, where it is one of ours."""
        return next(self._select("ticket = ?", ticket), None)

    def put(self, filing: Filing) -> None:
        """Remember it, or what changed about it."""
        values = (
            filing.ticket, filing.category, filing.area, filing.urgency.value, filing.time_ms, filing.admitted_ms,
            filing.caller, filing.place, filing.into,
        )  # fmt: skip
        self._db.execute(f"insert or replace into filing values ({', '.join('?' * len(values))})", values)

    def end(self, ticket: str) -> None:
        """It is open no more."""
        self._db.execute("delete from filing where ticket = ?", (ticket,))

    def alike(self, filing: Filing) -> Iterator[Filing]:
        """Others of its area with its caller or its place."""
        found = {
            other.ticket: other
            for name, value in (("caller", filing.caller), ("place", filing.place))
            if value is not None
            for other in self._select(f"{name} = ? and area = ? and ticket <> ?", value, filing.area, filing.ticket)
        }
        yield from found.values()

    def _select(self, where: str, *values: object) -> Iterator[Filing]:
        for row in self._db.execute(f"select {_COLUMNS} from filing where {where}", values):
            ticket, category, area, urgency, time_ms, admitted_ms, caller, place, into = row
            yield Filing(
                ticket=ticket, category=category, area=area, urgency=Urgency(urgency), time_ms=time_ms,
                admitted_ms=admitted_ms, caller=caller, place=place, into=into,
            )  # fmt: skip
