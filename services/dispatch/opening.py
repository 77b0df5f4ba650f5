"""What dispatch reads in the hotline's own sealed fields. Nothing of it is kept or logged in clear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import hutong
from hutong.events.complaint import Filed
from services.dispatch.handler import Opened
from services.dispatch.repeats import keyed
from services.dispatch.routing import Routing


def opened(bus: hutong.Bus, event: hutong.Event, routing: Routing, key: bytes) -> Opened:
    """What the rules of ``routing`` ask of a complaint that this organisation filed; nothing of any other event.

    A field whose key is not held here (it was erased, or sealed on another machine and has not come) is read as empty:
    such a ticket is dispatched rather than kept waiting for a comparison.
    """
    if not isinstance(event.data, Filed) or event.source != bus.organisation or event.refusal is not None:
        return Opened()
    rule = routing.repeats
    wordy = any(line.words for line in routing.urgency)
    return Opened(
        caller=keyed(key, "caller", _content(bus, event, "identity"), rule.caller) if rule and rule.caller else None,
        place=keyed(key, "place", _content(bus, event, "place"), rule.place) if rule and rule.place else None,
        narrative=" ".join(_texts(_content(bus, event, "narrative"))) if wordy else "",
    )


def _content(bus: hutong.Bus, event: hutong.Event, field: str) -> object:
    try:
        return bus.unseal(event, field)
    except (hutong.KeyPending, hutong.InvalidEvent):
        return None


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        yield from (value for value in content.values() if isinstance(value, str))
