"""Each test runs on a bench: the twin in memory, or a real broker, with fresh names and the means to hurt it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from kafka import KafkaAdminClient, KafkaProducer, TopicPartition  # type: ignore[import-untyped]

from hutong.errors import BusError
from hutong.testing import MemoryTransport
from hutong.transport import Consumer, Outgoing, Partition, Record, TopicSpec, Transport
from hutong.transport.confluent import ConfluentTransport
from hutong.transport.kafka import KafkaTransport

CLIENTS: Mapping[str, Callable[[str], Transport]] = {"kafka-python": KafkaTransport, "confluent": ConfluentTransport}

T = TypeVar("T")


class Backend(Protocol):
    """A transport, and what tests need beside it."""

    transport: Transport

    def truncate(self, partition: Partition, before: int) -> None:
        """Delete the records before this offset."""

    def hang(self, transactional_id: str, records: Sequence[Outgoing]) -> None:
        """Leave an open transaction behind, as a killed owner does."""

    def close(self) -> None:
        """Give everything back."""


class Memory:
    """The twin."""

    def __init__(self) -> None:
        self._twin = MemoryTransport()
        self.transport: Transport = self._twin

    def truncate(self, partition: Partition, before: int) -> None:
        self._twin.truncate(partition.topic, partition.number, before)

    def hang(self, transactional_id: str, records: Sequence[Outgoing]) -> None:
        self._twin.hang(transactional_id, records)

    def close(self) -> None:
        self._twin.close()


class Real:
    """A real broker. What hangs is made with kafka-python alone, past the transport."""

    def __init__(self, bootstrap: str, client: str) -> None:
        self._bootstrap = bootstrap
        self.transport = CLIENTS[client](bootstrap)
        self._hanging: list[Any] = []

    def truncate(self, partition: Partition, before: int) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self._bootstrap)
        admin.delete_records({TopicPartition(*partition): before})
        admin.close()

    def hang(self, transactional_id: str, records: Sequence[Outgoing]) -> None:
        producer = KafkaProducer(bootstrap_servers=self._bootstrap, transactional_id=transactional_id)
        producer.init_transactions()
        producer.begin_transaction()
        for r in records:
            producer.send(r.topic, key=r.key, value=r.value, headers=list(r.headers), partition=r.partition)
        producer.flush(10)
        self._hanging.append(producer)

    def close(self) -> None:
        for producer in self._hanging:
            producer._sender.force_close()
        self.transport.close()


class Bench:
    """A backend with fresh names; closes what a test opened."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.transport = backend.transport
        self._opened: list[Any] = []

    def name(self, stem: str) -> str:
        """A name no other test has."""
        return f"{stem}-{secrets.token_hex(4)}"

    def topic(self, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        """A fresh topic."""
        name = self.name("topic")
        self.transport.create([TopicSpec(name=name, partitions=partitions, replication=1, config=config or {})])
        return name

    def opened(self, thing: T) -> T:
        """Close this thing after the test."""
        self._opened.append(thing)
        return thing

    def send(self, topic: str, *values: bytes, partition: int = 0) -> None:
        """Send values to one partition and wait for them."""
        producer = self.transport.producer(client_id="bench")
        producer.send([Outgoing(topic=topic, key=b"k", value=v, partition=partition) for v in values], timeout=10)
        producer.close()

    def reader(self, *partitions: Partition, **settings: Any) -> Consumer:
        """A consumer that reads these partitions."""
        consumer: Consumer = self.opened(self.transport.consumer(client_id="bench", **settings))
        if partitions:
            consumer.assign(partitions)
        return consumer

    def hang(self, topic: str, *values: bytes, transactional_id: str | None = None) -> str:
        """An open transaction on partition 0; gives the id it was opened under."""
        name = transactional_id or self.name("hanging")
        self.backend.hang(name, [Outgoing(topic=topic, key=b"k", value=v, partition=0) for v in values])
        return name

    def close(self) -> None:
        for thing in self._opened:
            with suppress(BusError):
                thing.close()
        self.backend.close()


def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Ask again and again until it holds; each asking must itself take a little time, as a poll does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"


def read(consumer: Consumer, count: int, seconds: float = 20.0) -> list[Record]:
    """Poll until this many records have come; more than that is an error."""
    found: list[Record] = []

    def enough() -> bool:
        for records in consumer.poll(0.05).values():
            found.extend(records)
        return len(found) >= count

    until(enough, f"{count} records", seconds)
    assert len(found) == count
    return found


def read_to_end(consumer: Consumer, partition: Partition) -> list[Record]:
    """Everything a consumer can see of a partition, up to its high watermark."""
    found: list[Record] = []
    end = consumer.end(partition)

    def there() -> bool:
        for records in consumer.poll(0.02).values():
            found.extend(records)
        return consumer.position(partition) >= end

    until(there, f"reading {partition} to {end}")
    return found
