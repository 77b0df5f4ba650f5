"""Wrapped keys 密钥: a ticket's key on its way to one reader, on a topic ``keys.<reader>`` (``docs/wire.md``, "Keys").

HPKE (RFC 9180, base mode: X25519, HKDF-SHA256, AES-256-GCM) to the reader's sealing key of the directory; signed by
the sender as events are, under a label of its own. Ticket, class, key id, sender and reader are bound into both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from hutong.errors import InvalidEvent
from hutong.events.sealed import KeyClass
from hutong.rules.directory import Directory
from hutong.sealing import KEY_BYTES, DataKey
from hutong.transport import Outgoing, Record
from hutong.wire.envelope import SIGNATURE, Environment, is_event_id
from hutong.wire.identity import ticket_city
from hutong.wire.merkle import leaf_hash
from hutong.wire.signing import Signature, Signer, Verifier

TOPIC = "keys."
"""``keys.<reader>``."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_WRAPPED_BYTES = 32 + KEY_BYTES + 16
"""Encapsulated key, ciphertext, tag."""


def keys_label(environment: Environment) -> bytes:
    """What opens every signed or bound text of a wrapped key; never that of an event."""
    return b"hutong/keys/1/" + environment.encode("ascii") + b"\x00"


@lru_cache(maxsize=1024)  # the custodian asks at every release
def is_sealing_key(raw: bytes) -> bool:
    """Whether keys can be wrapped for this X25519 key: for one of low order they cannot (RFC 7748, section 6.1)."""
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(raw))
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyName:
    """Which key: ``<ticket>/<class>/<key id in hex>``, the record's key."""

    ticket: str
    key_class: KeyClass
    key_id: bytes

    def to_bytes(self) -> bytes:
        return f"{self.ticket}/{self.key_class}/{self.key_id.hex()}".encode()

    @classmethod
    def from_bytes(cls, raw: bytes | None) -> KeyName:
        """Read a record's key. Raises InvalidEvent ``bad_key``."""
        try:
            ticket, key_class, key_id = (raw or b"").decode("ascii").split("/")
            name = cls(ticket=ticket, key_class=_class(key_class), key_id=bytes.fromhex(key_id))
        except ValueError:
            raise InvalidEvent("bad_key", f"{(raw or b'')[:80]!r} names no ticket's key") from None
        if ticket_city(ticket) is None or len(name.key_id) != 16 or name.to_bytes() != raw:
            raise InvalidEvent("bad_key", f"{(raw or b'')[:80]!r} names no ticket's key")
        return name


