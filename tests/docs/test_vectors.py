"""The test vectors of ``docs/wire.md``: a stranger who follows the page and :mod:`hutong` both come to them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from docs.vectors import render, shown
from hutong import sealing
from hutong.catalogue import Catalogue
from hutong.codec import Codec
from hutong.events import MODELS
from hutong.events.sealed import Clear
from hutong.keystore import SqliteKeyStore
from hutong.sealing import DataKey, Place
from hutong.transport.partition import murmur2, partition_of
from hutong.wire import envelope, stamps
from hutong.wire.envelope import Attributes, Submission
from hutong.wire.identity import derived_id, ticket_id
from hutong.wire.signing import Signature, Signer, Verifier, key_id
from tests.docs.recompute import ROOT, VECTORS, recompute

V: Any = json.loads(VECTORS.read_text(encoding="utf-8"))
KEY = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(V["author"]["private_key"]))
PUBLIC = bytes.fromhex(V["author"]["public_key"])


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(Catalogue.load())


def submission(event: Any) -> Submission:
    headers = tuple((name, text.encode()) for name, text in event["attributes"].items())
    return Submission(key=event["key"].encode(), value=bytes.fromhex(event["value"]), headers=headers)


def test_a_stranger_who_follows_the_page_comes_to_every_value() -> None:
    """Recomputed with hashlib, struct and cryptography alone, all values are those of the file."""
    assert recompute() == V


def test_the_page_shows_exactly_the_files_values() -> None:
    """``python -m docs.vectors`` would change nothing."""
    assert shown((ROOT / "docs" / "wire.md").read_text(encoding="utf-8")) == render(V).strip()


def test_the_label_and_key_id_are_ours() -> None:
    assert envelope.label("test").hex() == V["author"]["label"]
    assert KEY.public_key().public_bytes_raw() == PUBLIC
    assert key_id(PUBLIC).hex() == V["author"]["key_id"]


@pytest.mark.parametrize("event", V["events"], ids=lambda event: event["name"])
def test_our_headers_value_and_fingerprint_are_those_of_the_vectors(event: Any, codec: Codec) -> None:
    """From attributes and data, hutong makes the same record, and reads it back as the same."""
    names = event["attributes"]
    attributes = Attributes(
        id=names["ce_id"],
        source=names["ce_source"],
        type=names["ce_type"],
        time=envelope.parse_time(names["ce_time"]),
        subject=names["ce_subject"],
        causation=names.get("ce_causationid"),
    )
    given = submission(event)
    assert given.attributes() == attributes
    assert sorted(given.headers) == list(attributes.headers())
    data = MODELS[attributes.type].model_validate(event["data"])
    assert codec.decode(given.value or b"") == (attributes.type, data)
    written = Catalogue.load().schema(int(event["value"][2:10], 16))
    if written.revision == len(Catalogue.load().revisions(attributes.type)):  # the vectors outlive revisions
        assert codec.encode(data).hex() == event["value"]
    assert given.fingerprint("test").hex() == event["fingerprint"]


@pytest.mark.parametrize("kind", ["single", "batch"])
def test_our_signatures_are_those_of_the_vectors_and_hold(kind: str) -> None:
    """Ed25519 is deterministic: the same key and batch give the same headers."""
    by_name = {event["name"]: bytes.fromhex(event["fingerprint"]) for event in V["events"]}
    fingerprints = [by_name[name] for name in V[kind]["of"]]
    headers = Signer(KEY, "test").sign(fingerprints)
    assert [header.hex() for header in headers] == V[kind]["signature_headers"]
    for header, fingerprint in zip(headers, fingerprints, strict=True):
        Verifier("test").verify(PUBLIC, Signature.from_bytes(header), fingerprint)


@pytest.mark.parametrize("field", V["sealed"])
def test_our_sealing_makes_the_same_ciphertext_and_opens_it(
    field: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Given the vector's nonce; the field opens in its place."""
    vector, event = V["sealed"][field], V["events"][0]["attributes"]
    key = DataKey(key=bytes.fromhex(vector["key"]))
    place = Place(
        ticket=event["ce_subject"],
        source=event["ce_source"],
        type=event["ce_type"],
        event_id=event["ce_id"],
        field=field,
    )
    monkeypatch.setattr("hutong.sealing.secrets.token_bytes", lambda count: bytes.fromhex(vector["nonce"]))
    sealed = sealing.seal(Clear(vector["content"]), key, place, vector["class"])
    assert sealed.model_dump(mode="json") == V["events"][0]["data"][field]
    store = SqliteKeyStore(tmp_path / "keys.sqlite")
    with store.batch():
        store.put(place.ticket, vector["class"], key)
    assert sealing.unseal(sealed, store, place) == vector["content"]
    store.close()


def test_our_ids_are_those_of_the_vectors() -> None:
    ids = V["ids"]
    assert derived_id(*ids["event_parts"][1:]) == ids["event_id"]
    assert derived_id(*ids["handling_parts"][1:]) == ids["handling_id"]
    day = datetime(2026, 1, 31, tzinfo=UTC)
    assert ticket_id(ids["ticket_parts"][1], day, *ids["ticket_parts"][2:]) == ids["ticket_id"]


@pytest.mark.parametrize("row", V["partitions"], ids=lambda row: row["ticket"])
def test_our_partitions_are_those_of_the_vectors(row: Any) -> None:
    assert murmur2(row["ticket"].encode()) == row["murmur2"]
    assert {n: partition_of(row["ticket"].encode(), int(n)) for n in row["partitions"]} == row["partitions"]


def test_our_stamps_are_those_of_the_vectors() -> None:
    """Every header the city writes, made by hutong from the fields the page names."""
    city = V["city"]
    audience = stamps.AudienceStamp(
        salt=bytes(range(16)), participants=("110000", "110000.water", "110105026"), matches=("130600",)
    )
    ledger = stamps.LedgerStamp(
        generation=1,
        partition=2,
        sequence=67,
        admitted_ms=1769817600123,
        directory=18,
        audience_hash=audience.hash(),
    )
    refusal = stamps.RefusalStamp(code="not_allowed", text="the ticket is closed", returned_to="110000", binding=True)
    given, signature = submission(V["events"][0]), bytes.fromhex(V["single"]["signature_headers"][0])
    whole = stamps.pack_record(given.key, given.value, [*sorted(given.headers), ("signature", signature)])
    assert city == {
        "submission": stamps.SubmissionStamp(generation=1, partition=2, offset=345).to_bytes().hex(),
        "audience": audience.to_bytes().hex(),
        "ledger": ledger.to_bytes().hex(),
        "refusal": refusal.to_bytes().hex(),
        "delivery_of_an_entry": stamps.DeliveryStamp(stream="ledger", partition=2, n=9).to_bytes().hex(),
        "delivery_of_a_refusal": stamps.DeliveryStamp(stream="refusals", partition=2, n=1).to_bytes().hex(),
        "packed_small": stamps.pack_record(b"k", None, [("ce_id", b"1"), ("x", b"")]).hex(),
        "packed_sha256": sha256(whole).hexdigest(),
    }
