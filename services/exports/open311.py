"""Open311 GeoReport v2: the service requests of a ``GET /requests.json``, each as a row.

https://wiki.open311.org/GeoReport_v2. The answer is one array of objects; it is read as a stream, never held whole.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Set
from decimal import Decimal
from typing import Any

import ijson  # type: ignore[import-untyped]
from ijson.common import ObjectBuilder  # type: ignore[import-untyped]

import hutong
from services.exports.opening import TORN, Opened
from services.exports.rows import BadRow, Row

FIELDS = frozenset({
    "service_request_id", "token", "status", "status_notes", "service_name", "service_code", "description",
    "agency_responsible", "service_notice", "requested_datetime", "updated_datetime", "expected_datetime", "address",
    "address_id", "zipcode", "lat", "long", "media_url",
    # a request's author, as POST /requests takes it; some cities give it back to their own systems
    "email", "phone", "first_name", "last_name", "device_id", "account_id", "jurisdiction_id",
})  # fmt: skip
"""The fields of the specification. Others are extensions, which a mapping must name as such."""

DEPTH = 16
"""How deep a request may be nested; no city's is deeper than three."""


def read_requests(file: Opened, name: str, columns: Set[str]) -> Iterator[Row | BadRow]:
    """Every request of the array in order; ``line`` is its number in the array, from 1. Its cells are the fields that
    ``columns`` names, as text (null, a list, or not there: empty); those of an object in it by ``object.field``.

    Raises:
        SettingsError: the file holds no array, or is no JSON from some place on. What is before was given.
    """
    number = 0
    try:
        if file.head.startswith(BOM_UTF8):
            file.read(len(BOM_UTF8))
        # Unbuffered: a buffer loses what it has read of a file that breaks off.
        events: Iterator[tuple[str, Any]] = ijson.basic_parse(file)
        if next(events)[0] != "start_array":
            raise hutong.SettingsError(f"{name} holds no array of service requests, as GET /requests.json gives it")
        for event, value in events:
            if event != "end_array":  # of the array itself: only white space may follow
                item = _item(event, value, events)
                number += 1
                yield _row(number, item, columns)
    except (ijson.JSONError, *TORN):  # its text shows what stands there, which may be a citizen's words
        place = f"behind request {number}" if number else "at its beginning"
        raise hutong.SettingsError(
            f"{name} is no JSON {place}: is it whole? Fetch it again, then give it again"
        ) from None


def _item(event: str, value: Any, events: Iterator[tuple[str, Any]]) -> Any:
    """The item of the array that begins with ``event``; None for one that is nested too deep."""
    builder, depth, deepest = ObjectBuilder(), 0, 0
    while True:
        depth += event in ("start_map", "start_array")
        deepest = max(depth, deepest)
        if deepest <= DEPTH:
            builder.event(event, value)
        depth -= event in ("end_map", "end_array")
        if depth == 0:
            return builder.value if deepest <= DEPTH else None
        event, value = next(events)


def _row(number: int, item: Any, columns: Set[str]) -> Row | BadRow:
    if not isinstance(item, dict):
        return BadRow(number, "", "", f"no service request: no JSON object, or one nested over {DEPTH} deep")
    return Row(number, {column: _text(_field(item, column)) for column in columns})


def _field(item: Mapping[str, Any], column: str) -> Any:
    outer, _, inner = column.partition(".")
    value = item.get(outer)
    return (value.get(inner) if isinstance(value, dict) else None) if inner else value


def _text(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return value.strip()
        case int() | Decimal():
            return str(value)
    return ""  # null, or a list
