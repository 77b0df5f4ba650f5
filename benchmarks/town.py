"""The city that is measured: a small one on a broker of its own, and what sets it back between two runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, TopicPartition  # type: ignore[import-untyped]
from kafka.errors import CoordinatorNotAvailableError  # type: ignore[import-untyped]

from benchmarks.corpus import Corpus
from hutong.transport import Outgoing, Partition, TopicSpec
from hutong.transport.kafka import KafkaTransport
from local.cities import City
from local.founding import FoundedCity, found
from local.kafka import EmbeddedKafka

LEADS = ("110000.water", "110000.gas", "110000.heat", "110000.power")
"""Who handles the tickets. Nobody else sees them, so an event is delivered to one or two organisations."""

_AT_ONCE = 2_000
_WRITE_SECONDS = 60.0
_SESSION_SECONDS = 20.0
_GONE = ("OK", "GroupIdNotFoundError")


class Town:
    """A founded city without custodian and clock, on ``partitions`` partitions of every topic."""

    def __init__(self, home: Path, kafka: EmbeddedKafka, *, partitions: int) -> None:
        self.kafka = kafka
        self.partitions = partitions
        self.transport = KafkaTransport(kafka.bootstrap)
        city = City.load("beijing")
        known = {name: city.organisations[name] for name in (city.id, *LEADS)}
        small = city.model_copy(update={"organisations": known, "partitions": partitions})
        self.founded: FoundedCity = found(small, home, kafka.bootstrap, self.transport)
        self._admin: Any = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        self._producer = self.transport.producer(client_id="bench")

    def corpus(self, *, batched: bool, leads: Sequence[str] = LEADS) -> Corpus:
        """What makes submissions of this town."""
        city = self.founded.city
        return Corpus(city.id, city.time_zone, self.founded.home / "keys", leads, batched=batched)

    def fill(self, records: Sequence[Outgoing]) -> None:
        """Write them, in their order."""
        for at in range(0, len(records), _AT_ONCE):
            self._producer.send(records[at : at + _AT_ONCE], timeout=_WRITE_SECONDS)

    def topic(self, name: str) -> None:
        """Have a topic of this name, as large as the city's."""
        self.transport.create([TopicSpec(name=name, partitions=self.partitions, replication=1, config={})])

    def empty(self, *topics: str) -> None:
        """Delete what these topics hold. Their offsets go on."""
        places = [Partition(topic, number) for topic in topics for number in range(self.partitions)]
        bounds = self.transport.bounds(places)
        ends = {TopicPartition(*place): bounds[place].end for place in places}
        self._admin.delete_records(ends)

    def forget(self, group: str) -> None:
        """Delete a group with its positions, once its last member's session is over; there may be none."""
        deadline = time.monotonic() + _SESSION_SECONDS
        while (error := self._delete(group)) not in _GONE:
            if time.monotonic() > deadline:
                raise RuntimeError(f"group {group} cannot be deleted: {error}")
            time.sleep(0.2)

    def _delete(self, group: str) -> str:
        try:
            return str(self._admin.delete_groups([group])[group])
        except CoordinatorNotAvailableError as error:  # until a new broker has seen its first group
            return str(error)

    def close(self) -> None:
        """Close what this opened; the broker is its owner's."""
        self._producer.close()
        self._admin.close()
        self.transport.close()


@contextlib.contextmanager
def town(home: Path, *, partitions: int) -> Iterator[Town]:
    """A town on an embedded broker of its own under ``home``, while inside."""
    with EmbeddedKafka(home) as kafka, contextlib.closing(Town(home, kafka, partitions=partitions)) as made:
        yield made
