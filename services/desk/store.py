"""Who leads each ticket, as the desk was told: one SQLite file an organisation, disposable, since its deliveries say
the same. So a desk's memory does not grow with its tickets, and its start does not wait for its whole door."""

from __future__ import annotations

from pathlib import Path

from services.disposable import open_disposable

_SCHEMA = "create table if not exists lead (ticket text primary key, lead text not null) strict"


class LeadStore:
    """``<home>/state/desk/<organisation>.sqlite``.

    Raises:
        SettingsError: the file cannot be made or opened.
    """

    def __init__(self, home: Path, organisation: str) -> None:
        self._db = open_disposable(home / "state" / "desk" / f"{organisation}.sqlite", _SCHEMA)

    def get(self, ticket: str) -> str | None:
        """The ticket's lead unit 主办单位; None where this file was never told."""
        row = self._db.execute("select lead from lead where ticket = ?", (ticket,)).fetchone()
        return None if row is None else str(row[0])

    def __setitem__(self, ticket: str, lead: str) -> None:
        self._db.execute("insert or replace into lead values (?, ?)", (ticket, lead))

    def close(self) -> None:
        """Release the file."""
        self._db.close()
