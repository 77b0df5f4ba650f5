"""The test vectors, recomputed: from their inputs alone, by the stranger of :mod:`tests.docs.stranger`.

``python -m tests.docs.recompute`` writes ``docs/vectors.json``. Do that only when the format itself changes: the
values are a promise to clients in other languages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.docs import stranger

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "docs" / "vectors.json"

ENVIRONMENT = "test"
SOURCE = "110000"
ONCE = "beijing_12345/RX-260131-000123"
FILED, DISPATCHED = "complaint.filed.v1", "disposition.dispatched.v1"
IDENTITY_KEY, CONTENT_KEY = bytes(range(64, 96)), bytes(range(96, 128))
IDENTITY_NONCE, CONTENT_NONCE = bytes(range(12)), bytes(range(12, 24))


def recompute() -> dict[str, Any]:
    """All of ``docs/vectors.json``."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = private.public_key().public_bytes_raw()
    ids = _ids()
    seals = _sealed(ids["ticket_id"], ids["event_id"])
    events = _events(ids["ticket_id"], ids["event_id"], seals)
    fingerprints = [bytes.fromhex(event["fingerprint"]) for event in events]
    root, _ = stranger.root_and_paths(fingerprints)
    single = stranger.signature_headers(private, ENVIRONMENT, fingerprints[:1])
    batch = stranger.signature_headers(private, ENVIRONMENT, fingerprints)
    return {
        "author": {
            "private_key": bytes(range(32)).hex(),
            "public_key": public.hex(),
            "key_id": sha256(public).digest()[:8].hex(),
            "environment": ENVIRONMENT,
            "label": stranger.label(ENVIRONMENT).hex(),
        },
        "ids": ids,
        "sealed": seals,
        "events": events,
        "single": {
            "of": [events[0]["name"]],
            "signed_text": stranger.signed_text(ENVIRONMENT, 1, fingerprints[0]).hex(),
            "signature_headers": [header.hex() for header in single],
        },
        "batch": {
            "of": [event["name"] for event in events],
            "root": root.hex(),
            "signed_text": stranger.signed_text(ENVIRONMENT, len(events), root).hex(),
            "signature_headers": [header.hex() for header in batch],
        },
        "partitions": _partitions([ids["ticket_id"], events[2]["attributes"]["ce_subject"]]),
        "city": _city(events[0], single[0]),
    }


def _ids() -> dict[str, Any]:
    parts = [SOURCE, "once", FILED, ONCE]
    handled = [SOURCE, "dispatch", "00" * 32, DISPATCHED, "0"]
    return {
        "event_parts": ["event", *parts],
        "event_id": stranger.derived_id(*parts),
        "handling_parts": ["event", *handled],
        "handling_id": stranger.derived_id(*handled),
        "ticket_parts": ["ticket", SOURCE, *parts],
        "ticket_id": stranger.ticket_id(SOURCE, "20260131", *parts),
    }


def _sealed(ticket: str, event_id: str) -> dict[str, Any]:
    rows: tuple[tuple[str, str, bytes, bytes, Any], ...] = (
        ("identity", "identity", IDENTITY_KEY, IDENTITY_NONCE, {"name": "张三", "phone": "13800000000"}),
        ("narrative", "content", CONTENT_KEY, CONTENT_NONCE, "小区停水三天了"),
    )
    seals = {}
    for field, key_class, key, nonce, content in rows:
        plain = stranger.plaintext(key_class, content)
        associated = stranger.associated_data(ticket, SOURCE, FILED, event_id, field)
        seals[field] = {
            "class": key_class,
            "content": content,
            "key": key.hex(),
            "plaintext": plain.hex(),
            "associated_data": associated.hex(),
            **stranger.sealed(key, nonce, plain, associated),
        }
    return seals


