"""Who is measured at what: every process under test, ours and the peers'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is compared with each other."""

    SINGLE = "single"
    """The same work, each event signed alone."""
    BATCH = "batch"
    """The same work, events signed 32 at a time."""
    BARE = "bare"
    """Passing on."""
    TYPED = "typed"
    """Taking events as models."""


class Home(StrEnum):
    """Which environment a subject runs in."""

    OURS = "ours"
    FASTSTREAM_ARROYO = "faststream_arroyo"
    QUIX = "quix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One process under test. ``module`` is run with ``words`` and the job; ``service`` is ours, by its own name.

    ``patient``: it waits for each event to be confirmed before the next, so fewer of them are measured.
    """

    name: str
    home: Home
    module: str
    words: tuple[str, ...] = ()
    service: str | None = None
    client: str | None = None
    patient: bool = False

    @property
    def ours(self) -> bool:
        """Whether it is Hutong."""
        return self.client is not None


_SERVICE, _PEERS = "benchmarks.ours.service", "benchmarks.peers"
SLOW, FAST = "kafka-python", "confluent"


def service(name: str, client: str) -> Subject:
    """A city's service, ours, on one of the two client libraries."""
    return Subject(
        name=f"hutong {name}, {client}",
        home=Home.OURS,
        module=_SERVICE,
        words=(name,),
        service=name,
        client=client,
    )


def subscribing(client: str) -> Subject:
    """A department's program on one of the two client libraries."""
    return Subject(
        name=f"hutong subscribe, {client}", home=Home.OURS, module="benchmarks.ours.subscribe", client=client
    )


def _peer(name: str, home: Home, module: str, *words: str, patient: bool = False) -> Subject:
    return Subject(name=name, home=home, module=f"{_PEERS}.{module}", words=words, patient=patient)


ARROYO, FASTSTREAM, QUIX = "arroyo", "FastStream", "Quix Streams"
FASTSTREAM_BATCH = "FastStream, batch=True"
RAW_KAFKA_PYTHON, RAW_CONFLUENT = "kafka-python alone", "confluent-kafka alone"


def _peers(what: str) -> tuple[Subject, ...]:
    return (
        _peer(RAW_KAFKA_PYTHON, Home.OURS, "raw_kafka_python", what),
        _peer(RAW_CONFLUENT, Home.OURS, "raw_confluent", what),
        _peer(FASTSTREAM, Home.FASTSTREAM_ARROYO, "faststream_peer", what, patient=True),
        _peer(ARROYO, Home.FASTSTREAM_ARROYO, "arroyo_peer", what),
        _peer(QUIX, Home.QUIX, "quix_peer", what),
    )


def _batch(what: str) -> Subject:
    return _peer(FASTSTREAM_BATCH, Home.FASTSTREAM_ARROYO, "faststream_peer", f"{what}-batch")


_SAME = (service("admit", SLOW), service("admit", FAST), *_peers("same"))

SUBJECTS: Mapping[Kind, tuple[Subject, ...]] = {
    Kind.SINGLE: _SAME,
    Kind.BATCH: _SAME,
    Kind.BARE: (service("deliver", SLOW), service("deliver", FAST), *_peers("bare"), _batch("bare")),
    Kind.TYPED: (
        subscribing(SLOW),
        subscribing(FAST),
        _peer(FASTSTREAM, Home.FASTSTREAM_ARROYO, "faststream_peer", "typed"),
        _batch("typed"),
        _peer(QUIX, Home.QUIX, "quix_peer", "typed"),
    ),
}


def interleaved(subjects: tuple[Subject, ...]) -> list[Subject]:
    """Ours and the peers' in turn, so that a slow moment of the machine meets both."""
    ours, peers = [s for s in subjects if s.ours], [s for s in subjects if not s.ours]
    turns: list[Subject] = []
    while ours or peers:
        turns += [queue.pop(0) for queue in (ours, peers) if queue]
    return turns
