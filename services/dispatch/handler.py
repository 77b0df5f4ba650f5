"""派单: what becomes of a filed ticket, and of a unit's wish to be relieved of one (退单)."""

from __future__ import annotations

from collections.abc import Sequence

import hutong
from hutong import complaint, disposition
from services.dispatch.routing import Routing


def decide(
    event: hutong.Event, *, organisation: str, routing: Routing, directory: hutong.Directory
) -> list[hutong.EventData]:
    """The hotline's answers to ``event``, in order; none where it is not its business.

    Raises:
        SettingsError: nobody in the directory can be given the ticket, not even the fallback.
    """
    match event.data:
        case complaint.Filed(kind=kind) if kind in routing.answer_at_once and event.source == organisation:
            return [complaint.Answered(basis="knowledge_base")]
        case complaint.Filed():
            units = routing.units(event.category, event.area)
            lead = _standing(units, directory)
            if lead is None:
                raise hutong.SettingsError(
                    f"{event}: none of {', '.join(units)} is in the directory; register the fallback of the routing"
                )
            return [_dispatched(event, lead, routing, directory)]
        case disposition.Declined():
            return _relieve(event, routing, directory)
    return []


def _relieve(event: hutong.Event, routing: Routing, directory: hutong.Directory) -> list[hutong.EventData]:
    """Granted where another unit is left to ask after the one that declines, so that each is asked once."""
    units = routing.units(event.category, event.area)
    asked = units.index(event.source) + 1 if event.source in units else 0
    lead = _standing(units[asked:], directory)
    if lead is None:
        return [disposition.DeclineDecided(decision=disposition.Decision.REJECTED)]
    granted = disposition.DeclineDecided(decision=disposition.Decision.GRANTED)
    return [granted, _dispatched(event, lead, routing, directory)]


def _dispatched(
    event: hutong.Event, lead: str, routing: Routing, directory: hutong.Directory
) -> disposition.Dispatched:
    """To ``lead``, and those of the assistant units that have a door."""
    wanted = (unit for unit in routing.assistants(event.category, event.area) if unit != lead)
    return disposition.Dispatched(
        lead=lead, assistants=tuple(unit for unit in wanted if _standing((unit,), directory) is not None)
    )


def _standing(units: Sequence[str], directory: hutong.Directory) -> str | None:
    """The first unit that is in the directory and not revoked."""
    for unit in units:
        standing = directory.get(unit)
        if standing is not None and not standing.revoked:
            return unit
    return None
