"""What the measurement of takeovers stands on: its tickets become what it counts, and no difference escapes it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hutong.transport import Partition
from tests.chaos.city import WATER, WORKS
from tests.chaos.takeover.author import ENTRIES, TOGETHER, Author
from tests.chaos.takeover.rows import compare
from tests.cities import TwinCity


def test_each_ticket_becomes_the_entries_that_are_counted_and_few_events_are_refused(tmp_path: Path) -> None:
    with TwinCity(tmp_path) as city:
        for lead in (WATER, WORKS):
            city.register(lead)
        hotline = city.connect(city.id)
        author = Author(hotline, {lead: city.connect(lead) for lead in (WATER, WORKS)}, tmp_path / "hold")
        tickets = TOGETHER + 7
        author.file(tickets)
        entries = list(hotline.replay())
        assert len(entries) == tickets * ENTRIES
        assert sum(entry.type == "disposition.closed.v1" for entry in entries) == tickets
        refusals = city.transport.consumer(client_id="test")
        places = [Partition("refusals", number) for number in range(2)]
        assert 0 < sum(refusals.end(place) for place in places) < tickets


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("update entry set sequence = 9 where fingerprint = 'b'", "entry"),
        ("delete from entry where fingerprint = 'c'", "entry"),
        ("insert into entry values ('d', 4)", "entry"),
        ("update single set place = 2", "single"),
        ("create table more (one integer)", ""),
    ],
)
def test_any_difference_between_two_states_is_told(tmp_path: Path, change: str, table: str) -> None:
    one, other = tmp_path / "one.sqlite", tmp_path / "other.sqlite"
    for path in (one, other):
        with closing(sqlite3.connect(path)) as database:
            database.executescript(
                "create table entry (fingerprint text primary key, sequence integer) without rowid;"
                "create table single (ticket text, organisation text, place integer,"
                " primary key (ticket, organisation, place)) without rowid;"
                "insert into entry values ('a', 1), ('b', 2), ('c', 3); insert into single values ('t', 'o', 1);"
            )
    same = compare(one, other)
    assert (same.rows, same.differences) == ({"entry": 3, "single": 1}, {})
    with closing(sqlite3.connect(other)) as database:
        database.executescript(change)
    assert list(compare(one, other).differences) == [table]
