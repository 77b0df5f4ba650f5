"""The tickets a desk was told of: one SQLite file an organisation, disposable, since its deliveries say the same. So a
desk's memory does not grow with its tickets, and its start does not wait for its whole door."""

from __future__ import annotations

import json
from pathlib import Path

from services.desk.cases import Case
from services.disposable import open_disposable

_SCHEMA = """
create table if not exists "case" (
    ticket text primary key, lead text not null, dispatches text not null, help text not null,
    contested integer not null
) strict;
"""


class CaseStore:
    """``<home>/state/desk/<organisation>.sqlite``.

    Raises:
        SettingsError: the file cannot be made or opened.
    """

    def __init__(self, home: Path, organisation: str) -> None:
        self._db = open_disposable(home / "state" / "desk" / f"{organisation}.sqlite", _SCHEMA)

    def get(self, ticket: str) -> Case | None:
        """The ticket; None where this file was never told."""
        row = self._db.execute(
            'select lead, dispatches, help, contested from "case" where ticket = ?', (ticket,)
        ).fetchone()
        if row is None:
            return None
        lead, dispatches, help, contested = row
        return Case(lead=lead, dispatches=tuple(dispatches.split()), help=json.loads(help), contested=bool(contested))

    def __setitem__(self, ticket: str, case: Case) -> None:
        values = (ticket, case.lead, " ".join(case.dispatches), json.dumps(dict(case.help)), case.contested)
        self._db.execute('insert or replace into "case" values (?, ?, ?, ?, ?)', values)

    def close(self) -> None:
        """Release the file."""
        self._db.close()
