"""What intake filed before: one SQLite file an organisation, disposable, since its deliveries say the same. Of what the
rows said it has keyed digests alone, and the key lies in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from services.disposable import open_disposable, secret_of

_SCHEMA = """
create table if not exists filed (
    system text not null, row text not null, ticket text not null, fingerprint blob not null,
    primary key (system, row)
) strict, without rowid;
create table if not exists content (
    system text not null, row text not null, digest blob not null, primary key (system, row)
) strict, without rowid;
"""


class FiledRow(NamedTuple):
    """A row on the ledger: its key, its ticket, the fingerprint of its ``complaint.filed``; the keyed digest of what
    was filed of it, None where that is not known."""

    system: str
    row: str
    ticket: str
    fingerprint: bytes
    digest: bytes | None = None


class FiledStore:
    """``<home>/state/intake/<organisation>.sqlite``. Once it is not there, it is to be filled from the deliveries.
    ``whose``: see :func:`services.disposable.whose_state`.

    Raises:
        SettingsError: the file cannot be made or opened.
    """

    def __init__(self, home: Path, organisation: str, whose: Mapping[str, str]) -> None:
        self._db = open_disposable(home / "state" / "intake" / f"{organisation}.sqlite", _SCHEMA, whose)
        self.key = secret_of(self._db)

    def empty(self) -> bool:
        """Whether nothing was ever filed, as far as this file knows."""
        return self._db.execute("select 1 from filed limit 1").fetchone() is None

    def get(self, system: str, row: str) -> FiledRow | None:
        """This row, where it is on the ledger."""
        found = self._db.execute(
            "select filed.*, digest from filed left join content using (system, row) where system = ? and row = ?",
            (system, row),
        ).fetchone()
        return None if found is None else FiledRow(*found)

    def put(self, rows: Iterable[FiledRow]) -> None:
        """Remember these rows, all or none."""
        self._db.execute("begin")
        with self._db:
            for *filed, digest in rows:
                self._db.execute("insert or ignore into filed values (?, ?, ?, ?)", filed)
                if digest is not None:
                    self._db.execute("insert or ignore into content values (?, ?, ?)", (*filed[:2], digest))

    def close(self) -> None:
        """Release the file."""
        self._db.close()
