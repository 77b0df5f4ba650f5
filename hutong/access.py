"""Who could read what of a ticket, since when, for what purpose, and until when: from the ledger alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from hutong.event import Event
from hutong.events.notice import AccessReleased, Erased
from hutong.rules.ticket_keys import sealed_under

WROTE = "author"
"""The purpose of whoever sealed a field himself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An organisation that can open what is sealed under one key. Times are those of admission; ``until`` is that of
    the erasure, and None while it lasts (a copy that somebody kept cannot be recalled)."""

    organisation: str
    key_class: str
    key_id: str
    purpose: str
    since: datetime
    until: datetime | None = None


def holdings(events: Iterable[Event]) -> list[Holding]:
    """What one ticket's admitted ``events``, in their order, say; each organisation and key once, the earliest first.

    Whoever sealed a field has its key; once it is released to him, too, its purpose is that of the release. A release
    that was told only after its class was erased ended at once: the key is destroyed with the others.
    """
    found: dict[tuple[str, str], Holding] = {}
    gone: set[str] = set()
    for event in events:
        if event.ledger is None:
            continue
        at = event.ledger.admitted
        for key_id, key_class in sealed_under(event.data).items():
            held = Holding(organisation=event.source, key_class=key_class, key_id=key_id, purpose=WROTE, since=at)
            found.setdefault((event.source, key_id), held)
        match event.data:
            case AccessReleased(key_id=raw, key_class=key_class_, recipient=recipient, purpose=purpose):
                held = Holding(
                    organisation=recipient,
                    key_class=key_class_.value,
                    key_id=raw.hex(),
                    purpose=purpose,
                    since=at,
                    until=at if key_class_.value in gone else None,
                )
                before = found.get((recipient, held.key_id), held)
                found[recipient, held.key_id] = replace(before, purpose=purpose)
            case Erased(key_ids=ids, key_class=erased):
                named = {each.hex() for each in ids}
                gone.add(erased.value)
                for place, held in found.items():
                    if held.until is None and (held.key_class == erased.value or held.key_id in named):
                        found[place] = replace(held, until=at)
    return list(found.values())
