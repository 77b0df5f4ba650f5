"""Signatures moved, forged, re-batched; others' events sent on; ids used up first; keys that come and go."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hutong import complaint, disposition
from hutong.keys import make_keys
from hutong.settings import read_private_key
from hutong.wire.envelope import SIGNATURE, Submission
from hutong.wire.signing import MAX_BATCH, Signature, Signer
from tests.hostile.forging import CITY, HEAT, WATER, Wish, fresh_ticket, put, resigned, sign
from tests.hostile.town import DISPATCHED, FILED, Town

many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(town: Town, event: Submission) -> tuple[str, str]:
    """What is said of it, and to whom."""
    [found] = town.throw(event)
    return found.code, found.returned_to


MOVES: Mapping[str, Callable[[Town, Wish], Mapping[str, Any]]] = {
    "ticket": lambda town, other: {"subject": other.subject},
    "type": lambda town, other: {"type": "complaint.answered.v1"},
    "time": lambda town, other: {"time": datetime.now(UTC) - timedelta(hours=1)},
    "id": lambda town, other: {"id": other.id},
    "value": lambda town, other: {"value": town.value(complaint.Answered(basis="x"))},
    "causation": lambda town, other: {"edit": put("ce_causationid", b"0" * 64)},
    "key": lambda town, other: {"key": b"x"},
}


@pytest.mark.parametrize("what", MOVES)
def test_a_signature_moved_to_another_event(town: Town, what: str) -> None:
    """It holds for no other ticket, type, time, id, value or key than it was made over, and tells nobody."""
    mine, other = town.wish(), town.wish()
    signature = town.signed(mine).header(SIGNATURE) or b""
    moved = replace(mine, **MOVES[what](town, other)).unsigned()
    assert outcome(town, resigned(moved, signature)) == ("bad_signature", "")
    assert outcome(town, town.signed(mine)) == ("admitted", "")


def test_a_signature_under_another_name(town: Town) -> None:
    """Whoever takes another's name has not his key, and whoever takes his event has not his own in it."""
    assert outcome(town, town.signed(town.wish(source=WATER, signer=HEAT))) == ("unknown_key", "")
    assert outcome(town, town.signed(town.wish(source=CITY, signer="stranger"))) == ("unknown_key", "")


@many
@given(size=st.integers(2, 9), drawn=st.data())
def test_a_signature_moved_within_and_between_batches(town: Town, size: int, drawn: st.DataObject) -> None:
    """Every event of a batch proves itself with its own path; with another's, another index or size, none does."""
    events = [town.wish(type="disposition.accepted.v1").unsigned() for _ in range(size)]
    signed = sign(town.signers[CITY], *events)
    at = drawn.draw(st.integers(0, size - 1))
    right = Signature.from_bytes(signed[at].header(SIGNATURE) or b"")
    other = drawn.draw(st.integers(0, size - 1).filter(lambda n: n != at))
    assert outcome(town, resigned(signed[at], signed[other].header(SIGNATURE) or b"")) == ("bad_signature", "")
    for wrong in (replace(right, index=other), replace(right, size=size + 1), replace(right, path=right.path[::-1])):
        if wrong != right:
            assert outcome(town, resigned(signed[at], wrong.to_bytes()))[0] == "bad_signature"
    assert outcome(town, signed[at])[0] == "wrong_type"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\x01",
        bytes(81),
        b"\x02" + b"\x00" * 80,
        struct.pack(">B8sII64s", 1, bytes(8), 0, 0, bytes(64)),
        struct.pack(">B8sII64s", 1, bytes(8), 1, 1, bytes(64)),
        struct.pack(">B8sII64s", 1, bytes(8), MAX_BATCH + 1, 0, bytes(64)) + bytes(32 * 17),
        struct.pack(">B8sII64s", 1, bytes(8), 2**32 - 1, 2**32 - 2, bytes(64)) + bytes(32 * 32),
        struct.pack(">B8sII64s", 1, bytes(8), 1, 0, bytes(64)) + bytes(32),
        struct.pack(">B8sII64s", 1, bytes(8), 4, 0, bytes(64)) + bytes(32 * 5000),
        struct.pack(">B8sII64s", 1, bytes(8), 4, 0, bytes(64)) + bytes(63),
    ],
    ids=range(11),
)
def test_signatures_of_no_shape(town: Town, header: bytes) -> None:
    """Too short, of another suite, out of range, with a path longer or shorter than its place demands."""
    assert outcome(town, resigned(town.signed(town.wish()), header)) == ("bad_signature", "")


@many
@given(at=st.integers(0, 80), bit=st.integers(0, 7))
def test_any_bit_of_a_signature_counts(town: Town, at: int, bit: int) -> None:
    """A flipped bit makes it bad, or names a key that is nobody's."""
    event = town.signed(town.wish())
    raw = bytearray(event.header(SIGNATURE) or b"")
    raw[at] ^= 1 << bit
    assert outcome(town, resigned(event, bytes(raw))) in {("bad_signature", ""), ("unknown_key", "")}


