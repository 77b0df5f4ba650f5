"""Which systems of a city have something left to read: asked of Kafka alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hutong.transport import Consumer, Partition
from hutong.transport.kafka import KafkaTransport

_LOOK_SECONDS = 2.0


class Lag:
    """Admit, deliver and ``systems`` (``<org>.<system>``) of a city. Markers and aborted records are nothing."""

    def __init__(self, transport: KafkaTransport, city: str, systems: Sequence[str]) -> None:
        self._transport = transport
        self._city = city
        self._systems = systems

    def behind(self) -> Iterator[str]:
        """Every group that is behind, and where; first those that others wait for. BusError where the broker does not
        answer."""
        topics = self._transport.topics()
        yield from self._of(f"{self._city}.admit", {"submissions": topics["submissions"]}, committed=False)
        city = {topic: topics[topic] for topic in ("ledger", "refusals")}
        yield from self._of(f"{self._city}.deliver", city, committed=True)
        for system in self._systems:
            door = f"deliveries.{system.rpartition('.')[0]}"
            yield from self._of(system, {door: topics[door]}, committed=True)

    def _of(self, group: str, topics: Mapping[str, int], *, committed: bool) -> Iterable[str]:
        positions = self._transport.groups(group)
        consumer = self._transport.consumer(client_id="lag", committed=committed)
        with contextlib.closing(consumer):
            for place in (Partition(topic, number) for topic, count in topics.items() for number in range(count)):
                at = positions[place].offset if place in positions else 0
                if _something(consumer, place, at):
                    yield f"{group} at {place.topic}/{place.number}@{at}"


def _something(consumer: Consumer, place: Partition, at: int) -> bool:
    end = consumer.end(place)
    if at >= end:
        return False
    consumer.assign([place])
    consumer.seek(place, at)
    deadline = time.monotonic() + _LOOK_SECONDS
    while consumer.position(place) < end and time.monotonic() < deadline:
        if consumer.poll(0.02, 1):
            return True
    return consumer.position(place) < end  # an open transaction: something may yet come
