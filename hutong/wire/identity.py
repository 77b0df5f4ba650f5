"""Ids of tickets and events.

A crash and a retry make the same event; a repeated wish makes a new one (design, "The event on the wire"). So ids
made inside ``with event:`` or with ``once=`` are derived (UUIDv8, RFC 9562), all others are fresh (UUIDv7).
"""

from __future__ import annotations

import re
import secrets
import time
from datetime import date, datetime
from hashlib import sha256
from uuid import UUID

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TICKET = re.compile(r"([a-z0-9][a-z0-9-]{1,31})-(\d{8})-([0-9A-HJKMNP-TV-Z]{10})")


def _digest(*parts: str | bytes) -> bytes:
    state = sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(4, "big"))
        state.update(data)
    return state.digest()


def _uuid(data: bytes, version: int) -> str:
    number = int.from_bytes(data[:16], "big")
    number = number & ~(0xF << 76) | version << 76
    number = number & ~(0b11 << 62) | 0b10 << 62
    return str(UUID(int=number))


def derived_id(*parts: str | bytes) -> str:
    """The UUIDv8 over ``parts`` (each length-prefixed): the same parts give the same id."""
    return _uuid(_digest("event", *parts), 8)


def fresh_id() -> str:
    """A UUIDv7: milliseconds since 1970 and 74 random bits."""
    return _uuid((time.time_ns() // 1_000_000).to_bytes(6, "big") + secrets.token_bytes(10), 7)


def ticket_id(city: str, day: datetime, *parts: str | bytes) -> str:
    """``<city>-<yyyymmdd>-<10 characters of Crockford base32>``.

    ``day`` is in the city's own time zone. The last 50 bits are derived from ``parts``, or random without any.
    """
    data = _digest("ticket", city, *parts) if parts else secrets.token_bytes(32)
    number = int.from_bytes(data[:7], "big")
    return f"{city}-{day:%Y%m%d}-" + "".join(_CROCKFORD[number >> 5 * i & 31] for i in range(10))


def ticket_city(ticket: str) -> str | None:
    """The city a ticket id belongs to, or None where the text is no ticket id."""
    match = _TICKET.fullmatch(ticket)
    if match is None:
        return None
    try:
        date.fromisoformat(match[2])
    except ValueError:
        return None
    return match[1]


def ticket_day(ticket: str) -> str:
    """The day a ticket's id says it was filed on, as ``yyyymmdd`` in the city's time zone."""
    return ticket.rsplit("-", 2)[1]


def under_city(organisation: str, city: str) -> bool:
    """Whether an organisation's id lies under a city's prefix.

    ``110105`` and ``110000.water`` lie under ``110000`` (GB/T 2260: pairs of trailing zeros stand for "all below"),
    ``nyc`` and ``nyc.dep`` under ``nyc``.
    """
    division = organisation.partition(".")[0]
    if division == city:
        return True
    if not (city.isdigit() and division.isdigit()):
        return False
    prefix = city
    while prefix.endswith("00"):
        prefix = prefix[:-2]
    return division.startswith(prefix) and len(division) >= len(city)
