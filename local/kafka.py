"""Real Apache Kafka for one machine: one broker, its data under the city's home folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hutong.errors import SettingsError
from local.node import HOST, Address, BrokerProcess, cluster_id, free_port, is_busy

CITY_SIZE: Mapping[str, object] = {
    "auto.create.topics.enable": "false",
    "num.network.threads": 2,
    "num.io.threads": 4,
    "offsets.topic.num.partitions": 4,
    "offsets.topic.replication.factor": 1,
    "offsets.retention.minutes": 365 * 24 * 60,  # longer than any delivery is kept
    "transaction.state.log.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    # an open transaction of a dead owner blocks readers until it is reaped
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    # a broker killed and started again waits until its former life is declared dead
    "broker.heartbeat.interval.ms": 500,
    "broker.session.timeout.ms": 3000,
    "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,  # the default takes 128 MB of the heap
}


@contextlib.contextmanager
def broker(home: Path, *, bootstrap: str | None, say: Callable[[str], None] = lambda _: None) -> Iterator[Broker]:
    """A Kafka: the one at ``bootstrap`` (``HUTONG_BOOTSTRAP``) if given, otherwise an embedded one while inside."""
    if bootstrap:
        yield NamedKafka(bootstrap)
        return
    with EmbeddedKafka(home, say=say) as embedded:
        yield embedded


class Broker(Protocol):
    """A Kafka that somebody keeps running."""

    @property
    def bootstrap(self) -> str:
        """``host:port``."""
        ...

    def start(self) -> None:
        """Start it again if it died. Running: no-op."""
        ...


@dataclass(frozen=True, slots=True)
class NamedKafka:
    """A Kafka that others keep running."""

    bootstrap: str

    def start(self) -> None:
        """Not ours to start."""


class EmbeddedKafka(BrokerProcess):
    """One real broker (KRaft, combined mode) under ``home/kafka``; a second start finds its data and its port again."""

    def __init__(
        self,
        home: Path,
        *,
        port: int | None = None,
        start_timeout: float = 60.0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(Path(home).absolute() / "kafka", start_timeout=start_timeout, say=say)
        self._wanted = port
        self._port: int | None = None

    @property
    def bootstrap(self) -> str:
        """``host:port``, known from the first start on."""
        if self._port is None:
            raise SettingsError("The embedded Kafka has no address before its first start.")
        return f"{HOST}:{self._port}"

    def _settle(self) -> tuple[Address, Mapping[str, object]]:
        self._port, controller = self._ports()
        addresses = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.bootstrap.servers": f"{HOST}:{controller}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self.folder / "data",
            **self._listeners(self._port, controller),
        }
        return (HOST, self._port), {**addresses, **CITY_SIZE}

    def _listeners(self, port: int, controller: int) -> Mapping[str, object]:
        """The properties that say how clients, brokers and controllers talk to it."""
        return {
            "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        }

    def _format_options(self) -> Sequence[str]:
        return ("--standalone", "--cluster-id", cluster_id())

    def _ports(self) -> tuple[int, int]:
        """Broker's and controller's port: as remembered in ``ports``, as asked for, or free ones."""
        remembered = self.folder / "ports"
        if remembered.exists():
            former, controller = (int(number) for number in remembered.read_text().split())
            port = self._wanted or former
        else:
            port = self._wanted or free_port()
            controller = free_port(but=port)
        for number in (port, controller):
            if is_busy(number):
                raise SettingsError(
                    f"Port {number} of {HOST} is busy: end the program that uses it (perhaps another city that runs "
                    f"from {self.folder.parent}), or name another folder in HUTONG_DEMO_HOME."
                )
        written = remembered.with_suffix(".new")
        written.write_text(f"{port} {controller}\n")
        written.replace(remembered)
        return port, controller
