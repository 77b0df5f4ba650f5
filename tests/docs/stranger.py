"""A client's arithmetic written from ``docs/wire.md`` alone: what somebody in another language would write.

It imports nothing of the project. Where it and :mod:`hutong` disagree, one of the two or the page is wrong.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Headers = Sequence[tuple[str, bytes]]
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def u16(number: int) -> bytes:
    return struct.pack(">H", number)


def u32(number: int) -> bytes:
    return struct.pack(">I", number)


def counted(data: bytes) -> bytes:
    """A u32 length and the bytes."""
    return u32(len(data)) + data


# -- the value: Confluent framing over Avro ----------------------------------------------------------------------------


def framed(schema_id: int, schema: Mapping[str, Any], values: Mapping[str, Any]) -> bytes:
    return b"\x00" + u32(schema_id) + avro(schema, values, {})


def varint(number: int) -> bytes:
    folded = (number << 1) ^ (number >> 63)
    out = bytearray()
    while folded > 0x7F:
        out.append(folded & 0x7F | 0x80)
        folded >>= 7
    return bytes([*out, folded])


def avro(schema: Any, value: Any, named: dict[str, Any]) -> bytes:
    """One value; bytes stand in ``value`` as hexadecimal, as in the examples beside the schemas."""
    if isinstance(schema, list):
        return b"\x00" if value is None else b"\x02" + avro(schema[1], value, named)
    if isinstance(schema, str):
        schema = named.get(schema.rpartition(".")[2], {"type": schema})
    if "name" in schema:
        named[schema["name"]] = schema
    match schema["type"]:
        case "record":
            return b"".join(avro(field["type"], value[field["name"]], named) for field in schema["fields"])
        case "array":
            items = b"".join(avro(schema["items"], item, named) for item in value)
            return varint(len(value)) + items + b"\x00" if value else b"\x00"
        case "enum":
            return varint(schema["symbols"].index(value))
        case "boolean":
            return bytes([value])
        case "int" | "long":
            return varint(value)
        case "fixed":
            return bytes.fromhex(value)
        case "string" | "bytes":
            data = value.encode() if schema["type"] == "string" else bytes.fromhex(value)
            return varint(len(data)) + data
    raise AssertionError(f"no such type here: {schema}")


# -- fingerprint and signature -----------------------------------------------------------------------------------------


def label(environment: str) -> bytes:
    return b"hutong/1/" + environment.encode() + b"\x00"


def leaf_data(environment: str, headers: Headers, key: bytes, value: bytes) -> bytes:
    signed = sorted((name.encode(), content) for name, content in headers if name != "signature")
    pairs = b"".join(counted(name) + counted(content) for name, content in signed)
    return label(environment) + u32(len(signed)) + pairs + counted(key) + counted(value)


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def root_and_paths(leaves: Sequence[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """RFC 9162, 2.1.1 and 2.1.3.1, as recursive as it stands there."""
    if len(leaves) == 1:
        return leaves[0], [[]]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, left_paths = root_and_paths(leaves[:split])
    right, right_paths = root_and_paths(leaves[split:])
    paths = [[*path, right] for path in left_paths] + [[*path, left] for path in right_paths]
    return sha256(b"\x01" + left + right).digest(), paths


def signed_text(environment: str, size: int, root: bytes) -> bytes:
    return label(environment) + b"\x01" + u32(size) + root


def signature_headers(key: Ed25519PrivateKey, environment: str, fingerprints: Sequence[bytes]) -> list[bytes]:
    root, paths = root_and_paths(fingerprints)
    size = len(fingerprints)
    key_id = sha256(key.public_key().public_bytes_raw()).digest()[:8]
    signature = key.sign(signed_text(environment, size, root))
    return [b"\x01" + key_id + u32(size) + u32(index) + signature + b"".join(path) for index, path in enumerate(paths)]


# -- sealing -----------------------------------------------------------------------------------------------------------


def plaintext(key_class: str, content: Any) -> bytes:
    plain = counted(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
    if key_class == "identity":
        bucket = next((size for size in (128, 256, 512, 1024) if size >= len(plain)), -(-len(plain) // 1024) * 1024)
        plain += bytes(bucket - len(plain))
    return plain


def associated_data(ticket: str, source: str, type_: str, event_id: str, field: str) -> bytes:
    return b"".join(counted(part.encode()) for part in (ticket, source, type_, event_id, field))


def sealed(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> dict[str, Any]:
    return {
        "suite": 1,
        "key_id": sha256(key).digest()[:16].hex(),
        "nonce": nonce.hex(),
        "ciphertext": AESGCM(key).encrypt(nonce, plain, associated).hex(),
    }


# -- ids and partitions ------------------------------------------------------------------------------------------------


def digest(*parts: str) -> bytes:
    return sha256(b"".join(counted(part.encode()) for part in parts)).digest()


def derived_id(*parts: str) -> str:
    data = bytearray(digest("event", *parts)[:16])
    data[6] = data[6] & 0x0F | 0x80
    data[8] = data[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(data)))


def ticket_id(city: str, yyyymmdd: str, *parts: str) -> str:
    number = int.from_bytes(digest("ticket", city, *parts)[:7], "big")
    return f"{city}-{yyyymmdd}-" + "".join(CROCKFORD[number >> 5 * i & 31] for i in range(10))


def murmur2(data: bytes) -> int:
    mask, mix = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(data)
    for at in range(0, len(data) - 3, 4):
        (k,) = struct.unpack_from("<I", data, at)
        k = k * mix & mask
        k = (k ^ k >> 24) * mix & mask
        h = h * mix & mask ^ k
    rest = data[len(data) & ~3 :]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * mix & mask
    h = (h ^ h >> 13) * mix & mask
    return h ^ h >> 15


def partition(key: str, partitions: int) -> int:
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


# -- what the city writes ----------------------------------------------------------------------------------------------


def texts(*parts: str) -> bytes:
    return b"".join(u16(len(part.encode())) + part.encode() for part in parts)


def submission_stamp(generation: int, partition: int, offset: int) -> bytes:
    return struct.pack(">IIQ", generation, partition, offset)


def ledger_stamp(
    generation: int, partition: int, sequence: int, admitted_ms: int, directory: int, audience: bytes
) -> bytes:
    return struct.pack(">IIQQQ", generation, partition, sequence, admitted_ms, directory) + sha256(audience).digest()


def audience_stamp(salt: bytes, participants: Sequence[str], matches: Sequence[str]) -> bytes:
    return salt + b"".join(u16(len(names)) + texts(*names) for names in (participants, matches))


def refusal_stamp(binding: bool, code: str, text: str, returned_to: str) -> bytes:
    return bytes([binding]) + texts(code, text, returned_to)


def delivery_stamp(stream: str, partition: int, n: int) -> bytes:
    return struct.pack(">BIQ", ("ledger", "refusals").index(stream), partition, n)


def packed(key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    parts = [b"\x00" if part is None else b"\x01" + counted(part) for part in (key, value)]
    return b"".join(parts) + u32(len(headers)) + b"".join(counted(n.encode()) + counted(v) for n, v in headers)
