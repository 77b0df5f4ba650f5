"""The path of a record's bytes without a broker between: packed batches, kafka-python's decoder, our transport."""

from __future__ import annotations

from typing import Any

from kafka import TopicPartition  # type: ignore[import-untyped]
from kafka.record.memory_records import MemoryRecords  # type: ignore[import-untyped]

from hutong.transport import Record
from hutong.transport.kafka.consumer import _record
from hutong.transport.kafka.records import _PartitionRecords


def read_batches(batches: bytes, *, topic: str = "submissions", partition: int = 0) -> list[Record]:
    """The records a consumer would be given of these bytes of a log. The CRC is checked, as there."""
    place = TopicPartition(topic, partition)
    part: Any = _PartitionRecords(-(2**62), place, MemoryRecords(batches))
    found = []
    while part and (some := part.take(500)):
        found += [_record(raw) for raw in some]
    return found
