"""Which events a reader wants, asked of a record's headers before anything of it is decoded or verified."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from hutong.event import Event
from hutong.rules.agreements import within
from hutong.rules.territory import under
from hutong.transport import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is None is not asked for. ``types`` are whole types (``complaint.filed.v1``), ``authors`` organisations.

    ``category`` and ``area`` mean all below them, too, as far as an entry shows them: two levels of a category, the
    street. A refusal shows neither. ``since`` and ``until`` (exclusive) bound the admitted time; a refusal has none,
    and is not bounded.
    """

    ticket: str | None = None
    types: Collection[str] | None = None
    authors: Collection[str] | None = None
    category: str | None = None
    area: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def may_take(self, record: Record) -> bool:
        """Whether the record's headers leave it open that it is wanted. One that cannot be read is: it must be told."""
        if record.unreadable:
            return True
        if self.ticket is not None and record.key != self.ticket.encode():
            return False
        if self.types is self.authors is self.category is self.area is None:
            return True
        headers = {name: value.decode("utf-8", "replace") for name, value in record.headers if name in _ASKED}
        return (
            (self.types is None or headers.get("ce_type") in self.types)
            and (self.authors is None or headers.get("ce_source") in self.authors)
            and (self.category is None or under(headers.get("category", ""), self.category))
            and (self.area is None or within(headers.get("area", ""), self.area))
        )

    def takes(self, event: Event) -> bool:
        """Whether an event that :meth:`may_take` let pass was admitted in time."""
        if event.ledger is None:
            return True
        moment = event.ledger.admitted
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


_ASKED = frozenset({"ce_type", "ce_source", "category", "area"})
