"""Comparing two states row by row, both read in the order of their primary keys, a row at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

_Row = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Rows that were compared, by table; and the first difference of each table that has one."""

    rows: Mapping[str, int]
    differences: Mapping[str, str] = field(default_factory=dict)


def compare(one: Path, other: Path) -> Compared:
    """Compare all tables of two databases."""
    rows: dict[str, int] = {}
    differences: dict[str, str] = {}
    with closing(_open(one)) as left, closing(_open(other)) as right:
        tables = _tables(left)
        if tables != _tables(right):
            return Compared(rows={}, differences={"": f"tables {sorted(tables)} and {sorted(_tables(right))}"})
        for table in tables:
            rows[table] = 0
            for mine, its in zip_longest(_rows(left, table), _rows(right, table)):
                if mine != its:
                    differences[table] = f"row {rows[table] + 1}: {_short(mine)} and {_short(its)}"
                    break
                rows[table] += 1
    return Compared(rows=rows, differences=differences)


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise SystemExit(f"there is no state {path} to compare")
    return sqlite3.connect(path)


def _tables(database: sqlite3.Connection) -> dict[str, str]:
    found = database.execute("select name, sql from sqlite_master where type = 'table' order by name")
    return {str(name): str(sql) for name, sql in found}


def _rows(database: sqlite3.Connection, table: str) -> Iterator[_Row]:
    columns = database.execute(f"pragma table_info({table})").fetchall()
    key = [name for _, name in sorted((column[5], column[1]) for column in columns if column[5])]
    yield from database.execute(f"select * from {table} order by {', '.join(key)}")


def _short(row: _Row | None) -> str:
    return "nothing" if row is None else repr(row)[:200]
