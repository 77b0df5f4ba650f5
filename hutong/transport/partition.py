"""Which partition a key belongs to: the Java client's rule, part of the wire format (design, "The event on the wire").

confluent-kafka's default differs, so no client library is left to choose: the transport always names the partition.
"""

from __future__ import annotations

import struct

_SEED = 0x9747B28C
_MIX = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """32-bit Murmur2 as in ``org.apache.kafka.common.utils.Utils.murmur2``, as an unsigned number."""
    length = len(data)
    whole = length & ~3
    h = _SEED ^ length
    for k in struct.unpack_from(f"<{whole // 4}I", data):
        k = (k * _MIX) & _MASK
        h = ((h * _MIX) ^ ((k ^ (k >> 24)) * _MIX)) & _MASK
    if whole < length:
        h = ((h ^ int.from_bytes(data[whole:], "little")) * _MIX) & _MASK
    h = ((h ^ (h >> 13)) * _MIX) & _MASK
    return h ^ (h >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of ``key`` in a topic of ``partitions`` partitions, from 0. ``partitions`` must be positive."""
    if partitions < 1:
        raise ValueError(f"a topic has at least one partition, not {partitions}")
    return (murmur2(key) & 0x7FFFFFFF) % partitions