def _events(ticket: str, event_id: str, seals: Mapping[str, Any]) -> list[dict[str, Any]]:
    sealed = {
        field: {name: seal[name] for name in ("suite", "key_id", "nonce", "ciphertext")}
        for field, seal in seals.items()
    }
    filed = {
        "kind": "complaint",
        "channel": "phone",
        "category": "public_service/water",
        "area": "110105026",
        "enterprise": False,
        "language": "zh",
        "source": {"system": "beijing_12345", "row": "RX-260131-000123"},
        "identity": sealed["identity"],
        "narrative": sealed["narrative"],
        "place": None,
    }
    dispatched = {"lead": "110000.water", "assistants": ["110105026"], "urgency": "urgent", "instruction": None}
    plain = {**filed, "kind": "help", "channel": "app", "language": "en", "source": None}
    plain |= {"identity": None, "narrative": None}
    first = _event("filed", FILED, filed, event_id, ticket, "2026-01-31T00:00:00.000Z")
    second = _event(
        "dispatched",
        DISPATCHED,
        dispatched,
        "01920000-0000-7000-8000-000000000001",
        ticket,
        "2026-01-31T00:03:42.000Z",
        first["fingerprint"],
    )
    third = _event(
        "filed_plain",
        FILED,
        plain,
        "01920000-0000-7000-8000-000000000002",
        "110000-20260131-0123456789",
        "2026-01-31T00:05:00.250Z",
    )
    return [first, second, third]


def _event(
    name: str, type_: str, data: Mapping[str, Any], id_: str, ticket: str, time: str, causation: str | None = None
) -> dict[str, Any]:
    ids = json.loads((ROOT / "schemas" / "ids.json").read_text(encoding="utf-8"))
    file = type_.replace(".", "/", 1) + "/1.avsc"
    schema_id = next(int(number) for number, row in ids.items() if row["file"] == file)
    schema = json.loads((ROOT / "schemas" / file).read_text(encoding="utf-8"))
    value = stranger.framed(schema_id, schema, data)
    attributes = {
        "ce_id": id_,
        "ce_source": SOURCE,
        "ce_specversion": "1.0",
        "ce_subject": ticket,
        "ce_time": time,
        "ce_type": type_,
        "content-type": "application/vnd.hutong.avro",
        **({} if causation is None else {"ce_causationid": causation}),
    }
    headers = [(header, text.encode()) for header, text in attributes.items()]
    leaf = stranger.leaf_data(ENVIRONMENT, headers, ticket.encode(), value)
    return {
        "name": name,
        "attributes": attributes,
        "key": ticket,
        "schema_id": schema_id,
        "data": data,
        "value": value.hex(),
        "leaf_data": leaf.hex(),
        "fingerprint": stranger.leaf_hash(leaf).hex(),
    }


def _partitions(tickets: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "ticket": ticket,
            "murmur2": stranger.murmur2(ticket.encode()),
            "partitions": {str(n): stranger.partition(ticket, n) for n in (2, 4, 6)},
        }
        for ticket in tickets
    ]


def _city(event: Mapping[str, Any], signature: bytes) -> dict[str, Any]:
    audience = stranger.audience_stamp(bytes(range(16)), ["110000", "110000.water", "110105026"], ["130600"])
    refusal = stranger.refusal_stamp(True, "not_allowed", "the ticket is closed", SOURCE)
    headers = [*((name, text.encode()) for name, text in sorted(event["attributes"].items())), ("signature", signature)]
    whole = stranger.packed(event["key"].encode(), bytes.fromhex(event["value"]), headers)
    return {
        "submission": stranger.submission_stamp(1, 2, 345).hex(),
        "audience": audience.hex(),
        "ledger": stranger.ledger_stamp(1, 2, 67, 1769817600123, 18, audience).hex(),
        "refusal": refusal.hex(),
        "delivery_of_an_entry": stranger.delivery_stamp("ledger", 2, 9).hex(),
        "delivery_of_a_refusal": stranger.delivery_stamp("refusals", 2, 1).hex(),
        "packed_small": stranger.packed(b"k", None, [("ce_id", b"1"), ("x", b"")]).hex(),
        "packed_sha256": sha256(whole).digest().hex(),
    }


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(recompute(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
