"""What flowed under each standing agreement 共享协议, told from what was recorded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from hutong.event import Event
from hutong.events.complaint import Filed
from hutong.rules.agreements import reaches
from hutong.rules.audience import Audience
from hutong.rules.directory import Directory, Opened
from hutong.rules.lifecycle import Lifecycle, Ticket
from hutong.rules.territory import under
from hutong.wire.stamps import LedgerStamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """How many events an agreement showed to its recipient, and when the last of them was admitted."""

    events: int = 0
    last: datetime | None = None


class Flows(Protocol):
    """Counts event by event. One that two agreements of a recipient reach counts under both."""

    def take(self, event: Event) -> None:
        """Count the event where an agreement showed it. Those of a ticket come in their order."""
        ...

    def of(self, id: str) -> Flow:
        """What came under the agreement so far."""
        ...


class _Counted:
    """Which agreements reach an event, by the directory that it was judged by, and how often that was."""

    def __init__(self, directory: Directory) -> None:
        paths = [path for opened in directory.agreements_ever for path in opened.agreement.categories]
        self._flows: dict[str, Flow] = {}
        self._categories: dict[str, str] | None = {} if any(path.count("/") > 1 for path in paths) else None
        self.at = lru_cache(maxsize=64)(directory.at)

    def of(self, id: str) -> Flow:
        return self._flows.get(id, Flow())

    def reaching(self, event: Event, stamp: LedgerStamp) -> Iterator[Opened]:
        categories, filed = self._categories, event.data
        if categories is not None and isinstance(filed, Filed):
            categories[event.ticket] = filed.category
        known = categories.get(event.ticket) if categories else None
        for opened in self.at(stamp.directory).agreements():
            if opened.holds(stamp.directory, stamp.admitted_ms) and any(
                reaches(opened.agreement, type=event.type, category=category, area=event.area)
                for category in ([known] if known else _possible(event.category, opened.agreement.categories))
            ):
                yield opened

    def count(self, opened: Opened, stamp: LedgerStamp) -> None:
        before = self.of(opened.agreement.id)
        last = max(before.last or stamp.admitted, stamp.admitted)
        self._flows[opened.agreement.id] = Flow(events=before.events + 1, last=last)


def _possible(shown: str, paths: Iterable[str]) -> list[str]:
    """The categories that a ticket may have, of which an event shows two levels."""
    return [shown, *(path for path in paths if shown.count("/") == 1 and under(path, shown))]


class LedgerFlows:
    """From the city's ledger, whose entries say whom they were shown to."""

    def __init__(self, directory: Directory) -> None:
        self._counted = _Counted(directory)

    def of(self, id: str) -> Flow:
        return self._counted.of(id)

    def take(self, event: Event) -> None:
        if event.ledger is None:
            return
        shown = event.audience.matches if event.audience else ()
        for opened in self._counted.reaching(event, event.ledger):
            if opened.agreement.recipient in shown:
                self._counted.count(opened, event.ledger)


class DoorFlows:
    """From the recipient's own deliveries: those of tickets in which it had no part when they were admitted.

    What it has no part in shows it two levels of a category. So where an agreement names a finer one, and the ticket's
    filing never came, an event counts under every agreement that it can have come by.
    """

    def __init__(self, organisation: str, directory: Directory, lifecycle: Lifecycle, audience: Audience) -> None:
        self._organisation = organisation
        self._lifecycle = lifecycle
        self._audience = audience
        self._counted = _Counted(directory)
        self._tickets: dict[str, Ticket] = {}
        self._joined: set[str] = set()

    def of(self, id: str) -> Flow:
        return self._counted.of(id)

    def take(self, event: Event) -> None:
        stamp = event.ledger
        if stamp is None or event.ticket in self._joined:
            return
        ticket = self._lifecycle.follow(
            self._tickets.get(event.ticket),
            event.data,
            subject=event.ticket,
            author=event.source,
            at_ms=stamp.admitted_ms,
        )
        if self._organisation in self._audience.of(ticket, event.source, self._counted.at(stamp.directory)):
            # What it missed came just before: of no agreement, so it was not counted.
            self._joined.add(event.ticket)
            self._tickets.pop(event.ticket, None)
            return
        self._tickets[event.ticket] = ticket
        for opened in self._counted.reaching(event, stamp):
            if opened.agreement.recipient == self._organisation:
                self._counted.count(opened, stamp)
