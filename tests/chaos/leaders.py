"""Who leads what in the cluster, and whether all replicas keep up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hutong.transport.kafka import KafkaTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class Seated:
    """One partition: its leader's number (-1: none), and whether every replica is in sync."""

    topic: str
    partition: int
    leader: int
    in_sync: bool


def seated(transport: KafkaTransport) -> Iterator[Seated]:
    """Every partition of every topic, Kafka's own too. BusError where no broker answers."""
    transport.topics()  # turns kafka-python's errors into ours
    client: Any = transport._client()
    for topic in client.describe_topics():
        for partition in topic["partitions"]:
            yield Seated(
                topic=topic["name"],
                partition=partition["partition_index"],
                leader=partition["leader_id"],
                in_sync=set(partition["isr_nodes"]) == set(partition["replica_nodes"]),
            )


def leader(transport: KafkaTransport, topic: str, draw: float) -> int:
    """The broker that leads one of ``topic``'s partitions, drawn."""
    found = sorted((place.partition, place.leader) for place in seated(transport) if place.topic == topic)
    return found[int(draw * len(found))][1]


def all_in_sync(transport: KafkaTransport) -> bool:
    """Whether no replica is behind anywhere, so that one more broker can be missed."""
    return all(place.in_sync and place.leader >= 0 for place in seated(transport))
