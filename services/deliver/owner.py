"""Deliver's hold on one partition of ledger and refusals: remember, then route, batch by batch.

The group's position goes into the same transaction as the deliveries, so a takeover goes on exactly behind them.
Were the positions lost, everything would be delivered again under the same numbers, which every client skips.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hutong.errors import SettingsError
from hutong.loop import read_to
from hutong.transport import Consumer, Outgoing, Partition, Position, Record, TransactionalProducer, Transport
from services.deliver.handler import Delivery, deliver_entry, deliver_refusal
from services.deliver.store import Store
from services.ownership import TRANSACTION_BYTES, WRITE_SECONDS


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


class DeliverOwner:
    """Owns partition ``number`` of ledger and refusals, and all deliveries that come of it."""

    def __init__(
        self,
        *,
        number: int,
        transport: Transport,
        doors: DoorPlan,
        producer: TransactionalProducer,
        consumer: Consumer,
        state: Path,
    ) -> None:
        self._transport = transport
        self._doors = doors
        self._producer = producer
        self._consumer = consumer
        self._store = Store(state / f"{number}.sqlite")
        self._inputs = (Partition("ledger", number), Partition("refusals", number))

    def resume(self) -> Mapping[Partition, int]:
        """Remember everything up to the group's positions, which stand where the last committed deliveries do.

        Raises:
            SettingsError: a position lies beyond its log's end (a restored broker?).
            Unavailable: a transaction hangs.
        """
        starts: dict[Partition, int] = {}
        for place in self._inputs:
            committed = self._consumer.committed(place)
            starts[place] = self._consumer.beginning(place) if committed is None else committed.offset
            end = self._consumer.end(place)
            if starts[place] > end:
                raise SettingsError(
                    f"{place.topic}/{place.number} ends at {end}, but was delivered up to "
                    f"{starts[place]}: was the broker restored from an older copy?"
                )
        reader = self._transport.consumer(client_id="deliver.rebuild")
        try:
            reader.assign(self._inputs)
            for place in self._inputs:
                reader.seek(place, reader.beginning(place))
            for record in read_to(reader, starts):
                for _ in self._route(record):
                    pass  # delivered before: only what it changes in the state counts
        finally:
            reader.close()
        self._store.keep()
        return starts

    def process(self, partition: Partition, records: Sequence[Record]) -> Mapping[Partition, Position]:
        """Write the batch's deliveries and the group's position in one transaction (more where they are large)."""
        outgoing: list[Outgoing] = []
        size = 0
        for record in records:
            made = [self._outgoing(delivery) for delivery in self._route(record)]
            outgoing += made
            size += sum(len(one.value or b"") for one in made)
            if size > TRANSACTION_BYTES:
                self._write(outgoing, partition, record)
                outgoing, size = [], 0
        self._write(outgoing, partition, records[-1])
        return {}

    def _write(self, outgoing: Sequence[Outgoing], partition: Partition, last: Record) -> None:
        position = {partition: Position(offset=last.offset + 1)}
        self._producer.write(outgoing, positions=position, consumer=self._consumer, timeout=WRITE_SECONDS)
        self._store.keep()

    def _route(self, record: Record) -> Iterator[Delivery]:
        return (deliver_refusal if record.topic == "refusals" else deliver_entry)(record, self._store)

    def _outgoing(self, delivery: Delivery) -> Outgoing:
        topic = f"deliveries.{delivery.organisation}"
        content = delivery.content
        return Outgoing(
            topic=topic,
            partition=delivery.stamp.partition % self._doors.partitions(topic),
            key=content.key,
            value=content.value,
            headers=(*content.headers, ("delivery", delivery.stamp.to_bytes())),
        )

    def close(self) -> None:
        """Let go of the partition."""
        self._producer.close()
        self._store.close()
