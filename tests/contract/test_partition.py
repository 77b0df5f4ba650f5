"""Partitioning is the Java client's."""

from __future__ import annotations

import os

import pytest
from kafka.partitioner import murmur2 as theirs  # type: ignore[import-untyped]

from hutong.transport.partition import murmur2, partition_of


@pytest.mark.parametrize(
    ("data", "java"),
    [  # org.apache.kafka.common.utils.UtilsTest.testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_java_vectors(data: bytes, java: int) -> None:
    """murmur2 agrees with the vectors of Kafka's own test."""
    assert murmur2(data) == java & 0xFFFFFFFF
    assert partition_of(data, 1000) == (java & 0x7FFFFFFF) % 1000


def test_every_length() -> None:
    """murmur2 agrees with kafka-python's on keys of every length."""
    for length in range(64):
        data = os.urandom(length)
        assert murmur2(data) == theirs(data), data.hex()


def test_no_partitions() -> None:
    """A topic without partitions is an error of the caller."""
    with pytest.raises(ValueError, match="at least one"):
        partition_of(b"k", 0)
