"""What no client library would send: record batches made byte by byte, and a socket that hands them to a broker.

Whoever holds an organisation's credentials can write such bytes. The batch is Kafka's format 2; ``produce`` speaks
version 7 of the request, the oldest that carries zstd.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import crc32c
import lz4.frame  # type: ignore[import-untyped]

from hutong.transport import Header

CODECS: Mapping[str, int] = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def varint(number: int) -> bytes:
    """Kafka's and Avro's zig-zag number."""
    folded = (number << 1) ^ (number >> 63)
    out = bytearray()
    while folded > 0x7F:
        out.append(folded & 0x7F | 0x80)
        folded >>= 7
    out.append(folded)
    return bytes(out)


def record(
    key: bytes | None, value: bytes | None, headers: Sequence[Header | tuple[bytes, bytes | None]] = (), delta: int = 0
) -> bytes:
    """One record of a batch. Header names may be any bytes."""
    parts = [b"\x00", varint(0), varint(delta), _counted(key), _counted(value), varint(len(headers))]
    for name, content in headers:
        parts += (_counted(name.encode() if isinstance(name, str) else name), _counted(content))
    body = b"".join(parts)
    return varint(len(body)) + body


def _counted(content: bytes | None) -> bytes:
    return varint(-1) if content is None else varint(len(content)) + content


def batch(packed: bytes, count: int, codec: str = "none") -> bytes:
    """A batch of ``count`` records that are ``packed`` (by :func:`pack`, or by hand); of now, for brokers delete old
    ones."""
    now = time.time_ns() // 1_000_000
    body = struct.pack(">hiqqqhii", CODECS[codec], count - 1, now, now, -1, -1, -1, count) + packed
    return struct.pack(">qiibI", 0, len(body) + 9, 0, 2, crc32c.crc32c(body)) + body


def pack(records: bytes, codec: str) -> bytes:
    """The records of a batch, compressed as small as the codec can."""
    return _PACK[codec](records)


def zstd_of_zeros(head: bytes, zeros: int, tail: bytes = b"") -> bytes:
    """A zstd frame of ``head``, then that many zero bytes, then ``tail``: four bytes for every 128 KiB of zeros."""
    blocks = [_block(0, head)]
    while zeros > 0:
        size = min(zeros, 128 * 1024)
        blocks.append(struct.pack("<I", 1 << 1 | size << 3)[:3] + b"\x00")
        zeros -= size
    blocks.append(_block(0, tail, last=True))
    return b"\x28\xb5\x2f\xfd\x00\x38" + b"".join(blocks)  # window of 128 KiB, no checksum, no content size


def _block(kind: int, content: bytes, *, last: bool = False) -> bytes:
    return struct.pack("<I", last | kind << 1 | len(content) << 3)[:3] + content


def snappy(data: bytes) -> bytes:
    """Snappy in the framing of Java clients; runs of one byte become copies."""
    out = [b"\x82SNAPPY\x00", struct.pack(">ii", 1, 1)]
    for at in range(0, len(data), 64 * 1024):
        block = _snappy_block(data[at : at + 64 * 1024])
        out += (struct.pack(">i", len(block)), block)
    return b"".join(out)


def _snappy_block(data: bytes) -> bytes:
    out, size = bytearray(), len(data)
    while True:
        out.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            break
    at = 0
    while at < len(data):
        run = at
        while 0 < run < len(data) and run - at < 64 and data[run] == data[at - 1]:
            run += 1
        if run > at:
            out += bytes([run - at - 1 << 2 | 2]) + struct.pack("<H", 1)
        else:
            run = at + 1
            while run < len(data) and run - at < 60 and data[run] != data[run - 1]:
                run += 1
            out += bytes([run - at - 1 << 2]) + data[at:run]
        at = run
    return bytes(out)


_PACK: Mapping[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": lambda data: gzip.compress(data, 9),
    "snappy": snappy,
    "lz4": lambda data: lz4.frame.compress(data, block_linked=False, compression_level=9, store_size=False),
}


class Answer(NamedTuple):
    """What a broker says to batches: Kafka's error code, 0 where it took them, and the offset of their first record."""

    code: int
    offset: int


def produce(bootstrap: str, topic: str, partition: int, batches: bytes, *, timeout: float = 60.0) -> Answer:
    """Hand record batches to a broker as they are.

    Raises:
        ConnectionError: the broker closed the connection without an answer. TimeoutError: no answer in time.
    """
    host, port = bootstrap.split(":")
    name = topic.encode()
    body = struct.pack(">hhih", 0, 7, 1, 7) + b"hostile"
    body += struct.pack(">hhi", -1, -1, int(timeout * 1000)) + struct.pack(">ih", 1, len(name)) + name
    body += struct.pack(">iii", 1, partition, len(batches)) + batches
    with contextlib.closing(socket.create_connection((host, int(port)), timeout)) as wire:
        wire.sendall(struct.pack(">i", len(body)) + body)
        (size,) = struct.unpack(">i", _read(wire, 4))
        answer = _read(wire, size)
    at = 4 + 4 + 2 + len(name) + 4 + 4  # correlation, topics, name, partitions, partition
    return Answer(*struct.unpack_from(">hq", answer, at))


def _read(wire: socket.socket, count: int) -> bytes:
    out = b""
    while len(out) < count:
        got = wire.recv(count - len(out))
        if not got:
            raise ConnectionError("the broker closed the connection")
        out += got
    return out
