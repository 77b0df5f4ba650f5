"""What intake filed before: one SQLite file an organisation, disposable, since its deliveries say the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from services.disposable import open_disposable

_SCHEMA = """
create table if not exists filed (
    system text not null, row text not null, ticket text not null, fingerprint blob not null,
    primary key (system, row)
) strict, without rowid
"""


class FiledRow(NamedTuple):
    """A row on the ledger: its key, its ticket, the fingerprint of its ``complaint.filed``."""

    system: str
    row: str
    ticket: str
    fingerprint: bytes


class FiledStore:
    """``<home>/state/intake/<organisation>.sqlite``. Once it is not there, it is to be filled from the deliveries.
    ``whose``: see :func:`services.disposable.whose_state`.

    Raises:
        SettingsError: the file cannot be made or opened.
    """

    def __init__(self, home: Path, organisation: str, whose: Mapping[str, str]) -> None:
        self._db = open_disposable(home / "state" / "intake" / f"{organisation}.sqlite", _SCHEMA, whose)

    def empty(self) -> bool:
        """Whether nothing was ever filed, as far as this file knows."""
        return self._db.execute("select 1 from filed limit 1").fetchone() is None

    def knows(self, system: str, row: str) -> bool:
        """Whether this row is on the ledger."""
        found = self._db.execute("select 1 from filed where system = ? and row = ?", (system, row)).fetchone()
        return found is not None

    def put(self, rows: Iterable[FiledRow]) -> None:
        """Remember these rows, all or none."""
        self._db.execute("begin")
        with self._db:
            self._db.executemany("insert or ignore into filed values (?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Release the file."""
        self._db.close()
