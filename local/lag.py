"""Which systems of a city have something left to read: asked of Kafka alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

from hutong.transport import Partition
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
        groups = {f"{self._city}.admit": ["submissions"], f"{self._city}.deliver": ["ledger", "refusals"]}
        groups |= {system: [f"deliveries.{system.rpartition('.')[0]}"] for system in self._systems}
        read = {
            group: [Partition(topic, number) for topic in names for number in range(topics[topic])]
            for group, names in groups.items()
        }
        bounds = self._transport.bounds(sorted({place for places in read.values() for place in places}))
        for group, places in read.items():
            positions = self._transport.groups(group)
            for place in places:
                at = positions[place].offset if place in positions else 0
                committed = place.topic != "submissions"
                if at < bounds[place].end and self._something(place, at, bounds[place].end, committed=committed):
                    yield f"{group} at {place.topic}/{place.number}@{at}"

    def _something(self, place: Partition, at: int, end: int, *, committed: bool) -> bool:
        with contextlib.closing(self._transport.consumer(client_id="lag", committed=committed)) as consumer:
            consumer.assign([place])
            consumer.seek(place, at)
            deadline = time.monotonic() + _LOOK_SECONDS
            while consumer.position(place) < end and time.monotonic() < deadline:
                if consumer.poll(0.02, 1):
                    return True
            return consumer.position(place) < end  # an open transaction: something may yet come
