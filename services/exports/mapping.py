"""The mapping (YAML) that says what the columns of another system's export mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from sys import intern
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

import hutong
from hutong.events.words import Code
from services.exports.names import AreaByName, CategoryByName
from services.exports.open311 import FIELDS
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
Encodings = str | Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
Worded = Template | Mapping[str, Template] | None
"""Content to be sealed: text, or several texts by name; empty ones are left out."""


class Export(Strict):
    """A mapping. ``system`` is the code of the source system; ``row`` must be unique in it.

    A CSV is read in the first ``encoding`` in which its header has all columns that the mapping names. Open311 has the
    columns of its specification; ``extensions`` names others that its city adds.
    """

    format: Literal["csv", "open311"] = "csv"
    system: Code
    encoding: Encodings = "utf-8-sig"
    extensions: Annotated[tuple[str, ...], Field(strict=False)] = ()
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    row: Template
    created: Moment
    kind: Coded
    channel: Coded
    category: Coded | CategoryByName
    area: Coded | AreaByName
    language: Coded
    enterprise: Condition | bool = False
    anonymous: Condition | bool = False
    identity: Worded = None
    narrative: Worded = None
    place: Worded = None
    ended: EndedWhen | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_mapping(cls, content: Any) -> Any:
        if not isinstance(content, Mapping):
            raise PydanticCustomError("no_mapping", "no mapping, it names no columns: is it the file of the rows?")
        return content

    @field_validator("encoding")
    @classmethod
    def _encodings(cls, encoding: Encodings) -> Encodings:
        for name in (encoding,) if isinstance(encoding, str) else encoding:
            try:
                b"".decode(name)
            except LookupError as error:
                raise ValueError(f"no encoding is called {name!r}") from error
        return encoding

    @model_validator(mode="after")
    def _columns_of_the_format(self) -> Self:
        if self.format == "open311" and (unknown := self.columns() - FIELDS - set(self.extensions)):
            names = ", ".join(sorted(unknown))
            raise ValueError(f"{names}: no field of GeoReport v2; name it under `extensions` if this city adds it")
        return self

    @classmethod
    def load(cls, name: str | None) -> Self:
        """The shipped mapping of that name, or the one in a file.

        Raises:
            SettingsError: there is none, or it does not fit, naming every fault.
        """
        known = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.yaml")))
        if name is None:
            raise hutong.SettingsError(f"CSV and Open311 need --map: one of {known}, or a mapping file")
        path = SHIPPED / f"{name}.yaml" if re.fullmatch(r"[a-z0-9_-]+", name) else Path(name)
        if not path.exists():
            raise hutong.SettingsError(f"there is no mapping {name}: name one of {known}, or a file")
        return read_table(path, cls)

    @property
    def encodings(self) -> tuple[str, ...]:
        """Those to try, in order."""
        return (self.encoding,) if isinstance(self.encoding, str) else self.encoding

    def columns(self) -> frozenset[str]:
        """Every column that the mapping names."""
        return frozenset(_columns(self.model_dump(exclude={"system", "encoding", "extensions"})))

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
        flags = {name: _holds(getattr(self, name), row.cells) for name in ("enterprise", "anonymous")}
        return {**coded, **flags, **worded}

    def _coded(self, name: str, row: Row) -> str:
        coded: Coded | CategoryByName | AreaByName = getattr(self, name)
        match coded:
            case str():
                return render(coded, row.cells)
            case Choice():
                text = render(coded.of, row.cells)
                value, reason = coded.values.get(text, coded.otherwise), "not in the mapping's table of values"
            case CategoryByName():
                (text, value), reason = coded.look_up(row.cells), f"no such category in the tree {coded.tree}"
            case AreaByName():
                (text, value), reason = coded.look_up(row.cells), f"no such division in the table {coded.divisions}"
        if value is None:
            raise BadRow(row.line, name, text, reason)
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


def _holds(flag: Condition | bool, cells: Mapping[str, str]) -> bool:
    return flag if isinstance(flag, bool) else flag.holds(cells)


def _worded(worded: Worded, cells: Mapping[str, str]) -> str | dict[str, str] | None:
    if worded is None or isinstance(worded, str):
        return render(worded, cells) or None if worded else None
    texts = {name: render(template, cells) for name, template in worded.items()}
    return {name: text for name, text in texts.items() if text} or None
