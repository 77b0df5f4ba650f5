"""The tickets a desk was told of: one SQLite file an organisation, disposable, since its deliveries say the same. So a
desk's memory does not grow with its tickets, and its start does not wait for its whole door."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from services.desk.cases import Case, Due
from services.disposable import RebuiltStore

_SCHEMA = """
create table if not exists "case" (
    ticket text primary key, lead text not null, dispatches text not null, help text not null,
    contested integer not null, accepted integer not null
) strict;
create table if not exists due (ticket text primary key, at_ms integer not null, once text not null) strict;
create index if not exists next on due (at_ms);
"""
_SOME = 200


class CaseStore(RebuiltStore):
    """``<home>/state/desk/<organisation>.sqlite``.

    Raises:
        SettingsError: the file cannot be made or opened.
    """

    def __init__(self, home: Path, organisation: str, whose: Mapping[str, str]) -> None:
        super().__init__(home / "state" / "desk" / f"{organisation}.sqlite", _SCHEMA, whose)

    def get(self, ticket: str) -> Case | None:
        """The ticket; None where this file was never told."""
        row = self._db.execute(
            'select lead, dispatches, help, contested, accepted from "case" where ticket = ?', (ticket,)
        ).fetchone()
        if row is None:
            return None
        lead, dispatches, help, contested, accepted = row
        return Case(
            lead=lead,
            dispatches=tuple(dispatches.split()),
            help=json.loads(help),
            contested=bool(contested),
            accepted=bool(accepted),
        )

    def __setitem__(self, ticket: str, case: Case) -> None:
        values = (
            ticket,
            case.lead,
            " ".join(case.dispatches),
            json.dumps(dict(case.help)),
            case.contested,
            case.accepted,
        )
        self._db.execute('insert or replace into "case" values (?, ?, ?, ?, ?, ?)', values)

    def delay(self, due: Due) -> None:
        """See :class:`services.desk.cases.Cases`."""
        self._db.execute("insert or replace into due values (?, ?, ?)", (due.ticket, due.at_ms, due.once))

    def drop(self, ticket: str) -> None:
        """See :class:`services.desk.cases.Cases`."""
        self._db.execute("delete from due where ticket = ?", (ticket,))

    def due(self, now_ms: int) -> list[Due]:
        """See :class:`services.desk.cases.Cases`."""
        rows = self._db.execute(
            "select ticket, at_ms, once from due where at_ms <= ? order by at_ms limit ?", (now_ms, _SOME)
        )
        return [Due(ticket=ticket, at_ms=at_ms, once=once) for ticket, at_ms, once in rows.fetchall()]
