"""受理: from a row of another system to a filed complaint. What does not fit is told field by field."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

import hutong
from hutong import complaint
from hutong.events.words import External
from hutong.rules.territory import Territory
from services.exports import BadRow, Export, Row

PLAIN = {"row", "created", *complaint.Filed.model_fields} - complaint.Filed.sealed_fields().keys() - {"source"}
"""Fields whose value a report shows."""

_WANTED = {
    "kind": f"is none of {', '.join(kind for kind in complaint.Kind if kind is not complaint.Kind.UNKNOWN)}",
    "language": "is no BCP 47 tag in its usual spelling, as zh, en, zh-Hant-HK",
    "category": "is no path of codes, as public_service/water",
    "area": "is no division's code, at most as fine as a street",
    "channel": "is no code, as phone",
    "row": "is no key: at most 64 of A-Z a-z 0-9 . _ : -",
}
"""What is said of a value that does not fit; of any other field what the model says."""

_TABLES = {"category": "tree of categories", "area": "table of divisions"}
_SHOWN = 64
_KEY: TypeAdapter[str] = TypeAdapter(External)
_LONG_NUMBER = re.compile(r"\d{10,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row that may become a ticket: its key in its system, its time, the other fields of ``complaint.filed``."""

    line: int
    system: str
    row: str
    created: datetime
    fields: Mapping[str, Any]

    @property
    def once(self) -> str:
        """What makes this row the same wish whenever it is uttered."""
        return f"{self.system}/{self.row}"

    def digest(self, key: bytes) -> bytes:
        """HMAC-SHA256 of its key, its time and its fields. Defaults are left out: a field that a later revision of
        ``complaint.filed`` adds changes no digest."""
        defaults = complaint.Filed.model_fields
        given = {name: value for name, value in self.fields.items() if value != defaults[name].default}
        content = [self.once, self.created.astimezone(UTC).isoformat(), given]
        return hmac.digest(key, json.dumps(content, sort_keys=True).encode(), "sha256")


def entry_of_row(row: Row, export: Export) -> Entry:
    """The row of a CSV file by its mapping. Raises BadRow."""
    key = export.key(row)
    try:
        created, fields = export.created_at(row), export.values(row)
    except BadRow as error:
        raise BadRow(error.line, error.field, error.value, error.reason, key) from None
    return Entry(line=row.line, system=export.system, row=key, created=created, fields=fields)


def entry_of_json(line: int, text: bytes, system: str) -> Entry:
    """One line of a JSON lines file, with the names of ``complaint.filed`` and ``row``, ``created`` (ISO 8601 with
    zone). Raises BadRow."""
    try:
        content = json.loads(text)
    except UnicodeDecodeError:
        reason = "no UTF-8, as JSON has to be: is it GB 18030? Convert it: iconv -f gb18030 -t utf-8"
        raise BadRow(line, "", "", reason) from None
    except (ValueError, RecursionError):
        raise BadRow(line, "", "", "no JSON") from None
    if not isinstance(content, dict):
        raise BadRow(line, "", "", "no JSON object")
    row, created = content.pop("row", None), content.pop("created", None)
    if not isinstance(row, str):
        raise BadRow(line, "row", "" if row is None else str(row), "the row's key must be text")
    try:
        moment = datetime.fromisoformat(created)
    except (TypeError, ValueError):
        raise BadRow(line, "created", str(created or ""), "no ISO 8601 time", row) from None
    if moment.tzinfo is None:
        raise BadRow(line, "created", created, "the time has no zone", row)
    return Entry(line=line, system=system, row=row, created=moment, fields=content)


def filed(entry: Entry, territory: Territory) -> complaint.Filed:
    """The complaint of an entry. Raises BadRow, naming the first field that does not fit, or that ``territory`` does
    not know: admit would refuse it."""
    if not 1900 <= entry.created.year < 2200:
        raise BadRow(entry.line, "created", str(entry.created), "no year that can be meant", entry.row)
    if "source" in entry.fields:
        raise BadRow(entry.line, "source", "", "is made of the system and the row's key, never given", entry.row)
    try:
        source = complaint.SourceReference(system=entry.system, row=entry.row)
        data = complaint.Filed.model_validate({**entry.fields, "source": source})
        territory.check(data)
        return data
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        field = str(fault["loc"][0]) if fault["loc"] else ""
        value = entry.row if field == "row" else entry.fields.get(field, "")
        reason = "is missing" if value in ("", None) else _WANTED.get(field, str(fault["msg"]))
        raise BadRow(entry.line, field, str(value), reason, entry.row) from None
    except hutong.InvalidEvent as error:
        field = error.code.removeprefix("unknown_")
        reason = f"is not in the city's {_TABLES[field]} ({error.code})"
        raise BadRow(entry.line, field, str(entry.fields[field]), reason, entry.row) from None


def shown_key(row: str) -> str:
    """A row's key as a report may show it: whole where it is one; with shifted columns a citizen may stand there."""
    return row if _is_key(row) else shown("row", row)


def shown(field: str, value: str) -> str:
    """A bad value as a report may show it: nothing of what is sealed, no number that may be a telephone or an id, no
    key that is none."""
    if field not in PLAIN or (field == "row" and not _is_key(value)):
        return "(not shown)" if value else ""
    return _LONG_NUMBER.sub("(number)", value[:_SHOWN])


def _is_key(row: str) -> bool:
    try:
        _KEY.validate_python(row)
    except ValidationError:
        return False
    return True


@dataclass(slots=True)
class Account:
    """What became of the rows: each is filed, known before, rejected here, or refused by the city."""

    rows: int = 0
    filed: int = 0
    known: int = 0
    rejected: int = 0
    refused: int = 0

    def counts(self) -> Iterator[tuple[str, int]]:
        """Name and number of each, rows first."""
        for name in ("rows", "filed", "known", "rejected", "refused"):
            yield name, getattr(self, name)

    def settled(self) -> bool:
        """Whether every row that was read has come to one of its four ends."""
        return self.rows == self.filed + self.known + self.rejected + self.refused
