"""Ed25519 signatures over a Merkle tree of one or more events (suite 1: Ed25519 + SHA-256).

The author signs the root once; each event carries its own path, so a batch costs one signature and every event
still proves itself alone. The ``signature`` header::

    suite (1) ‖ key id (8) ‖ tree size (u32) ‖ leaf index (u32) ‖ signature (64) ‖ inclusion path (32 each)

The signed text is ``label ‖ suite ‖ tree size (u32) ‖ root``. All integers are big-endian.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hutong.errors import InvalidEvent
from hutong.wire.envelope import Environment, label
from hutong.wire.merkle import HASH_BYTES, inclusion_path, path_length, root_of, tree_levels

SUITE = 1
MAX_BATCH = 65_536
KEY_ID_BYTES = 8

_HEAD = struct.Struct(">B8sII64s")


def key_id(public_key: bytes) -> bytes:
    """The first 8 bytes of SHA-256 of the raw 32-byte public key."""
    return sha256(public_key).digest()[:KEY_ID_BYTES]


def _label(what: Environment | bytes) -> bytes:
    return what if isinstance(what, bytes) else label(what)


def _signed_text(opening: bytes, size: int, root: bytes) -> bytes:
    return opening + bytes([SUITE]) + size.to_bytes(4, "big") + root


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The content of the ``signature`` header."""

    key_id: bytes
    size: int
    index: int
    signature: bytes
    path: tuple[bytes, ...] = ()

    def to_bytes(self) -> bytes:
        """The header's bytes."""
        return _HEAD.pack(SUITE, self.key_id, self.size, self.index, self.signature) + b"".join(self.path)

    @classmethod
    def from_bytes(cls, data: bytes) -> Signature:
        """Read the header.

        Raises:
            InvalidEvent: ``bad_signature``: an unknown suite, a size or index out of range, or a path that has not
                exactly the length its place in the tree demands.
        """
        if len(data) < _HEAD.size:
            raise InvalidEvent("bad_signature", f"the signature header has {len(data)} bytes, at least {_HEAD.size}")
        suite, key, size, index, signature = _HEAD.unpack_from(data)
        if suite != SUITE:
            raise InvalidEvent("bad_signature", f"signature suite {suite} is not known here")
        if not 1 <= size <= MAX_BATCH or index >= size:
            raise InvalidEvent("bad_signature", f"leaf {index} of a batch of {size}: at most {MAX_BATCH} events")
        rest = data[_HEAD.size :]
        if len(rest) != HASH_BYTES * path_length(index, size):
            raise InvalidEvent("bad_signature", f"the path of leaf {index} of {size} has the wrong length")
        path = tuple(rest[i : i + HASH_BYTES] for i in range(0, len(rest), HASH_BYTES))
        return cls(key_id=key, size=size, index=index, signature=signature, path=path)


class Signer:
    """Signs with one organisation's key: events of one environment, or (``what`` is the label that opens every signed
    text) something else, which then is never taken for an event."""

    def __init__(self, private_key: Ed25519PrivateKey, what: Environment | bytes) -> None:
        self._key = private_key
        self._label = _label(what)
        self.public_key = private_key.public_key().public_bytes_raw()
        self._key_id = key_id(self.public_key)

    def sign(self, fingerprints: Sequence[bytes]) -> list[bytes]:
        """The ``signature`` header of each event, given the fingerprints of the whole batch, in order.

        Raises:
            ValueError: no event, or more than ``MAX_BATCH``.
        """
        if len(fingerprints) > MAX_BATCH:
            raise ValueError(f"a batch has at most {MAX_BATCH} events, not {len(fingerprints)}")
        levels = tree_levels(fingerprints)
        size = len(fingerprints)
        signature = self._key.sign(_signed_text(self._label, size, levels[-1][0]))
        return [
            Signature(
                key_id=self._key_id,
                size=size,
                index=index,
                signature=signature,
                path=tuple(inclusion_path(levels, index)),
            ).to_bytes()
            for index in range(size)
        ]


class Verifier:
    """Checks signatures of one label (see :class:`Signer`); remembers the last roots it found good, so a batch costs
    one check."""

    def __init__(self, what: Environment | bytes, remembered: int = 1024) -> None:
        self._label = _label(what)
        self._remembered = remembered
        self._good: OrderedDict[tuple[bytes, bytes, bytes], None] = OrderedDict()

    def verify(self, public_key: bytes, signature: Signature, fingerprint: bytes) -> None:
        """Return when ``signature`` proves that the holder of ``public_key`` signed ``fingerprint``.

        Raises:
            InvalidEvent: ``bad_signature``.
        """
        root = root_of(fingerprint, signature.index, signature.size, signature.path)
        text = _signed_text(self._label, signature.size, root)
        known = (public_key, text, signature.signature)
        if known in self._good:
            self._good.move_to_end(known)
            return
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature.signature, text)
        except InvalidSignature:
            raise InvalidEvent("bad_signature", "the signature does not fit the event and the author's key") from None
        self._good[known] = None
        if len(self._good) > self._remembered:
            self._good.popitem(last=False)
