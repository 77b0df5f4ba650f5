"""The report of an intake: one JSON object a line for each row that did not become a ticket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO

import hutong
from services.exports import BadRow
from services.intake.handler import Entry, shown, shown_key


class Report:
    """Writes the file anew. A rejected row has ``line, row, field, value, reason``, a refused one ``line, row, ticket,
    code, reason``; personal values are not shown.

    Raises:
        SettingsError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = path.open("w", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise hutong.SettingsError(f"report {path} cannot be written ({error.strerror}): name another") from error

    def rejected(self, bad: BadRow) -> None:
        """The row was not submitted."""
        row, value = shown_key(bad.row), shown(bad.field, bad.value)
        self._write(outcome="rejected", line=bad.line, row=row, field=bad.field, value=value, reason=bad.reason)

    def refused(self, entry: Entry, ticket: str, code: str, text: str) -> None:
        """The row was submitted, and the city turned it away."""
        self._write(outcome="refused", line=entry.line, row=shown_key(entry.row), ticket=ticket, code=code, reason=text)

    def _write(self, **line: object) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
