"""The mapping (YAML) that says what the columns of another system's export mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from sys import intern
from typing import Annotated, Any, Self

from pydantic import Field

import hutong
from services.exports.rows import BadRow, Row
from services.exports.templates import CELL, Choice, Condition, Moment, Template, render
from services.tables import Strict, read_table

SHIPPED = Path(__file__).parent / "mappings"
"""Mappings that are found by their name alone."""


class EndedWhen(Strict):
    """How the export says that a row was dealt with: when, and with what report."""

    when: Condition
    at: Moment
    report: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What became of a row."""

    at: datetime
    report: str | None


Coded = Template | Choice
Worded = Template | Mapping[str, Template] | None
"""Content to be sealed: text, or several texts by name; empty ones are left out."""


class Export(Strict):
    """A mapping. ``system`` is the code of the source system; ``row`` must be unique in it."""

    system: str
    encoding: str = "utf-8-sig"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    row: Template
    created: Moment
    kind: Coded
    channel: Coded
    category: Coded
    area: Coded
    language: Coded
    enterprise: Condition | bool = False
    identity: Worded = None
    narrative: Worded = None
    place: Worded = None
    ended: EndedWhen | None = None

    @classmethod
    def load(cls, name: str | None) -> Self:
        """The shipped mapping of that name, or the one in a file.

        Raises:
            SettingsError: there is none, or it does not fit, naming every fault.
        """
        known = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.yaml")))
        if name is None:
            raise hutong.SettingsError(f"a CSV file needs --map: one of {known}, or a mapping file")
        path = SHIPPED / f"{name}.yaml" if re.fullmatch(r"[a-z0-9_-]+", name) else Path(name)
        if not path.exists():
            raise hutong.SettingsError(f"there is no mapping {name}: name one of {known}, or a file")
        return read_table(path, cls)

    def columns(self) -> frozenset[str]:
        """Every column that the mapping names."""
        return frozenset(_columns(self.model_dump()))

    def key(self, row: Row) -> str:
        """The row's key in its system; empty where it has none."""
        return render(self.row, row.cells)

    def created_at(self, row: Row) -> datetime:
        """Raises BadRow where the time has another form than the mapping says."""
        try:
            return self.created.parse(row.cells)
        except (ValueError, OverflowError):
            text = render(self.created.of, row.cells)
            raise BadRow(row.line, "created", text, f"no time in the form {self.created.format}") from None

    def values(self, row: Row) -> dict[str, Any]:
        """The fields of ``complaint.filed`` for this row, not validated. Raises BadRow for a value not in its table."""
        coded = {name: self._coded(name, row) for name in ("kind", "channel", "category", "area", "language")}
        worded = {name: _worded(getattr(self, name), row.cells) for name in ("identity", "narrative", "place")}
        enterprise = self.enterprise if isinstance(self.enterprise, bool) else self.enterprise.holds(row.cells)
        return {**coded, "enterprise": enterprise, **worded}

    def _coded(self, name: str, row: Row) -> str:
        coded: Coded = getattr(self, name)
        if isinstance(coded, str):
            return render(coded, row.cells)
        text = render(coded.of, row.cells)
        value = coded.values.get(text, coded.otherwise)
        if value is None:
            raise BadRow(row.line, name, text, "not in the mapping's table of values")
        return value

    def ending(self, row: Row) -> Ending | None:
        """What became of the row; None where it is open, or ended at no time, or before it was created."""
        if self.ended is None or not self.ended.when.holds(row.cells):
            return None
        try:
            created, at = self.created.parse(row.cells), self.ended.at.parse(row.cells)
        except (ValueError, OverflowError):
            return None
        return Ending(at=at, report=render(self.ended.report, row.cells) or None) if at >= created else None

    def kept(self, row: Row) -> Row:
        """The row with no more than :meth:`ending` needs, its repeated texts kept once."""
        needed = _columns([self.created.model_dump(), self.ended and self.ended.model_dump()])
        return Row(row.line, {column: intern(row.cells[column]) for column in needed})


def _columns(part: Any) -> Iterator[str]:
    """The columns named anywhere in a part of a mapping."""
    if isinstance(part, str):
        yield from (column for column, _ in CELL.findall(part))
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from _columns(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _columns(value)


def _worded(worded: Worded, cells: Mapping[str, str]) -> str | dict[str, str] | None:
    if worded is None or isinstance(worded, str):
        return render(worded, cells) or None if worded else None
    texts = {name: render(template, cells) for name, template in worded.items()}
    return {name: text for name, text in texts.items() if text} or None
