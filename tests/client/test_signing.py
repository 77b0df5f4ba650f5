"""Signatures over one event and over batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hutong.errors import InvalidEvent
from hutong.wire.envelope import Submission
from hutong.wire.signing import MAX_BATCH, Signature, Signer, Verifier

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
EVENTS = [Submission(key=b"t", value=bytes([n]), headers=(("ce_id", b"1"),)) for n in range(5)]
FINGERPRINTS = [event.fingerprint("test") for event in EVENTS]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_each_event_of_a_batch_proves_itself_alone(size: int) -> None:
    """Every signature of a batch verifies without its siblings."""
    headers = Signer(KEY, "test").sign(FINGERPRINTS[:size])
    for fingerprint, header in zip(FINGERPRINTS, headers, strict=False):
        Verifier("test").verify(PUBLIC, Signature.from_bytes(header), fingerprint)


def test_one_event_alone_has_an_empty_path() -> None:
    """A single event's header is the fixed 81 bytes."""
    assert len(Signer(KEY, "test").sign(FINGERPRINTS[:1])[0]) == 81


def test_the_fingerprint_is_the_same_however_the_event_is_batched() -> None:
    """The signature header is no part of what is signed."""
    signed = replace(EVENTS[0], headers=(*EVENTS[0].headers, ("signature", b"x")))
    assert signed.fingerprint("test") == FINGERPRINTS[0]


def test_a_signature_does_not_move_to_another_event() -> None:
    """An event with a sibling's signature is refused, remembered root or not."""
    headers = Signer(KEY, "test").sign(FINGERPRINTS)
    verifier = Verifier("test")
    verifier.verify(PUBLIC, Signature.from_bytes(headers[0]), FINGERPRINTS[0])
    with pytest.raises(InvalidEvent, match="bad_signature"):
        verifier.verify(PUBLIC, Signature.from_bytes(headers[0]), FINGERPRINTS[1])


def test_a_test_event_is_not_valid_in_production() -> None:
    """The label carries the environment."""
    signature = Signature.from_bytes(Signer(KEY, "test").sign(FINGERPRINTS[:1])[0])
    with pytest.raises(InvalidEvent, match="bad_signature"):
        Verifier("production").verify(PUBLIC, signature, FINGERPRINTS[0])


def test_another_key_does_not_verify() -> None:
    """Only the holder of the key signed it."""
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    signature = Signature.from_bytes(Signer(KEY, "test").sign(FINGERPRINTS[:1])[0])
    with pytest.raises(InvalidEvent, match="bad_signature"):
        Verifier("test").verify(other, signature, FINGERPRINTS[0])


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda raw: raw[:80], "80 bytes"),
        (lambda raw: b"\x02" + raw[1:], "suite 2"),
        (lambda raw: raw + b"\x00" * 32, "wrong length"),
        (lambda raw: raw[:9] + (0).to_bytes(4, "big") + raw[13:], "batch of 0"),
        (lambda raw: raw[:9] + (MAX_BATCH + 1).to_bytes(4, "big") + raw[13:], str(MAX_BATCH + 1)),
        (lambda raw: raw[:13] + (1).to_bytes(4, "big") + raw[17:], "leaf 1 of a batch of 1"),
    ],
)
def test_a_malformed_header_is_named(damage: Callable[[bytes], bytes], text: str) -> None:
    """Each way a signature header can be malformed gives bad_signature and says what is wrong."""
    raw = Signer(KEY, "test").sign(FINGERPRINTS[:1])[0]
    with pytest.raises(InvalidEvent, match=text) as caught:
        Signature.from_bytes(damage(raw))
    assert caught.value.code == "bad_signature"


def test_a_batch_costs_one_check() -> None:
    """After one event of a batch was verified, the others need no more of the key: the root is remembered."""
    headers = Signer(KEY, "test").sign(FINGERPRINTS)
    verifier = Verifier("test", remembered=1)
    for fingerprint, header in zip(FINGERPRINTS, headers, strict=True):
        verifier.verify(PUBLIC, Signature.from_bytes(header), fingerprint)
    assert len(verifier._good) == 1
