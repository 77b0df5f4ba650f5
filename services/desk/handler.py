"""办理: a department's desk. Whatever it is asked to lead it accepts and resolves; a stated share it declines first.

A real desk asks its people here; this one answers at once.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Protocol

import hutong
from hutong import disposition

WANTED = (disposition.Dispatched, disposition.DeclineDecided, disposition.Reopened)
"""What a desk must hear of; everything else on its tickets is for information."""

NOT_OURS = hutong.Clear("经核实，不属于本单位职责范围。")
DONE = hutong.Clear("已到现场处理，并告知诉求人。")
DONE_AGAIN = hutong.Clear("已再次处理，并当面听取诉求人意见。")


class Leads(Protocol):
    """Ticket → its lead unit 主办单位. A dict is one."""

    def get(self, ticket: str, /) -> str | None: ...
    def __setitem__(self, ticket: str, lead: str, /) -> None: ...


class Desk:
    """What this desk knows of its tickets, and what it answers."""

    def __init__(self, organisation: str, *, decline_share: float = 0.0, leads: Leads | None = None) -> None:
        self._organisation = organisation
        self._decline_share = decline_share
        self._leads: Leads = {} if leads is None else leads

    def knows(self, event: hutong.Event) -> bool:
        """Whether it can tell who leads the event's ticket."""
        return isinstance(event.data, disposition.Dispatched) or self._leads.get(event.ticket) is not None

    def learn(self, event: hutong.Event) -> None:
        """Remember who leads the ticket. Told again what it was told before, a desk that starts anew knows the same."""
        if isinstance(event.data, disposition.Dispatched):
            self._leads[event.ticket] = event.data.lead

    def answers(self, event: hutong.Event) -> list[hutong.EventData]:
        """The desk's answers to ``event``, in order; none where another unit leads (主办) the ticket."""
        self.learn(event)
        if self._leads.get(event.ticket) != self._organisation:
            return []
        match event.data:
            case disposition.Dispatched() if self._declines(event.ticket):
                return [disposition.Declined(reason="not_our_duty", explanation=NOT_OURS)]
            case disposition.Dispatched() | disposition.DeclineDecided(decision=disposition.Decision.REJECTED):
                return [disposition.Accepted(), disposition.Resolved(report=DONE)]
            case disposition.Reopened():
                return [disposition.Resolved(report=DONE_AGAIN)]
        return []

    def _declines(self, ticket: str) -> bool:
        """Decided by the ticket alone, so that a retry decides the same."""
        digest = sha256(f"{self._organisation} {ticket}".encode()).digest()
        return int.from_bytes(digest[:7], "big") / 2**56 < self._decline_share
