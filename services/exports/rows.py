"""A row of an export, and one that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
