"""Every reason to refuse a submission, each decided by itself: does it hold at this place?

A ledger entry must have none, a refusal must have the one it gives. A refusal says neither when nor by which
directory it was judged; its neighbours on the ledger bound both, so its reason must hold somewhere between.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from hutong.errors import InvalidEvent
from hutong.events.complaint import Amended, Filed, Merged, Repeat
from hutong.events.disposition import AssistRequested, Dispatched, ExtensionDecided
from hutong.transport.partition import partition_of
from hutong.wire.signing import Verifier
from tests.checker.records import Reading
from tests.checker.register import Register, Standing
from tests.checker.tables import Tables
from tests.checker.tickets import Ticket, objections, sealed_under_a_dead_key

_MINUTE = 60_000
_AHEAD, _BACK = 5 * _MINUTE, 7 * 24 * 60 * _MINUTE
_LARGEST = 256 * 1024
_TICKET = re.compile(r"(.+)-(\d{8})-[0-9A-HJKMNP-TV-Z]{10}")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What does not change from event to event."""

    city: str
    partitions: int
    register: Register
    tables: Tables
    verifier: Verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an outcome stands: after which ticket state, within which times (Unix ms), by which directory number.

    ``used``: the identity is on the ledger already.
    """

    partition: int
    number: int
    early_ms: float
    late_ms: float
    ticket: Ticket | None
    used: bool


Fault = Callable[[Reading, Place, World], bool]


def under(city: str, organisation: str) -> bool:
    """Whether an organisation's id lies under the city's prefix: 110105.water under 110000, nyc.dep under nyc."""
    division = organisation.split(".", 1)[0]
    if city.isdecimal() and division.isdecimal():
        return len(division) >= len(city) and division.startswith(re.sub(r"(00)+$", "", city))
    return division == city


def names_ticket(text: str, city: str) -> bool:
    """Whether ``text`` is a ticket id of the city."""
    match = _TICKET.fullmatch(text)
    if match is None or match[1] != city:
        return False
    try:
        date(int(match[2][:4]), int(match[2][4:6]), int(match[2][6:]))
    except ValueError:
        return False
    return True


def proven(reading: Reading, number: int, world: World) -> bool:
    """Whether source and signature hold by the directory of that number."""
    standing = world.register.at(reading.source, number)
    if standing is None or standing.revoked or not under(world.city, reading.source):
        return False
    return _signed(reading, standing, world)


def _signed(reading: Reading, standing: Standing, world: World) -> bool:
    key = standing.keys.get(reading.signature.key_id) if reading.signature else None
    if key is None or reading.signature is None:
        return False
    try:
        world.verifier.verify(key, reading.signature, reading.fingerprint)
    except InvalidEvent:
        return False
    return True


def _standing(condition: Callable[[Reading, Standing | None, World], bool]) -> Fault:
    return lambda reading, place, world: condition(reading, world.register.at(reading.source, place.number), world)


def _header(code: str) -> Fault:
    return lambda reading, place, world: reading.header_fault == code


def _value(code: str) -> Fault:
    return lambda reading, place, world: reading.value_fault == code


def _step(code: str) -> Fault:
    def holds(reading: Reading, place: Place, world: World) -> bool:
        data, author = reading.data, reading.source
        return data is not None and code in objections(
            world.tables, world.register, place.ticket, data, author, place.number
        )

    return holds


def _bad_signature(reading: Reading, standing: Standing | None, world: World) -> bool:
    if reading.signature is None:
        return reading.submission.header("signature") is not None
    known = standing is not None and reading.signature.key_id in standing.keys
    return known and standing is not None and not _signed(reading, standing, world)


def _unknown_key(reading: Reading, standing: Standing | None, world: World) -> bool:
    return standing is not None and reading.signature is not None and reading.signature.key_id not in standing.keys


def _time(reading: Reading) -> float | None:
    return reading.attributes.time.timestamp() * 1000 if reading.attributes else None


def _ahead(reading: Reading, place: Place, world: World) -> bool:
    time = _time(reading)
    return time is not None and time > place.early_ms + _AHEAD


def _past(reading: Reading, place: Place, world: World) -> bool:
    time = _time(reading)
    backfills = "backfill" in world.register.rights(reading.source, place.number)
    return time is not None and time < place.late_ms - _BACK and not backfills


def _wrong_type(reading: Reading, place: Place, world: World) -> bool:
    if reading.data is None or reading.attributes is None:
        return False
    return reading.attributes.type != reading.data.TYPE


def _unknown_unit(reading: Reading, place: Place, world: World) -> bool:
    match reading.data:
        case Dispatched(lead=lead, assistants=others):
            named = (lead, *others)
        case AssistRequested(units=others):
            named = others
        case _:
            return False
    units = (world.register.at(name, place.number) for name in named)
    return any(standing is None or standing.revoked for standing in units)


def _unknown_category(reading: Reading, place: Place, world: World) -> bool:
    known = world.tables.categories
    return isinstance(reading.data, Filed) and known is not None and reading.data.category not in known


def _unknown_area(reading: Reading, place: Place, world: World) -> bool:
    known = world.tables.areas
    return isinstance(reading.data, Filed) and known is not None and reading.data.area not in known


def _bad_merge(reading: Reading, place: Place, world: World) -> bool:
    match reading.data:
        case Merged(into=into):
            other, filed_ms = into, None
        case Amended(repeat=Repeat(ticket=ticket, filed=filed)):
            other, filed_ms = ticket, round(filed.timestamp() * 1000)
        case _:
            return False
    mine, theirs = _TICKET.fullmatch(_subject(reading)), _TICKET.fullmatch(other)
    if mine is None or theirs is None or mine[0] == theirs[0] or mine[1] != theirs[1]:
        return True
    if filed_ms is None:
        return theirs[2] > mine[2]
    return place.ticket is not None and filed_ms <= place.ticket.filed_ms


def _says_too_little(reading: Reading, place: Place, world: World) -> bool:
    match reading.data:
        case AssistRequested(units=units):
            return not units
        case ExtensionDecided(decision=decision, until=until):
            return decision.value == "granted" and until is None
    return False


def _subject(reading: Reading) -> str:
    return (reading.submission.header("ce_subject") or b"").decode("ascii", "replace")


def _stale_key(reading: Reading, place: Place, world: World) -> bool:
    if reading.data is None or not world.register.holders("custody", place.number):
        return False
    return sealed_under_a_dead_key(place.ticket, reading.data)


FAULTS: Mapping[str, Mapping[str, Fault]] = {
    "author": {
        "missing_signature": lambda reading, place, world: reading.submission.header("signature") is None,
        "bad_signature": _standing(_bad_signature),
        "foreign_author": lambda reading, place, world: not under(world.city, reading.source),
        "unknown_organisation": _standing(lambda reading, standing, world: standing is None),
        "revoked_organisation": _standing(lambda reading, standing, world: standing is not None and standing.revoked),
        "unknown_key": _standing(_unknown_key),
    },
    "well_formed": {
        "too_large": lambda reading, place, world: reading.submission.size > _LARGEST,
        **{
            code: _header(code)
            for code in ("reserved_header", "unknown_header", "repeated_header", "missing_header", "bad_header")
        },
        **{code: _value(code) for code in ("undecodable", "unknown_schema")},
        "invalid_data": lambda reading, place, world: (
            reading.value_fault == "invalid_data" or _says_too_little(reading, place, world)
        ),
        "wrong_key": lambda reading, place, world: reading.submission.key != _subject(reading).encode(),
        "wrong_partition": lambda reading, place, world: (
            partition_of(reading.submission.key or b"", world.partitions) != place.partition
        ),
        "bad_ticket": lambda reading, place, world: not names_ticket(_subject(reading), world.city),
        "time_ahead": _ahead,
        "time_past": _past,
        "wrong_type": _wrong_type,
        "unknown_unit": _unknown_unit,
        "unknown_category": _unknown_category,
        "unknown_area": _unknown_area,
        "bad_merge": _bad_merge,
    },
    "lifecycle": {
        code: _step(code) for code in ("unknown_type", "unknown_ticket", "not_entitled", "superseded", "not_allowed")
    },
    "sealing": {"stale_key": _stale_key},
    "duplicate": {"already_admitted": lambda reading, place, world: place.used},
}
"""Rule that an entry with this fault breaks → code of the fault → whether it holds."""

BY_CODE: Mapping[str, Fault] = {code: fault for faults in FAULTS.values() for code, fault in faults.items()}

BEFORE_ITS_PLACE = frozenset(
    {"too_large", "wrong_key", "wrong_partition", *FAULTS["author"]}
    | {code for code in FAULTS["well_formed"] if code.endswith("_header")}
)
"""Reasons that say the record is not its author's, not whole, or not where it belongs: they bind nobody."""


def passing(code: str) -> bool:
    """Whether a reason can pass with time, so that it must not bind."""
    return code.startswith("unknown_") or code in {"time_ahead", "time_past", "not_entitled"}


def faults(reading: Reading, place: Place, world: World) -> Iterator[tuple[str, str]]:
    """Rule and code of every fault that holds at this very place."""
    for rule, group in FAULTS.items():
        for code, fault in group.items():
            if fault(reading, place, world):
                yield rule, code
