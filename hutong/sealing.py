"""Sealed fields: personal data encrypted under a key of its ticket (suite 1: AES-256-GCM).

A ticket has one data key per class (``identity``, ``content``). The signature covers the ciphertext, so destroying
the key erases the data and leaves every proof valid (ADR 0005).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hutong.errors import InvalidEvent, KeyErased, KeyPending
from hutong.events import EventData
from hutong.events.sealed import Clear, KeyClass, Sealed

Data = TypeVar("Data", bound=EventData)

SUITE = 1
KEY_BYTES = 32
NONCE_BYTES = 12
BUCKETS = (128, 256, 512, 1024)
"""Bytes an ``identity`` is padded to, so its length says nothing; above, to the next multiple of the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """A ticket's key of one class. ``id`` is the first 16 bytes of SHA-256 of the key."""

    key: bytes = field(repr=False)

    @property
    def id(self) -> bytes:
        return sha256(self.key).digest()[:16]

    @classmethod
    def mint(cls) -> DataKey:
        """A fresh random key."""
        return cls(key=secrets.token_bytes(KEY_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A key that was made here for the event with the id ``event``."""

    event: str
    ticket: str
    key_class: KeyClass
    key: DataKey


class KeyStore(Protocol):
    """Where an organisation keeps the ticket keys it holds. Whatever changes it stands inside ``batch()``, which
    :meth:`handed` opens by itself."""

    def current(self, ticket: str, key_class: KeyClass) -> DataKey | None:
        """The key that new fields of this ticket and class are sealed under."""

    def get(self, key_id: bytes) -> DataKey | None:
        """The key with this id, current or older."""

    def put(self, ticket: str, key_class: KeyClass, key: DataKey) -> None:
        """Make ``key`` the current one."""

    def mint(self, event: str, ticket: str, key_class: KeyClass, *, current: bool) -> DataKey:
        """The key made for this event, the same however often; one that is not ``current`` opens, and becomes the
        current one when the custodian releases it: the event may be refused."""

    def unhanded(self) -> Sequence[Minted]:
        """Minted keys of which it is not noted that the custodian has them."""

    def handed(self, keys: Iterable[Minted]) -> None:
        """The custodian has them. Raises Unavailable where that cannot be written down."""

    def release(self, ticket: str, key_class: KeyClass, key: DataKey, number: int) -> None:
        """The custodian released ``key``, which stands at ``number`` among those of its ticket and class."""

    def erase(self, key_id: bytes, ticket: str | None = None, key_class: KeyClass | None = None) -> None:
        """Destroy the key and remember that; with ticket and class nothing more is sealed for them either."""

    def is_erased(self, key_id: bytes) -> bool:
        """Whether it was erased, held here before or not."""

    def class_erased(self, ticket: str, key_class: KeyClass) -> bool:
        """Whether a key of this ticket and class was erased: then all were."""

    def position(self, topic: str) -> int:
        """How far the topic of released keys was read."""

    def move(self, topic: str, offset: int) -> None:
        """It was read up to there."""

    def batch(self) -> AbstractContextManager[None]:
        """What is put inside the block is durable when the block ends, or was never put."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sealed field stands; bound into the ciphertext, so it opens nowhere else."""

    ticket: str
    source: str
    type: str
    event_id: str
    field: str

    def associated_data(self) -> bytes:
        parts = (self.ticket, self.source, self.type, self.event_id, self.field)
        return b"".join(len(raw).to_bytes(4, "big") + raw for raw in (part.encode() for part in parts))


def seal(content: Clear, key: DataKey, place: Place, key_class: KeyClass) -> Sealed:
    """Encrypt ``content`` (as JSON, length-prefixed, an identity padded to :data:`BUCKETS`) for its place."""
    text = json.dumps(content.value, ensure_ascii=False, separators=(",", ":")).encode()
    plain = len(text).to_bytes(4, "big") + text
    if key_class == "identity":
        bucket = next((size for size in BUCKETS if size >= len(plain)), -(-len(plain) // BUCKETS[-1]) * BUCKETS[-1])
        plain = plain.ljust(bucket, b"\x00")
    nonce = secrets.token_bytes(NONCE_BYTES)
    ciphertext = AESGCM(key.key).encrypt(nonce, plain, place.associated_data())
    return Sealed(suite=SUITE, key_id=key.id, nonce=nonce, ciphertext=ciphertext)


def unseal(sealed: Sealed, keys: KeyStore, place: Place) -> object:
    """The JSON value that was sealed.

    Raises:
        KeyPending: the key is not in ``keys`` (it may come later). KeyErased: it never will.
        InvalidEvent: ``bad_seal``: another suite, altered bytes, a field moved from another place, or no JSON in it.
    """
    if sealed.suite != SUITE:
        raise InvalidEvent("bad_seal", f"sealing suite {sealed.suite} is not known here")
    key = keys.get(sealed.key_id)
    if key is None and keys.is_erased(sealed.key_id):
        raise KeyErased(f"{place.field} of {place.ticket} was erased with its key {sealed.key_id.hex()}")
    if key is None:
        raise KeyPending(f"{place.field} of {place.ticket} is sealed under key {sealed.key_id.hex()}, not held here")
    try:
        plain = AESGCM(key.key).decrypt(sealed.nonce, sealed.ciphertext, place.associated_data())
    except (InvalidTag, ValueError):
        raise InvalidEvent("bad_seal", f"{place.field} of {place.ticket} does not open: altered, or moved") from None
    try:
        value: object = json.loads(plain[4 : 4 + int.from_bytes(plain[:4], "big")])
    except (ValueError, RecursionError):
        raise InvalidEvent("bad_seal", f"{place.field} of {place.ticket} opens, but holds no JSON") from None
    return value


def own_key(keys: KeyStore, ticket: str) -> Callable[[KeyClass], DataKey]:
    """Gives the ticket's current key of a class; a key is minted where there is none yet."""

    def key_of(key_class: KeyClass) -> DataKey:
        key = keys.current(ticket, key_class)
        if key is None:
            key = DataKey.mint()
            keys.put(ticket, key_class, key)
        return key

    return key_of


def seal_fields(data: Data, key_of: Callable[[KeyClass], DataKey], *, ticket: str, source: str, event_id: str) -> Data:
    """``data`` with every :class:`Clear` field sealed under the key that ``key_of`` gives for its class."""
    sealed: dict[str, Sealed] = {}
    for name, key_class in clear_fields(data).items():
        place = Place(ticket=ticket, source=source, type=data.TYPE, event_id=event_id, field=name)
        sealed[name] = seal(getattr(data, name), key_of(key_class), place, key_class)
    return data.model_copy(update=sealed) if sealed else data


def clear_fields(data: EventData) -> dict[str, KeyClass]:
    """The fields that are to be sealed, with their classes."""
    return {name: kind for name, kind in data.sealed_fields().items() if isinstance(getattr(data, name), Clear)}
