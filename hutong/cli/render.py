"""An event as JSON, the same for every command, and what is safe and readable on a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from hutong.cli.texts import say
from hutong.shown import clean as clean
from hutong.shown import escaped

if TYPE_CHECKING:
    from hutong.client import Bus
    from hutong.event import Event
    from hutong.wire.stamps import RefusalStamp


def line(value: Mapping[str, Any]) -> str:
    """One JSON object on one line, 中文 as it is, everything invisible escaped."""
    return escaped(json.dumps(value, ensure_ascii=False))


def event_json(event: Event, bus: Bus | None = None) -> dict[str, Any]:
    """The event as JSON values; the form that ``subscribe``, ``replay`` and ``ticket show`` share.

    A sealed field is ``{"sealed": <key id>}``; with ``bus``, its content where the organisation holds the key, and
    ``{"erased": <key id>}`` where that was destroyed. Hashes
    and key ids are hex, times RFC 3339 in UTC with milliseconds. ``ledger`` is null for a refusal, ``refusal`` for
    what was admitted, ``delivery`` on the ledger itself.
    """
    ledger, delivery, refusal = event.ledger, event.delivery, event.refusal
    return {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "ticket": event.ticket,
        "time": utc(event.time),
        "causation": event.causation,
        "fingerprint": event.fingerprint.hex(),
        "data": data_json(event, bus),
        "category": event.category,
        "area": event.area,
        "ledger": ledger
        and {
            "generation": ledger.generation,
            "partition": ledger.partition,
            "sequence": ledger.sequence,
            "admitted": utc(ledger.admitted),
            "directory": ledger.directory,
        },
        "delivery": delivery and {"stream": delivery.stream, "partition": delivery.partition, "n": delivery.n},
        "refusal": refusal and {"code": refusal.code, "text": refusal.text},
        "position": str(event.position),
    }


def data_json(event: Event, bus: Bus | None) -> dict[str, Any]:
    """The event's data; see :func:`event_json` for sealed fields."""
    plain = event.data.model_dump(mode="json")
    return plain | {
        field: seal_json(event, field, bus) for field in event.data.sealed_fields() if plain[field] is not None
    }


def seal_json(event: Event, field: str, bus: Bus | None) -> Any:
    """A sealed field's content where ``bus`` holds its key, else ``{"sealed": <key id>}``; or ``{"erased": <key id>}``
    where that was destroyed."""
    from hutong.errors import InvalidEvent, KeyErased, KeyPending

    shut = {"sealed": getattr(event.data, field).key_id.hex()}
    if bus is None:
        return shut
    try:
        return bus.unseal(event, field)
    except KeyPending:
        return shut
    except KeyErased:
        return {"erased": shut["sealed"]}
    except InvalidEvent as error:
        return shut | {"error": error.code}


def refused_as(refusal: RefusalStamp) -> Literal["refused", "admitted_before"]:
    """What a refusal means to its author: the code ``already_admitted`` is a success."""
    return "admitted_before" if refusal.code == "already_admitted" else "refused"


def utc(time: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    from hutong.wire.envelope import format_time

    return None if time is None else format_time(time)


def local(time: datetime, zone: ZoneInfo, form: str) -> str:
    """The time in a zone, as ``strftime`` forms it. One at the end of all years (an author may name it) stays UTC."""
    try:
        return f"{time.astimezone(zone):{form}}"
    except OverflowError:
        return f"{time:{form}}"


def span(time: timedelta) -> str:
    """A length of time in its two largest units: ``2 d 3 h``, ``4 min 10 s``, ``0 s``."""
    seconds = round(time.total_seconds())
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(say(f"unit.{unit}", count=count))
        elif parts:
            break  # 2 d, not 2 d 5 s
    return sign + " ".join(parts[:2] or [say("unit.s", count=0)])
