"""A submission: an event as its author signed it, in CloudEvents 1.0 Kafka binary mode.

The author's headers, the key and the value are signed and never re-encoded. The leaf hash over them is the event's
**fingerprint**; ``(source, subject, id)`` is its **identity**. ``docs/wire.md`` describes the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from hutong.errors import InvalidEvent
from hutong.transport import Header
from hutong.wire.merkle import leaf_hash

Environment = Literal["test", "production"]

Identity = tuple[bytes, bytes, bytes]
"""Source, subject and id of an event, in ASCII."""

CONTENT_TYPE = "application/vnd.hutong.avro"
MAX_EVENT_BYTES = 256 * 1024
"""Key, value and headers together (design: an author's event is at most 256 KiB)."""

SIGNATURE = "signature"
REQUIRED = ("ce_id", "ce_source", "ce_specversion", "ce_subject", "ce_time", "ce_type", "content-type")
OPTIONAL = ("ce_causationid", "ce_traceparent")
RESERVED = frozenset({"submission", "ledger", "audience", "category", "area", "refusal", "delivery", "hop"})
"""Written by admit, deliver and relay alone; an author who supplies one is refused."""

_AUTHORS = frozenset((*REQUIRED, *OPTIONAL))
_TIME = re.compile(r"\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)  # some Pythons know an hour 24
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_CAUSATION = re.compile(r"[0-9a-f]{64}")
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def label(environment: Environment) -> bytes:
    """What opens every signed text: the format's version and the environment, so a test event is never valid in
    production."""
    return b"hutong/1/" + environment.encode("ascii") + b"\x00"


def is_event_id(text: str) -> bool:
    """Whether a text has the form of an event's id, ``ce_id``."""
    return _ID.fullmatch(text) is not None


def format_time(time: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: ``2026-01-31T08:00:00.000Z``. ``time`` must be aware."""
    if time.tzinfo is None:
        raise ValueError("a time without a zone cannot be put on the wire")
    return time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_time(text: str) -> datetime:
    """The aware UTC time of ``format_time``'s text.

    Raises:
        ValueError: the text has another form or names no real time.
    """
    if not _TIME.fullmatch(text):
        raise ValueError(f"not RFC 3339 UTC with milliseconds: {text!r}")
    return datetime.fromisoformat(text[:-1] + "+00:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """The author's CloudEvents attributes. ``causation`` is the hex fingerprint of the event this one answers."""

    id: str
    source: str
    type: str
    time: datetime
    subject: str
    causation: str | None = None
    traceparent: str | None = None

    def headers(self) -> tuple[Header, ...]:
        """The author's headers, sorted by name bytes, as they are signed and sent."""
        pairs = {
            "ce_id": self.id,
            "ce_source": self.source,
            "ce_specversion": "1.0",
            "ce_subject": self.subject,
            "ce_time": format_time(self.time),
            "ce_type": self.type,
            "content-type": CONTENT_TYPE,
        }
        if self.causation is not None:
            pairs["ce_causationid"] = self.causation
        if self.traceparent is not None:
            pairs["ce_traceparent"] = self.traceparent
        return tuple((name, pairs[name].encode()) for name in sorted(pairs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A record as it stands on ``submissions``: whatever somebody wrote there, not yet believed.

    ``headers`` are all headers in the order of the record. Nothing here is validated until ``attributes()``.
    """

    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]

    @property
    def size(self) -> int:
        """Bytes of key, value and headers together."""
        parts = sum(len(name.encode()) + len(value) for name, value in self.headers)
        return parts + len(self.key or b"") + len(self.value or b"")

    def fingerprint(self, environment: Environment) -> bytes:
        """The leaf hash over the author's part: 32 bytes, the same however the event is signed or batched.

        Defined for every record, even one that is no valid event, so that each can be named.
        """
        names = sorted((name.encode(), value) for name, value in self.headers if name != SIGNATURE)
        parts = [label(environment), len(names).to_bytes(4, "big")]
        for name, value in names:
            parts += (len(name).to_bytes(4, "big"), name, len(value).to_bytes(4, "big"), value)
        for content in (self.key or b"", self.value or b""):
            parts += (len(content).to_bytes(4, "big"), content)
        return leaf_hash(b"".join(parts))

    def header(self, name: str) -> bytes | None:
        """The value of the first header of that name."""
        for found, value in self.headers:
            if found == name:
                return value
        return None

    def identity(self) -> Identity:
        """Source, subject and id as they stand in the headers, empty where one is missing; proves nothing."""
        found = dict(self.headers)
        return found.get("ce_source", b""), found.get("ce_subject", b""), found.get("ce_id", b"")

    def source(self) -> str | None:
        """Who the record says it is from, or None where that cannot be read; proves nothing."""
        raw = self.header("ce_source")
        try:
            return None if raw is None else raw.decode("ascii")
        except UnicodeDecodeError:
            return None

    def attributes(self) -> Attributes:
        """The author's attributes.

        Raises:
            InvalidEvent: ``reserved_header``, ``unknown_header``, ``repeated_header``, ``missing_header`` or
                ``bad_header``, naming the header.
        """
        return read_attributes(self.headers)


def read_attributes(headers: Sequence[Header]) -> Attributes:
    """Strictly read the author's headers of a record; see :meth:`Submission.attributes`."""
    found: dict[str, str] = {}
    signatures = 0
    for name, raw in headers:
        if name == SIGNATURE:
            signatures += 1
            continue
        if name in RESERVED:
            raise InvalidEvent("reserved_header", f"header {name!r} is written by the city, never by an author")
        if name not in _AUTHORS:
            raise InvalidEvent("unknown_header", f"header {name!r} is not part of the format")
        if name in found:
            raise InvalidEvent("repeated_header", f"header {name!r} stands more than once")
        try:
            found[name] = raw.decode("ascii")
        except UnicodeDecodeError:
            raise InvalidEvent("bad_header", f"header {name!r} is not ASCII text") from None
    if signatures > 1:
        raise InvalidEvent("repeated_header", "header 'signature' stands more than once")
    for name in REQUIRED:
        if name not in found:
            raise InvalidEvent("missing_header", f"header {name!r} is missing")
    _check("ce_specversion", found["ce_specversion"] == "1.0", found)
    _check("content-type", found["content-type"] == CONTENT_TYPE, found)
    _check("ce_id", is_event_id(found["ce_id"]), found)
    causation, trace = found.get("ce_causationid"), found.get("ce_traceparent")
    _check("ce_causationid", causation is None or _CAUSATION.fullmatch(causation) is not None, found)
    _check("ce_traceparent", trace is None or _TRACE.fullmatch(trace) is not None, found)
    try:
        time = parse_time(found["ce_time"])
    except ValueError as error:
        raise InvalidEvent("bad_header", f"header 'ce_time': {error}") from None
    return Attributes(
        id=found["ce_id"],
        source=found["ce_source"],
        type=found["ce_type"],
        time=time,
        subject=found["ce_subject"],
        causation=causation,
        traceparent=trace,
    )


def _check(name: str, holds: bool, found: dict[str, str]) -> None:
    if not holds:
        raise InvalidEvent("bad_header", f"header {name!r} has the value {found[name][:80]!r}")
