"""Our values from confluent-kafka's, and the other way round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaException, Message, TopicPartition

from hutong.transport import Partition, Position, Record


def offsets_of(positions: Mapping[Partition, Position]) -> list[TopicPartition]:
    """Positions as confluent-kafka takes them."""
    return [TopicPartition(*p, at.offset, at.metadata) for p, at in positions.items()]


def positions_of(offsets: Sequence[TopicPartition]) -> dict[Partition, Position]:
    """Those of confluent-kafka's offsets that are one. Raises what asking for one of them raised."""
    for tp in offsets:
        if tp.error is not None:
            raise KafkaException(tp.error)
    return {
        Partition(tp.topic, tp.partition): Position(offset=tp.offset, metadata=tp.metadata or "")
        for tp in offsets
        if tp.offset >= 0
    }


def record_of(place: Partition, offset: int, message: Message) -> Record:
    """The record in a message that is no error."""
    headers: Any = message.headers() or ()
    return Record(
        topic=place.topic,
        partition=place.number,
        offset=offset,
        timestamp_ms=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers=tuple([(name, value or b"") for name, value in headers]),
    )
