"""A demo city on a real broker of its own, with its services as processes, for the tests of this folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import hutong
from hutong.transport.kafka import KafkaTransport
from local.cities import City, CityOrganisation
from local.founding import FoundedCity, found
from local.kafka import Broker, EmbeddedKafka
from local.supervisor import Child, Supervisor
from tests.brokers import a_broker


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningCity:
    """``founded`` on ``broker``; ``services`` keeps admit and deliver (and what is added) running."""

    founded: FoundedCity
    broker: Broker
    transport: KafkaTransport
    services: Supervisor

    @property
    def kafka(self) -> EmbeddedKafka:
        """The broker's process, for tests that hurt it; they run on an embedded one only."""
        assert isinstance(self.broker, EmbeddedKafka)
        return self.broker

    def connect(self, organisation: str, system: str = "test", *, journal: bool = True) -> hutong.Bus:
        """A bus of an organisation, logging into the city's journals."""
        settings = self.founded.settings(organisation)
        if journal:
            settings = settings.model_copy(update={"journal": self.founded.journals})
        return hutong.connect(system, settings)


@contextlib.contextmanager
def running_city(
    home: Path,
    *,
    city: str = "beijing",
    more: Sequence[Child] = (),
    env: Mapping[str, str] | None = None,
    speed: int = 1,
    custody: bool = True,
    beside: Sequence[CityOrganisation] = (),
    client: str = "kafka-python",
) -> Iterator[RunningCity]:
    """Start a broker, found the city, run admit and deliver, and the custodian; end all of it with the block.

    ``custody``: False for a city without a custodian, where no notice of a key comes between a ticket's events.
    ``beside``: organisations that the demo city does not have. ``client``: the client library of all its programs; what
    a test asks by ``transport`` is asked with kafka-python.
    """
    with a_broker(home) as kafka, contextlib.closing(KafkaTransport(kafka.bootstrap)) as transport:
        founded = found(
            _city(city, beside, custody=custody), home, kafka.bootstrap, transport, speed=speed, client=client
        )
        variables = {**founded.variables(founded.city.id), **(env or {})}
        children = [
            Child.service("admit", env=variables),
            Child.service("deliver", env=variables),
            *founded.custody(),
            *more,
        ]
        with Supervisor(children, home=home) as services:
            yield RunningCity(founded=founded, broker=kafka, transport=transport, services=services)


def _city(name: str, beside: Sequence[CityOrganisation], *, custody: bool) -> City:
    city = City.load(name)
    known = {**city.organisations, **{one.id: one for one in beside}}
    taken = {id: one for id, one in known.items() if custody or "custody" not in one.rights}
    return city.model_copy(update={"organisations": taken})
