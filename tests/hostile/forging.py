"""Making submissions, right and wrong: every part can be replaced before or after it is signed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hutong.transport import Header
from hutong.wire.envelope import SIGNATURE, Attributes, Submission
from hutong.wire.identity import derived_id, ticket_id
from hutong.wire.signing import Signer

CITY, WATER, HEAT, GONE = "110000", "110000.water", "110000.heat", "110000.gone"
_number = itertools.count()


def fresh_ticket(city: str = CITY) -> str:
    """A ticket id that was never used; the same in every run, by order."""
    return ticket_id(city, datetime(2026, 1, 31, tzinfo=UTC), "hostile", str(next(_number)))


@dataclass(frozen=True, kw_only=True)
class Wish:
    """An event to be signed by ``signer``; ``edit`` changes its headers before that."""

    value: bytes | None
    type: str = "complaint.filed.v1"
    source: str = CITY
    signer: str = CITY
    subject: str = field(default_factory=fresh_ticket)
    id: str = field(default_factory=lambda: derived_id("hostile", str(next(_number))))
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    key: bytes | str | None = "subject"
    edit: Callable[[tuple[Header, ...]], Sequence[Header]] = tuple

    def unsigned(self) -> Submission:
        """Key, value and headers as they will be signed."""
        made = Attributes(id=self.id, source=self.source, type=self.type, time=self.time, subject=self.subject)
        key = self.subject.encode() if isinstance(self.key, str) else self.key
        return Submission(key=key, value=self.value, headers=tuple(self.edit(made.headers())))


def put(name: str, content: bytes) -> Callable[[tuple[Header, ...]], Sequence[Header]]:
    """The header with another content, or one more where it is not there."""

    def edit(headers: tuple[Header, ...]) -> Sequence[Header]:
        there = any(found == name for found, _ in headers)
        changed = tuple((found, content if found == name else value) for found, value in headers)
        return changed if there else (*headers, (name, content))

    return edit


def drop(name: str) -> Callable[[tuple[Header, ...]], Sequence[Header]]:
    """Without this header."""
    return lambda headers: [header for header in headers if header[0] != name]


def add(*more: Header) -> Callable[[tuple[Header, ...]], Sequence[Header]]:
    """With these behind."""
    return lambda headers: [*headers, *more]


def sign(signer: Signer, *events: Submission) -> list[Submission]:
    """The events of one batch, signed."""
    signatures = signer.sign([event.fingerprint("test") for event in events])
    return [resigned(event, signature) for event, signature in zip(events, signatures, strict=True)]


def resigned(event: Submission, signature: bytes) -> Submission:
    """The event with this signature, whatever it had."""
    headers = tuple(header for header in event.headers if header[0] != SIGNATURE)
    return replace(event, headers=(*headers, (SIGNATURE, signature)))
