"""导出数据: the rows of another system's CSV export, and the mapping (YAML) that says what its columns mean.

Intake files tickets from them; a desk that plays its past again looks up what became of each. A template is text in
which ``{Column}`` stands for the row's cell, and ``{Column|code}`` for the cell made a code ("Street Light" →
``street-light``); where every cell it names is empty, the whole is empty.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from sys import intern
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

import hutong
from services.tables import Strict, read_table

SHIPPED = Path(__file__).parent / "intake" / "mappings"
"""Mappings that are found by their name alone."""

_CELL = re.compile(r"\{([^{}|]+)(?:\|([a-z]+))?\}")
_FILTERS: Mapping[str, Callable[[str], str]] = {
    "": str,
    "code": lambda text: re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it stands in the file; ``line`` is where it begins, counted from 1. Cells are trimmed."""

    line: int
    cells: Mapping[str, str]


class BadRow(Exception):
    """A row that cannot be taken: the field of the mapping it fails at, its value, and why; ``row`` is its key."""

    def __init__(self, line: int, field: str, value: str, reason: str, row: str = "") -> None:
        super().__init__(f"line {line}: {field or 'row'} {reason}")  # never the value: it may be a citizen's words
        self.line = line
        self.field = field
        self.value = value
        self.reason = reason
        self.row = row


@cache
def _parts(template: str) -> tuple[tuple[str, str, Callable[[str], str]], ...]:
    """Text before each cell, the cell's column, its filter; text after the last one stands with column ``""``."""
    parts, at = [], 0
    for found in _CELL.finditer(template):
        parts.append((template[at : found.start()], found[1], _FILTERS[found[2] or ""]))
        at = found.end()
    return (*parts, (template[at:], "", str))


def _is_template(text: str) -> str:
    for _, name in _CELL.findall(text):
        if name not in _FILTERS:
            raise ValueError(f"no filter is called {name!r}; there is: code")
    if set("{}") & set(_CELL.sub("", text)):
        raise ValueError("a brace without its partner, or around nothing")
    return text


def render(template: str, cells: Mapping[str, str]) -> str:
    """The template filled in."""
    parts = _parts(template)
    if len(parts) > 1 and not any(cells[column] for _, column, _ in parts if column):
        return ""
    return "".join(text + (made(cells[column]) if column else "") for text, column, made in parts)


Template = Annotated[str, AfterValidator(_is_template)]


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"no time zone is called {name!r}") from error
    return name


class Choice(Strict):
    """A value table: the template's text must be in ``values``, or becomes ``otherwise`` where there is one."""

    of: Template
    values: Mapping[str, str]
    otherwise: str | None = None


class Condition(Strict):
    """Holds where the template's text is one of ``any``."""

    of: Template
    any: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]

    def holds(self, cells: Mapping[str, str]) -> bool:
        return render(self.of, cells) in self.any


class Moment(Strict):
    """A time in the form of ``strptime``. In the hour that a clock put back repeats, the first one is meant."""

    of: Template
    format: str
    zone: Annotated[str, AfterValidator(_is_zone)]

    def parse(self, cells: Mapping[str, str]) -> datetime:
        """Raises ValueError where the text has another form."""
        text = render(self.of, cells)
        return datetime.strptime(text, self.format).replace(tzinfo=ZoneInfo(self.zone))


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
        yield from (column for column, _ in _CELL.findall(part))
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


def read_rows(path: Path, export: Export) -> Iterator[Row | BadRow]:
    """The rows of a CSV file (``.gz``: compressed), the bad ones in their place.

    Raises:
        SettingsError: the file cannot be read, is damaged, or lacks a column of the mapping.
    """
    line = 1
    try:
        # A byte that is no text is kept as a lone surrogate, so that it spoils its own row and no other.
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding=export.encoding, errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, delimiter=export.delimiter, strict=True)
            header = [name.strip() for name in next(reader, [])]
            if missing := sorted(export.columns() - set(header)):
                raise hutong.SettingsError(f"{path} has no column {', '.join(missing)}, which its mapping names")
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    until = reader.line_num
                    lost = f"; lines {line} to {until} were not read" if until > line else ""
                    yield BadRow(line, "", "", f"no CSV: {error}{lost} (is a quote never closed?)")
                    continue
                if cells:
                    yield _row(line, header, cells)
    except (OSError, EOFError, zlib.error) as error:
        raise hutong.SettingsError(f"{path} cannot be read (line {line}): {error}") from error
    except LookupError as error:
        raise hutong.SettingsError(f"the mapping of {path} is wrong: {error}") from error


def _row(line: int, header: list[str], cells: list[str]) -> Row | BadRow:
    if len(cells) != len(header):
        return BadRow(line, "", "", f"{len(cells)} cells instead of {len(header)}")
    trimmed = [cell.strip() for cell in cells]
    try:
        "".join(trimmed).encode()
    except UnicodeEncodeError:
        return BadRow(line, "", "", "a cell has bytes that are no text in the mapping's encoding")
    return Row(line, dict(zip(header, trimmed, strict=True)))