def _class(text: str) -> KeyClass:
    for known in get_args(KeyClass):
        if known == text:
            found: KeyClass = known
            return found
    raise ValueError(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A key, or (``key`` is None) the word that it is erased. ``event`` is the id of the event that an author minted
    it for; ``number`` the key's place among those of its ticket and class, which the custodian gives (0: none yet)."""

    name: KeyName
    sender: str
    reader: str
    key: DataKey | None
    event: str = ""
    number: int = 0


class Wrapper:
    """Wraps and signs keys as one organisation."""

    def __init__(self, organisation: str, key: Ed25519PrivateKey, environment: Environment) -> None:
        self.organisation = organisation
        self._environment: Environment = environment
        self._signer = Signer(key, keys_label(environment))

    def records(self, letters: Sequence[Letter], directory: Directory) -> list[Outgoing]:
        """A record for each letter, one signature for all.

        Raises:
            InvalidEvent: ``no_sealing_key``: a reader has none in the directory, or one for which nothing can be
                wrapped (:func:`is_sealing_key`).
        """
        if not letters:
            return []
        values = [self._value(letter, directory) for letter in letters]
        leaves = [leaf(letter, value, self._environment) for letter, value in zip(letters, values, strict=True)]
        return [
            Outgoing(
                topic=TOPIC + letter.reader,
                key=letter.name.to_bytes(),
                value=value,
                headers=(
                    ("event", letter.event.encode()),
                    ("number", letter.number.to_bytes(8, "big")),
                    ("sender", letter.sender.encode()),
                    (SIGNATURE, signature),
                ),
                partition=0,
            )
            for letter, value, signature in zip(letters, values, self._signer.sign(leaves), strict=True)
        ]

    def _value(self, letter: Letter, directory: Directory) -> bytes | None:
        if letter.key is None:
            return None
        standing = directory.get(letter.reader)
        if standing is None or standing.revoked or standing.entry.sealing_key is None:
            raise InvalidEvent("no_sealing_key", f"{letter.reader} has no sealing key in the directory: register one")
        try:
            public = X25519PublicKey.from_public_bytes(standing.entry.sealing_key)
            return _SUITE.encrypt(letter.key.key, public, info=self._info(letter))
        except ValueError:
            raise InvalidEvent(
                "no_sealing_key", f"the sealing key of {letter.reader} in the directory is no X25519 key: change it"
            ) from None

    def _info(self, letter: Letter) -> bytes:
        return _info(letter.name, letter.sender, letter.reader, self._environment)


class Opener:
    """Reads what was wrapped for one organisation."""

    def __init__(self, organisation: str, key: X25519PrivateKey, environment: Environment) -> None:
        self._organisation = organisation
        self._key = key
        self._environment: Environment = environment
        self._verifier = Verifier(keys_label(environment))

    def open(self, record: Record, directory: Directory, *, right: str | None = None) -> Letter:
        """The letter in a record of ``keys.<organisation>``.

        Raises:
            InvalidEvent: it proves nothing: not well formed, not signed by a sender that stands in the directory (and
                holds ``right``), not for this reader, or not the key it is said to be.
        """
        name = KeyName.from_bytes(record.key)
        headers = dict(record.headers)
        if len(headers) != len(record.headers) or headers.keys() != {"event", "number", "sender", SIGNATURE}:
            raise InvalidEvent("bad_header", "headers must be event, number, sender and signature, each once")
        try:
            sender, event = headers["sender"].decode("ascii"), headers["event"].decode("ascii")
        except UnicodeDecodeError:
            raise InvalidEvent("bad_header", "sender or event is no ASCII text") from None
        if len(headers["number"]) != 8:
            raise InvalidEvent("bad_header", "number has 8 bytes")
        if event and not is_event_id(event):  # a database may refuse what is no such text
            raise InvalidEvent("bad_key", f"{event[:80]!r} is no event's id")
        letter = Letter(
            name=name,
            sender=sender,
            reader=self._organisation,
            key=None,
            event=event,
            number=int.from_bytes(headers["number"], "big"),
        )
        self._proven(letter, record.value, headers[SIGNATURE], directory, right)
        return letter if record.value is None else self._opened(letter, record.value)

    def _proven(self, letter: Letter, value: bytes | None, raw: bytes, directory: Directory, right: str | None) -> None:
        standing = directory.get(letter.sender)
        if standing is None or standing.revoked:
            raise InvalidEvent("unknown_organisation", f"{letter.sender[:80]!r} is not in the directory, or no longer")
        if right is not None and right not in standing.rights:
            raise InvalidEvent("not_entitled", f"{letter.sender} does not hold the right '{right}'")
        signature = Signature.from_bytes(raw)
        key = standing.keys.get(signature.key_id)
        if key is None:
            raise InvalidEvent("unknown_key", f"key {signature.key_id.hex()} is not one of {letter.sender}")
        self._verifier.verify(key, signature, leaf(letter, value, self._environment))

    def _opened(self, letter: Letter, value: bytes) -> Letter:
        if len(value) != _WRAPPED_BYTES:
            raise InvalidEvent("bad_key", f"a wrapped key has {_WRAPPED_BYTES} bytes, not {len(value)}")
        info = _info(letter.name, letter.sender, letter.reader, self._environment)
        try:
            key = DataKey(key=_SUITE.decrypt(value, self._key, info=info))
        except (InvalidTag, ValueError):
            raise InvalidEvent("bad_key", "it does not open: wrapped for another reader, or moved") from None
        if key.id != letter.name.key_id:
            raise InvalidEvent("bad_key", f"it holds the key {key.id.hex()}, not the one it names")
        return Letter(
            name=letter.name, sender=letter.sender, reader=letter.reader, key=key, event=letter.event,
            number=letter.number,
        )  # fmt: skip


def leaf(letter: Letter, value: bytes | None, environment: Environment) -> bytes:
    """What is signed of a letter (by way of the tree of its batch): its leaf hash; an erased key has an empty value."""
    parts = (letter.name.to_bytes(), letter.sender.encode(), letter.reader.encode(), letter.event.encode())
    content = (*parts, letter.number.to_bytes(8, "big"), value or b"")
    return leaf_hash(keys_label(environment) + b"".join(map(_counted, content)))


def _info(name: KeyName, sender: str, reader: str, environment: Environment) -> bytes:
    parts = (name.ticket.encode(), name.key_class.encode(), name.key_id, sender.encode(), reader.encode())
    return keys_label(environment) + b"".join(map(_counted, parts))


def _counted(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw
