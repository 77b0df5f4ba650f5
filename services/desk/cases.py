"""What a desk knows of a ticket: who leads it, how often it was dispatched, who was called to help and has reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import hutong
from hutong import disposition


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A ticket. ``dispatches`` are fingerprints; ``help`` is unit → fingerprint of its report, empty until it comes;
    ``contested`` while the lead's wish to be relieved of it is looked at, ``accepted`` once it has taken it."""

    lead: str
    dispatches: tuple[str, ...] = ()
    help: Mapping[str, str] = field(default_factory=dict)
    contested: bool = False
    accepted: bool = False

    @property
    def waits(self) -> bool:
        """Whether a unit that must help has not reported yet."""
        return not all(self.help.values())

    def helped_by(self, event: hutong.Event) -> bool:
        """Whether this report is one that was waited for, and none is any more."""
        return event.fingerprint.hex() in self.help.values() and not self.waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A ticket to be resolved ``at_ms`` (Unix, milliseconds). ``once`` makes it the same event whenever it is said."""

    ticket: str
    at_ms: int
    once: str


class Cases(Protocol):
    """Ticket → its case, and what is to be answered later: one answer a ticket at most."""

    def get(self, ticket: str, /) -> Case | None: ...
    def __setitem__(self, ticket: str, case: Case, /) -> None: ...
    def delay(self, due: Due, /) -> None: ...
    def drop(self, ticket: str, /) -> None: ...
    def due(self, now_ms: int, /) -> list[Due]:
        """Some that are due by now, the earliest first."""


class CasesInMemory(dict[str, Case]):
    """For a desk that is made anew."""

    def __init__(self) -> None:
        self._dues: dict[str, Due] = {}

    def delay(self, due: Due) -> None:
        """See :class:`Cases`."""
        self._dues[due.ticket] = due

    def drop(self, ticket: str) -> None:
        """See :class:`Cases`."""
        self._dues.pop(ticket, None)

    def due(self, now_ms: int) -> list[Due]:
        """See :class:`Cases`."""
        return sorted((due for due in self._dues.values() if due.at_ms <= now_ms), key=lambda due: due.at_ms)


def learned(case: Case | None, event: hutong.Event) -> Case | None:
    """The case after ``event``; told again what it was told before, it stays as it is."""
    mark = event.fingerprint.hex()
    match event.data:
        case disposition.Dispatched(lead=lead, assistants=assistants):
            before = case.dispatches if case else ()
            if case is None or mark not in before:
                return Case(lead=lead, dispatches=(*before, mark), help=dict.fromkeys(assistants, ""))
        case disposition.Declined() | disposition.DeclineDecided() if case is not None:
            return replace(case, contested=isinstance(event.data, disposition.Declined))
        case disposition.Accepted() if case is not None and event.source == case.lead:
            return replace(case, accepted=True)
        case disposition.AssistRequested(units=units) if case is not None:
            return replace(case, help={**dict.fromkeys(units, ""), **case.help})
        case disposition.AssistReported() if case is not None and case.help.get(event.source) == "":
            return replace(case, help={**case.help, event.source: mark})
    return case
