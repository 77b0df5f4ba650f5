"""Whether what an event says exists: the units, categories, areas and tickets it names."""

from __future__ import annotations

from hutong.errors import InvalidEvent
from hutong.events import EventData
from hutong.events.complaint import Amended, Filed, Merged
from hutong.events.disposition import AssistRequested, Decision, Dispatched, ExtensionDecided
from hutong.rules.calendar import milliseconds
from hutong.rules.directory import Directory
from hutong.rules.lifecycle import Ticket
from hutong.rules.territory import Territory
from hutong.rules.ticket_keys import check_keys
from hutong.wire.identity import ticket_city, ticket_day


def check(data: EventData, *, subject: str, ticket: Ticket | None, directory: Directory, territory: Territory) -> None:
    """Nothing where all of it holds.

    Raises:
        InvalidEvent: ``unknown_unit``, ``unknown_category``, ``unknown_area``, ``bad_merge``, ``invalid_data``.
    """
    match data:
        case Filed():
            territory.check(data)
        case Dispatched():
            _registered((data.lead, *data.assistants), directory)
        case AssistRequested():
            if not data.units:
                raise InvalidEvent("invalid_data", f"{data.TYPE} names no unit that should come")
            _registered(data.units, directory)
        case ExtensionDecided(decision=Decision.GRANTED, until=None):
            raise InvalidEvent("invalid_data", f"{data.TYPE} grants more time and does not say `until` when")
        case Merged():
            _another(subject, data.into)
            if ticket_day(data.into) > ticket_day(subject):
                raise InvalidEvent("bad_merge", f"{data.into} is younger than {subject}: merge that one into this one")
        case Amended(repeat=repeat) if repeat is not None:
            _another(subject, repeat.ticket)
            if ticket is not None and milliseconds(repeat.filed) <= ticket.filed_ms:
                raise InvalidEvent("bad_merge", f"{repeat.ticket} is not younger than {subject}: merge this into that")


def check_seals(data: EventData, ticket: Ticket | None, directory: Directory) -> None:
    """Nothing where every sealed field is under a key that is the ticket's still. Raises InvalidEvent ``stale_key``.

    In a city without a custodian everyone seals under keys of his own, which nobody else ever held.
    """
    if ticket is not None and directory.custodian() is not None:
        check_keys(ticket.keys, ticket.stale_keys, ticket.lead, data)


def _registered(units: tuple[str, ...], directory: Directory) -> None:
    for organisation in units:
        if not directory.stands(organisation):
            raise InvalidEvent("unknown_unit", f"{organisation} is not in the directory, or no longer")


def _another(subject: str, other: str) -> None:
    """Both tickets of a merge are of one city, and two."""
    if other == subject or ticket_city(other) != ticket_city(subject):
        raise InvalidEvent("bad_merge", f"{other} is no other ticket of the city of {subject}")
