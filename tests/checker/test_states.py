"""What the checker says of live state that is not what ledger and refusals make of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.checker import History, check
from tests.checker.history import Rows
from tests.checker.reading import _states

Change = Callable[[dict[tuple[object, ...], object]], object]


def changed(history: History, service: str, table: str, change: Change) -> History:
    """One table of partition 0 of a service's state, changed."""
    states = history.admit_states if service == "admit" else history.deliver_states
    rows = dict(states[0][table])
    change(rows)
    other: dict[int, Mapping[str, Rows]] = {**states, 0: {**states[0], table: rows}}
    return replace(history, admit_states=other) if service == "admit" else replace(history, deliver_states=other)


def drop(rows: dict[tuple[object, ...], object]) -> None:
    rows.popitem()


def add(rows: dict[tuple[object, ...], object]) -> None:
    rows[("more",)] = ()


def alter(rows: dict[tuple[object, ...], object]) -> None:
    rows[next(iter(rows))] = ("other",)


@pytest.mark.parametrize("change", [drop, add, alter])
@pytest.mark.parametrize(
    ("service", "table"),
    [
        ("admit", "entry"),
        ("admit", "refusal"),
        ("admit", "ticket"),
        ("admit", "head"),
        ("deliver", "counter"),
        ("deliver", "history"),
        ("deliver", "participant"),
    ],
)
def test_a_row_too_few_too_many_or_other_is_named(history: History, service: str, table: str, change: Change) -> None:
    """The violation names service, partition and table, and nothing else is accused."""
    (violation,) = check(changed(history, service, table, change), complete=True).violations
    assert violation.rule == f"{service}_state"
    assert violation.text.startswith(f"{service}/0: {table} (")


def test_a_missing_table_is_named(history: History) -> None:
    """State of another shape does not pass for equal."""
    states = {0: {name: rows for name, rows in history.admit_states[0].items() if name != "ticket"}}
    (violation,) = check(replace(history, admit_states=states)).violations
    assert "ticket" in violation.text


def test_what_a_former_instance_left_is_nobodys(tmp_path: Path) -> None:
    """Only the latest owner's file is read; an older one may be damaged, or of long ago."""
    for instance, seconds in (("gone", 1), ("here", 2)):
        (tmp_path / instance).mkdir()
        path = tmp_path / instance / "0.sqlite"
        with closing(sqlite3.connect(path)) as db:
            db.execute("create table entry (fingerprint text, sequence integer)")
            db.execute("insert into entry values (?, 1)", (instance,))
            db.commit()
        os.utime(path, (seconds, seconds))
    assert _states(tmp_path) == {0: {"entry": {("here",): (1,)}}}
    (tmp_path / "gone" / "0.sqlite").write_bytes(b"\x55" * 8192)
    os.utime(tmp_path / "gone" / "0.sqlite", (1, 1))
    assert _states(tmp_path) == {0: {"entry": {("here",): (1,)}}}
