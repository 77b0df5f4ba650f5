"""Which of a ticket's keys are its keys still: what the ledger alone says (design, "Personal data")."""

from __future__ import annotations

from hutong.errors import InvalidEvent
from hutong.events import EventData
from hutong.events.disposition import Dispatched
from hutong.events.notice import AccessReleased, Erased
from hutong.events.sealed import KeyClass, Sealed


def sealed_under(data: EventData) -> dict[str, KeyClass]:
    """Key id (hex) → class, of every sealed field of an event."""
    fields = ((getattr(data, name), key_class) for name, key_class in data.sealed_fields().items())
    return {field.key_id.hex(): key_class for field, key_class in fields if isinstance(field, Sealed)}


def changes_lead(lead: str, data: EventData) -> bool:
    """Whether the event gives a ticket that was led by ``lead`` (empty: by nobody) to another unit."""
    return isinstance(data, Dispatched) and lead not in ("", data.lead)


def stale_after(keys: tuple[str, ...], stale: tuple[str, ...], lead: str, data: EventData) -> frozenset[str]:
    """The key ids under which nothing may be sealed any more, from this event on (itself included).

    Every key seen before a change of lead is stale, since the former lead holds it; so is every erased one.
    """
    ended = frozenset(stale)
    if changes_lead(lead, data):
        ended |= frozenset(keys)
    if isinstance(data, Erased):
        ended |= {key_id.hex() for key_id in data.key_ids}
    return ended


def keys_after(
    keys: tuple[str, ...], stale: tuple[str, ...], lead: str, data: EventData
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A ticket's key ids seen so far that may still be used, and those that may not, after an event; both sorted."""
    ended = stale_after(keys, stale, lead, data)
    seen = {*keys, *sealed_under(data)} | ({data.key_id.hex()} if isinstance(data, AccessReleased) else set())
    return tuple(sorted(seen - ended)), tuple(sorted(ended))


def check_keys(keys: tuple[str, ...], stale: tuple[str, ...], lead: str, data: EventData) -> None:
    """Raise InvalidEvent ``stale_key`` where a field is sealed under a key that is no longer the ticket's."""
    for key_id in sorted(sealed_under(data).keys() & stale_after(keys, stale, lead, data)):
        raise InvalidEvent(
            "stale_key",
            f"a field of this {data.TYPE} is sealed under key {key_id}, which the ticket had before its lead changed, "
            "or which was erased: read the keys released since, seal it again and send that",
        )