def test_a_batch_as_large_as_may_be(town: Town) -> None:
    """Of 65,536 events one proves itself with sixteen hashes."""
    wish = town.wish()
    prints = [bytes(32)] * (MAX_BATCH - 1) + [wish.unsigned().fingerprint("test")]
    signature = town.signers[CITY].sign(prints)[-1]
    assert len(signature) == 81 + 16 * 32
    assert outcome(town, resigned(wish.unsigned(), signature)) == ("admitted", "")


def test_a_copy_in_another_batch(town: Town) -> None:
    """The same event signed anew is the same event: admitted once, refused for good once, told once."""
    good, bad = town.wish(), town.wish(type="complaint.answered.v1")
    for wish, first, then in ((good, "admitted", "known"), (bad, "wrong_type", "wrong_type")):
        batches = [
            [wish.unsigned()],
            [wish.unsigned(), town.wish().unsigned()],
            [town.wish().unsigned(), wish.unsigned()],
        ]
        copies = [sign(town.signers[CITY], *some) for some in batches]
        same = [next(c for c in some if c.header("ce_id") == wish.id.encode()) for some in copies]
        assert len({c.header(SIGNATURE) for c in same}) == 3
        seen = [outcome(town, copy) for copy in same]
        assert [code for code, _ in seen] == [first, then, then]
        assert [to for _, to in seen[1:]] == ["", ""]


def test_anothers_event_sent_on_fills_no_mailbox(town: Town) -> None:
    """However often, from wherever: its author hears of each reason at most once in each partition."""
    event = town.signed(town.wish(FILED, source=WATER, signer=WATER))  # water may not file
    heard = []
    for _ in range(5):
        for partition in range(2):
            for headers in (
                event.headers,
                (*event.headers, (SIGNATURE, b"x")),
                (*event.headers, (SIGNATURE, bytes(300_000))),
            ):
                [found] = town.throw(replace(event, headers=headers), partition=partition)
                if found.returned_to:
                    assert found.returned_to == WATER
                    heard.append((partition, found.code))
    assert len(heard) == len(set(heard)) <= 6


def test_nobody_burns_anothers_id(town: Town) -> None:
    """Strangers and other organisations use an id first, on his ticket; the owner's own event is admitted under it."""
    ticket, id_ = fresh_ticket(), "the-owners-id"
    forged = [
        town.signed(town.wish(subject=ticket, id=id_, signer="stranger")),
        town.signed(town.wish(subject=ticket, id=id_, source=WATER, signer=WATER)),
        town.wish(subject=ticket, id=id_).unsigned(),
    ]
    own = town.signed(town.wish(subject=ticket, id=id_))
    forged.append(resigned(own, bytes(81)))
    forged.append(replace(own, headers=(*own.headers, ("x", b""))))
    for event in forged:
        assert outcome(town, event)[0] not in {"admitted", "known", "already_admitted"}
    assert outcome(town, own) == ("admitted", "")
    assert outcome(town, town.signed(town.wish(subject=ticket, id=id_))) == ("already_admitted", CITY)


def test_a_key_that_is_revoked(town: Town) -> None:
    """Before: what it signed stands. After: the key is unknown, the new one holds; a revoked organisation has none."""
    city = town.city
    organisation, other = "110000.shop", "110000.shop2"
    city.register(organisation, rights=("file",))
    old = Signer(read_private_key(city.keys / f"{organisation}.pem"), "test")
    wish = town.wish(source=organisation)
    town.signers |= {organisation: old}
    before, late = sign(old, wish.unsigned())[0], sign(old, town.wish(source=organisation).unsigned())[0]
    assert outcome(town, before) == ("admitted", "")
    standing = city.registrar.directory.get(organisation)
    assert standing is not None
    files = make_keys(city.home / "more", other)
    city.registrar.register(standing.entry.model_copy(update={"signing_keys": (files.signing_key,)}), datetime.now(UTC))
    town.look_up()
    assert outcome(town, late) == ("unknown_key", "")
    assert outcome(town, before)[0] == "known"
    new = town.signers[organisation] = Signer(read_private_key(files.signing_file), "test")
    assert outcome(town, sign(new, town.wish(source=organisation).unsigned())[0]) == ("admitted", "")
    city.revoke(organisation)
    town.look_up()
    late = sign(new, town.wish(source=organisation, time=datetime.now(UTC) - timedelta(days=1)).unsigned())[0]
    assert outcome(town, late) == ("revoked_organisation", "")
    assert outcome(town, before)[0] == "known"


def test_what_was_refused_is_refused_again_after_a_takeover(town: Town) -> None:
    """The outcome is a function of the bytes and the past: whoever owns the partition next says the same."""
    ticket = fresh_ticket()
    events = [
        town.signed(wish)
        for wish in (
            town.wish(subject=ticket),
            town.wish(DISPATCHED, subject=ticket),
            town.wish(disposition.Closed(reason="done"), subject=ticket),
            town.wish(subject=ticket, type="complaint.answered.v1"),
            town.wish(subject=ticket, signer="stranger"),
            town.wish(subject="nyc-20260131-0123456789"),
        )
    ]
    before = [outcome(town, event)[0] for event in events]
    town.city.take_over()
    after = [outcome(town, event) for event in events]
    assert before == ["admitted", "admitted", "not_allowed", "wrong_type", "unknown_key", "bad_ticket"]
    assert [code for code, _ in after] == ["known", "known", *before[2:]]
    assert {to for _, to in after} == {""}
