"""The checker's own reading of standing agreements: whom they show an entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hutong.events.directory import Agreement
from tests.checker.records import Entry
from tests.checker.register import Register
from tests.checker.tickets import Ticket

_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


def matches(register: Register, ticket: Ticket, entry: Entry) -> frozenset[str]:
    """Everybody whom an agreement shows the entry, by the directory and the time that its stamp names."""
    attributes = entry.reading.attributes
    if attributes is None:
        return frozenset()
    number, admitted = entry.ledger.directory, _BEGIN + timedelta(milliseconds=entry.ledger.admitted_ms)
    return frozenset(
        promise.agreement.recipient
        for promise in register.promises.values()
        if promise.since <= number < promise.ended
        and admitted < promise.agreement.until
        and _meant(promise.agreement, attributes.type, ticket)
    )


def _meant(agreement: Agreement, type_: str, ticket: Ticket) -> bool:
    category, area = ticket.one("category").split("/"), ticket.one("area")
    return (
        type_ in (agreement.types or [type_])
        and _listed(agreement.categories, [path for path in agreement.categories if _begins(category, path.split("/"))])
        and _listed(agreement.areas, [code for code in agreement.areas if _lies(area, code)])
    )


def _listed(named: Sequence[str], fitting: Sequence[str]) -> bool:
    return bool(fitting) or not named


def _begins(category: Sequence[str], path: Sequence[str]) -> bool:
    return list(category[: len(path)]) == list(path)


def _lies(area: str, code: str) -> bool:
    """Levels of GB/T 2260: two digits each for province, city and district (00: all of it), three for the street."""
    if not (area.isdigit() and code.isdigit()):
        return area == code
    own, levels = _levels(area), _levels(code)
    while len(levels) < 4 and levels and levels[-1] == "00":
        levels = levels[:-1]
    return area == code or (own[: len(levels)] == levels and len(area) >= len(code))


def _levels(code: str) -> list[str]:
    return [part for part in (code[:2], code[2:4], code[4:6], code[6:]) if part]
