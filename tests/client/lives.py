"""Lives of tickets for the tests of limits: events as the ledger has them, at times of the test's choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import hutong
from hutong import complaint
from hutong.rules.calendar import milliseconds
from hutong.rules.deadlines import Deadline, Timekeeping, deadlines
from hutong.wire.stamps import LedgerStamp
from tests.services.handling import event

BEIJING = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    """A moment by Beijing's clocks: ``2026-09-30 10:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


def admitted(
    data: hutong.EventData, when: datetime, *, sequence: int = 1, said: datetime | None = None
) -> hutong.Event:
    """An event that was admitted then; ``said`` is when its author says it happened, the same if not given."""
    stamp = LedgerStamp(
        generation=1,
        partition=0,
        sequence=sequence,
        admitted_ms=milliseconds(when),
        directory=1,
        audience_hash=bytes(32),
    )
    return replace(event(data), ledger=stamp, time=said or when)


def filed(category: str = "transport/parking") -> complaint.Filed:
    """A complaint; unless said otherwise, of a category that is in no hurry."""
    return complaint.Filed(kind=complaint.Kind.COMPLAINT, channel="phone", category=category, area="110105026")


def beijing() -> Timekeeping:
    """Beijing's limits, on admitted time."""
    keeping = Timekeeping.load("110000")
    assert keeping is not None
    return keeping


def life(*steps: tuple[str, hutong.EventData]) -> tuple[Deadline, ...]:
    """The deadlines of a ticket of Beijing that went through these steps."""
    return deadlines([admitted(data, at(when)) for when, data in steps], beijing())


def one(found: Sequence[Deadline], limit: str) -> Deadline:
    """The last deadline of this limit."""
    return [deadline for deadline in found if deadline.limit == limit][-1]
