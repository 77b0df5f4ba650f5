"""What the clock knows of its tickets: one SQLite file, disposable, since its deliveries say the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from hutong.rules.deadlines import Course
from services.clock.handler import Kept
from services.disposable import RebuiltStore

_SCHEMA = """create table if not exists ticket (
    id text primary key, partition integer not null, sequence integer not null, course text not null,
    fired text not null, next_ms integer
) strict;
create index if not exists next on ticket (next_ms) where next_ms is not null;"""
_SOME = 500


class CourseStore(RebuiltStore):
    """``<home>/state/clock/<organisation>.sqlite``. What becomes of a ticket is one row, also when it has ended.

    Raises:
        SettingsError: the file cannot be made or opened.
    """

    def __init__(self, home: Path, organisation: str, whose: Mapping[str, str]) -> None:
        super().__init__(home / "state" / "clock" / f"{organisation}.sqlite", _SCHEMA, whose)

    def get(self, ticket: str) -> Kept | None:
        """What is known of the ticket; None where this file was never told."""
        row = self._db.execute(f"{_SELECT} where id = ?", (ticket,)).fetchone()
        return None if row is None else _kept(row)

    def put(self, kept: Kept, *, next_ms: int | None) -> None:
        """Keep it; :meth:`due` gives it out from ``next_ms`` on."""
        self._db.execute(
            "insert or replace into ticket values (?, ?, ?, ?, ?, ?)",
            (
                kept.ticket,
                kept.partition,
                kept.sequence,
                kept.course.model_dump_json(),
                json.dumps(sorted(kept.fired)),
                next_ms,
            ),
        )

    def due(self, now_ms: int) -> Iterator[Kept]:
        """Tickets with something due before ``now_ms``, the earliest first; some at a time."""
        rows = self._db.execute(f"{_SELECT} where next_ms < ? order by next_ms limit ?", (now_ms, _SOME)).fetchall()
        return map(_kept, rows)


_SELECT = "select id, partition, sequence, course, fired from ticket"


def _kept(row: tuple[str, int, int, str, str]) -> Kept:
    ticket, partition, sequence, course, fired = row
    return Kept(
        ticket=ticket,
        partition=partition,
        sequence=sequence,
        course=Course.model_validate_json(course),
        fired=frozenset(json.loads(fired)),
    )
