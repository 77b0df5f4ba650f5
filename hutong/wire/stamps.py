"""What the city writes beside an author's event: admit's and deliver's headers.

All are binary, integers big-endian, texts UTF-8 with a u16 length. ``docs/wire.md`` has the layouts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

from hutong.errors import InvalidEvent
from hutong.transport import Header

Stream = Literal["ledger", "refusals"]
STREAMS: tuple[Stream, ...] = ("ledger", "refusals")

MAX_KEPT_BYTES = 1_500_000
"""How large a refused record may be, packed, to be kept whole; the topic takes 2 MiB."""

MAX_KEPT_HEADERS = 100
"""How many headers a refused record may have, to be kept whole: a reader takes 128, and the city adds its own."""

_SUBMISSION = struct.Struct(">IIQ")
_LEDGER = struct.Struct(">IIQQQ32s")
_DELIVERY = struct.Struct(">BIQ")
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionStamp:
    """Header ``submission``: where the submission stood. A new generation is an operator's decision."""

    generation: int
    partition: int
    offset: int

    def to_bytes(self) -> bytes:
        """16 bytes: u32 generation, u32 partition, u64 offset."""
        return _SUBMISSION.pack(self.generation, self.partition, self.offset)

    @classmethod
    def from_bytes(cls, data: bytes) -> SubmissionStamp:
        """Read the header. Raises InvalidEvent ``bad_stamp``."""
        generation, partition, offset = _unpack(_SUBMISSION, data, "submission")
        return cls(generation=generation, partition=partition, offset=offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerStamp:
    """Header ``ledger``: an entry's place in the city's record.

    ``sequence`` counts from 1 without gaps within a partition, ``admitted_ms`` (Unix, milliseconds) never decreases,
    ``directory`` is the number of the directory event that admission was judged by.
    """

    generation: int
    partition: int
    sequence: int
    admitted_ms: int
    directory: int
    audience_hash: bytes

    @property
    def admitted(self) -> datetime:
        """When the event was admitted, aware UTC."""
        return datetime.fromtimestamp(self.admitted_ms / 1000, UTC)

    def to_bytes(self) -> bytes:
        """64 bytes: u32 generation, u32 partition, u64 sequence, u64 admitted, u64 directory, 32 bytes hash."""
        return _LEDGER.pack(
            self.generation, self.partition, self.sequence, self.admitted_ms, self.directory, self.audience_hash
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> LedgerStamp:
        """Read the header. Raises InvalidEvent ``bad_stamp``."""
        generation, partition, sequence, admitted, directory, audience = _unpack(_LEDGER, data, "ledger")
        return cls(
            generation=generation,
            partition=partition,
            sequence=sequence,
            admitted_ms=admitted,
            directory=directory,
            audience_hash=audience,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceStamp:
    """Header ``audience``: who may see an entry. It stays on the ledger; deliveries carry only its salted hash.

    ``participants`` get the ticket's whole history and never leave it; ``matches`` (standing agreements) get this
    event alone. ``salt`` is 16 random bytes.
    """

    salt: bytes
    participants: tuple[str, ...]
    matches: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """16 bytes salt, then two lists: u16 count, then each id with a u16 length."""
        return self.salt + _texts(self.participants) + _texts(self.matches)

    def hash(self) -> bytes:
        """SHA-256 of the header's bytes."""
        return sha256(self.to_bytes()).digest()

    @classmethod
    def from_bytes(cls, data: bytes) -> AudienceStamp:
        """Read the header. Raises InvalidEvent ``bad_stamp``."""
        reader = _Reader(data, "audience")
        salt = reader.take(16)
        participants, matches = reader.texts(), reader.texts()
        reader.end()
        return cls(salt=salt, participants=participants, matches=matches)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalStamp:
    """Header ``refusal``: why a submission was not admitted.

    ``returned_to`` is the author where his signature and source held and he has not been told before, else empty.
    ``binding`` says that these bytes stay refused. ``cut`` says that the record was too large to be kept whole.
    """

    code: str
    text: str
    returned_to: str = ""
    binding: bool = False
    cut: bool = False

    def to_bytes(self) -> bytes:
        """u8 flags (1 binding, 2 cut), then code, text (UTF-8) and returned_to, each with a u16 length."""
        return bytes([self.binding | self.cut << 1]) + b"".join(
            _text(part) for part in (self.code, self.text, self.returned_to)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> RefusalStamp:
        """Read the header. Raises InvalidEvent ``bad_stamp``."""
        reader = _Reader(data, "refusal")
        flags = reader.take(1)[0]
        if flags > 3:
            raise InvalidEvent("bad_stamp", f"header 'refusal' has the unknown flags {flags}")
        code, text, returned_to = reader.text(), reader.text(), reader.text()
        reader.end()
        return cls(code=code, text=text, returned_to=returned_to, binding=bool(flags & 1), cut=bool(flags & 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStamp:
    """Header ``delivery``: ``n`` counts up by one per organisation, stream and partition of that stream."""

    stream: Stream
    partition: int
    n: int

    def to_bytes(self) -> bytes:
        """13 bytes: u8 stream (0 ledger, 1 refusals), u32 partition, u64 n."""
        return _DELIVERY.pack(STREAMS.index(self.stream), self.partition, self.n)

    @classmethod
    def from_bytes(cls, data: bytes) -> DeliveryStamp:
        """Read the header. Raises InvalidEvent ``bad_stamp``."""
        stream, partition, n = _unpack(_DELIVERY, data, "delivery")
        if stream >= len(STREAMS):
            raise InvalidEvent("bad_stamp", f"header 'delivery' names the unknown stream {stream}")
        return cls(stream=STREAMS[stream], partition=partition, n=n)


def pack_record(key: bytes | None, value: bytes | None, headers: Sequence[Header]) -> bytes:
    """A record kept whole in one value: key, value (each u8 present, u32 length), u32 count of headers, name and value.

    A header name that is not UTF-8 was escaped by the transport before anybody saw it.
    """
    parts = [_optional(key), _optional(value), _U32.pack(len(headers))]
    for name, content in headers:
        raw = name.encode()
        parts += (_U32.pack(len(raw)), raw, _U32.pack(len(content)), content)
    return b"".join(parts)


def kept_of_record(
    key: bytes | None, value: bytes | None, headers: Sequence[Header]
) -> tuple[bytes | None, bytes | None, tuple[Header, ...]]:
    """What a refusal keeps of a record: all of it, or the beginnings of its parts where it packs to over
    :data:`MAX_KEPT_BYTES` or has over :data:`MAX_KEPT_HEADERS`. A compressed record may be 200 times as large as the
    broker's limit for it.
    """
    packed = 14 + len(key or b"") + len(value or b"") + sum(8 + len(n.encode()) + len(v) for n, v in headers)
    if packed <= MAX_KEPT_BYTES and len(headers) <= MAX_KEPT_HEADERS:
        return key, value, tuple(headers)
    beginnings = tuple((name[:200], content[:1000]) for name, content in headers[:50])
    return key and key[:1000], value and value[:65_536], beginnings


def unpack_record(data: bytes) -> tuple[bytes | None, bytes | None, tuple[Header, ...]]:
    """Key, value and headers of :func:`pack_record`. Raises InvalidEvent ``bad_stamp``."""
    reader = _Reader(data, "refusal value")
    key, value = reader.optional(), reader.optional()
    headers = []
    for _ in range(reader.u32()):
        name = reader.take(reader.u32()).decode("utf-8", "replace")
        headers.append((name, reader.take(reader.u32())))
    reader.end()
    return key, value, tuple(headers)


def _unpack(layout: struct.Struct, data: bytes, name: str) -> tuple[Any, ...]:
    if len(data) != layout.size:
        raise InvalidEvent("bad_stamp", f"header {name!r} has {len(data)} bytes, not {layout.size}")
    return layout.unpack(data)


def _text(text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    return _U16.pack(len(raw)) + raw


def _texts(texts: Iterable[str]) -> bytes:
    parts = [_text(text) for text in texts]
    return _U16.pack(len(parts)) + b"".join(parts)


def _optional(content: bytes | None) -> bytes:
    return b"\x00" if content is None else b"\x01" + _U32.pack(len(content)) + content


class _Reader:
    """Takes length-prefixed parts off a header, and raises InvalidEvent where they do not fit."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name
        self._at = 0

    def take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise InvalidEvent("bad_stamp", f"{self._name} ends at byte {len(self._data)}, in the middle of a part")
        self._at += count
        return part

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def optional(self) -> bytes | None:
        return self.take(self.u32()) if self.take(1) == b"\x01" else None

    def text(self) -> str:
        return self.take(int.from_bytes(self.take(2), "big")).decode("utf-8", "replace")

    def texts(self) -> tuple[str, ...]:
        return tuple(self.text() for _ in range(int.from_bytes(self.take(2), "big")))

    def end(self) -> None:
        if self._at != len(self._data):
            raise InvalidEvent("bad_stamp", f"{self._name} has {len(self._data) - self._at} bytes left over")
