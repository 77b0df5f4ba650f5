"""Deliver's hold on one partition of ledger and refusals: remember, then route, batch by batch.

The group's position goes into the same transaction as the deliveries, so a takeover goes on exactly behind them.
Were the positions lost, everything would be delivered again under the same numbers, which every client skips.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hutong.errors import SettingsError
from hutong.transport import Consumer, Outgoing, Partition, Position, Record, TransactionalProducer, Transport
from services.deliver.handler import Delivery
from services.deliver.past import TOPICS, Past
from services.owning.recall import bring_up
from services.owning.running import WRITE_SECONDS, transactions


class DoorPlan:
    """How many partitions each organisation's door has; asks the broker again where one is new."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._doors: Mapping[str, int] = {}

    def partitions(self, topic: str) -> int:
        """The partitions of ``topic``.

        Raises:
            SettingsError: the topic is not there, though its organisation is in an audience.
        """
        if topic not in self._doors:
            self._doors = self._transport.topics()
        if topic not in self._doors:
            raise SettingsError(f"topic {topic} is missing: register its organisation again (`hutong org register`)")
        return self._doors[topic]

    def places(self, number: int) -> list[Partition]:
        """Where the deliveries of partition ``number`` of the ledger go to, in all doors there are now."""
        self._doors = self._transport.topics()
        doors = {topic: count for topic, count in self._doors.items() if topic.startswith("deliveries.")}
        return [Partition(topic, number % count) for topic, count in doors.items()]


class DeliverOwner:
    """Owns partition ``number`` of ledger and refusals, and all deliveries that come of it."""

    def __init__(
        self,
        *,
        number: int,
        past: Past,
        transport: Transport,
        doors: DoorPlan,
        producer: TransactionalProducer,
        consumer: Consumer,
    ) -> None:
        self._number = number
        self._past = past
        self._transport = transport
        self._doors = doors
        self._producer = producer
        self._consumer = consumer

    def resume(self) -> Mapping[Partition, int]:
        """Remember everything up to the group's positions, which stand where the last committed deliveries do.

        Raises:
            SettingsError: a position lies beyond its log's end (a restored broker?).
            Unavailable: a transaction hangs.
            Fenced, UnknownOutcome: this producer is of no use.
        """
        inputs = [Partition(topic, self._number) for topic in TOPICS]
        self._producer.sweep(
            self._doors.places(self._number), inputs=inputs, consumer=self._consumer, timeout=WRITE_SECONDS
        )
        starts = ends(self._consumer, self._number)
        for place, start in starts.items():
            end = self._consumer.end(place)
            if start > end:
                raise SettingsError(
                    f"{place.topic}/{place.number} ends at {end}, but was delivered up to "
                    f"{start}: was the broker restored from an older copy?"
                )
        bring_up(self._past, self._transport, starts)
        return starts

    def process(self, partition: Partition, records: Sequence[Record]) -> Mapping[Partition, Position]:
        """Write the batch's deliveries and the group's position in one transaction (more where they are large)."""
        for last, made in transactions(records, self._deliveries):
            position = {partition: Position(offset=last.offset + 1)}
            self._producer.write(made, positions=position, consumer=self._consumer, timeout=WRITE_SECONDS)
            self._past.file.took([last])
            self._past.keep()
        return {}

    def _deliveries(self, record: Record) -> Iterator[Outgoing]:
        return (outgoing(delivery, self._doors) for delivery in self._past.route(record))

    def close(self) -> None:
        """Let go of the partition."""
        self._producer.close()
        self._past.file.close()


def ends(consumer: Consumer, partition: int) -> Mapping[Partition, int]:
    """The group's positions on a partition's inputs: what lies before was delivered."""
    places = [Partition(topic, partition) for topic in TOPICS]
    found = {place: consumer.committed(place) for place in places}
    return {place: consumer.beginning(place) if at is None else at.offset for place, at in found.items()}


def outgoing(delivery: Delivery, doors: DoorPlan) -> Outgoing:
    """The delivery as a record for its organisation's door."""
    topic, content = f"deliveries.{delivery.organisation}", delivery.content
    return Outgoing(
        topic=topic,
        partition=delivery.stamp.partition % doors.partitions(topic),
        key=content.key,
        value=content.value,
        headers=(*content.headers, ("delivery", delivery.stamp.to_bytes())),
    )
