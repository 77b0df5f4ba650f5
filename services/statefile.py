"""The file of a service's derived state: SQLite, thrown away and rebuilt at every takeover (ADR 0011).

It is never the truth. What a batch changes stays in an open transaction until Kafka has committed; whoever dies between
leaves a file that the next takeover throws away. So nothing in it needs to survive: no journal, no syncing.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from hutong.errors import SettingsError


class StateFile:
    """An empty file with ``tables`` (SQL).

    Raises:
        SettingsError: the file cannot be made.
    """

    def __init__(self, path: Path, tables: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            self.db = sqlite3.connect(path, isolation_level=None)
            self.db.executescript("pragma journal_mode=off; pragma synchronous=off;" + tables)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"state {path} cannot be made ({error}): make its folder writable") from error
        self.db.execute("begin")

    def keep(self) -> None:
        """The batch is committed on Kafka: keep what it changed."""
        self.db.execute("commit")
        self.db.execute("begin")

    def close(self) -> None:
        """Release the file."""
        self.db.close()
