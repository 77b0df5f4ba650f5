"""From a wish to a draft: which event, of which ticket, under which id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hutong.event import Event
from hutong.events import EventData
from hutong.events.complaint import Filed
from hutong.wire.identity import derived_id, fresh_id, ticket_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An event that is decided but neither sealed nor signed."""

    id: str
    ticket: str
    data: EventData
    time: datetime
    causation: str | None = None


class Drafter:
    """Decides the id and the ticket of what one system of one organisation submits.

    A crash and a retry make the same event, a repeated wish makes a new one (design, "The event on the wire").
    """

    def __init__(self, organisation: str, system: str, city: str, zone: ZoneInfo) -> None:
        self._organisation = organisation
        self._system = system
        self._city = city
        self._zone = zone

    def draft(
        self,
        data: EventData,
        *,
        ticket: str | None,
        answers: Event | None,
        once: str | None,
        time: datetime | None,
        handling: Event | None,
    ) -> Draft:
        """See :meth:`hutong.Bus.draft`; ``handling`` is the event whose block the program is in."""
        derived = self._derivation(data.TYPE, once, handling)
        if ticket is None and answers is not None:
            ticket = answers.ticket
        if ticket is None:
            if not isinstance(data, Filed):
                raise ValueError(f"{data.TYPE} needs `ticket=` or `answers=`: which ticket is it about?")
            ticket = self._new_ticket(time, derived, handling)
        return Draft(
            id=derived_id(self._organisation, *derived) if derived else fresh_id(),
            ticket=ticket,
            data=data,
            time=time or datetime.now(UTC),
            causation=answers.fingerprint.hex() if answers else None,
        )

    def _new_ticket(self, time: datetime | None, derived: tuple[str, ...], handling: Event | None) -> str:
        """A ticket id for a complaint. A derived one must not depend on when the wish is uttered again."""
        if time is None and derived and handling is not None and handling.ledger is not None:
            time = handling.ledger.admitted
        if time is None and derived:
            raise ValueError(
                "a complaint with `once=` needs `time=` too: its ticket's date must stay the same tomorrow"
            )
        day = (time or datetime.now(UTC)).astimezone(self._zone)
        return ticket_id(self._city, day, *((self._organisation, *derived) if derived else ()))

    def _derivation(self, type_: str, once: str | None, handling: Event | None) -> tuple[str, ...]:
        """What makes the id of an event that must come out the same after a crash; empty for a fresh one."""
        if once is not None:
            return ("once", type_, once)
        if handling is None or handling.handling is None:
            return ()
        ordinal = handling.handling.submitted
        handling.handling.submitted += 1
        return (self._system, handling.fingerprint.hex(), type_, str(ordinal))
