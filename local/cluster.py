"""Several real Kafka brokers on one machine as one cluster, every topic on all of them.

For trying what a city does when brokers die. Each broker has a seat: its addresses, and, where it is to have a network
of its own, the command that puts it there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from local.kafka import CITY_SIZE
from local.node import HOST, Address, BrokerProcess, cluster_id, free_port


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where one broker lives. ``inner`` is its host among brokers; ``before`` is put before its command."""

    number: int
    host: str = HOST
    inner: str = HOST
    port: int
    broker_port: int
    controller_port: int
    before: tuple[str, ...] = ()

    @classmethod
    def local(cls, number: int) -> Seat:
        """On this machine's own address, at free ports."""
        port, broker_port, controller_port = free_port(), free_port(), free_port()
        return cls(number=number, port=port, broker_port=broker_port, controller_port=controller_port)


class ClusterBroker(BrokerProcess):
    """One broker of a cluster."""

    def __init__(self, folder: Path, seat: Seat, seats: Sequence[Seat], identity: str) -> None:
        super().__init__(folder, start_timeout=180.0)  # three at once, or one among killed services: slow to start
        self.seat = seat
        self._seats = seats
        self._identity = identity

    def _settle(self) -> tuple[Address, Mapping[str, object]]:
        seat, size = self.seat, len(self._seats)
        enough = size // 2 + 1
        listeners = (
            f"CLIENTS://{seat.host}:{seat.port},BROKERS://{seat.inner}:{seat.broker_port},"
            f"CONTROLLER://{seat.inner}:{seat.controller_port}"
        )
        return (seat.host, seat.port), {
            **CITY_SIZE,
            "process.roles": "broker,controller",
            "node.id": seat.number,
            "controller.quorum.voters": ",".join(f"{s.number}@{s.inner}:{s.controller_port}" for s in self._seats),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "BROKERS",
            "listener.security.protocol.map": "CLIENTS:PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "listeners": listeners,
            "advertised.listeners": listeners.rpartition(",")[0],
            "log.dirs": self.folder / "data",
            "default.replication.factor": size,
            "min.insync.replicas": enough,
            "offsets.topic.replication.factor": size,
            "transaction.state.log.replication.factor": size,
            "transaction.state.log.min.isr": enough,
            # a follower that stands still leaves the replicas in sync after so long; writers wait for that
            "replica.lag.time.max.ms": 5000,
        }

    def _format_options(self) -> Sequence[str]:
        return ("--cluster-id", self._identity)

    def _before(self) -> Sequence[str]:
        return self.seat.before


class Cluster:
    """Brokers 1, 2, 3 … under ``home/kafka-<n>``: whatever is acknowledged lies on more than half of them.

    Like :class:`local.kafka.EmbeddedKafka` for each broker, with the same trap about the thread that starts it.
    """

    def __init__(self, home: Path, seats: Sequence[Seat]) -> None:
        home, identity = Path(home).absolute(), cluster_id()
        self.brokers: Mapping[int, ClusterBroker] = {
            seat.number: ClusterBroker(home / f"kafka-{seat.number}", seat, seats, identity) for seat in seats
        }

    @property
    def bootstrap(self) -> str:
        """All of them: ``host:port,host:port,…``."""
        return ",".join(f"{broker.seat.host}:{broker.seat.port}" for broker in self.brokers.values())

    @property
    def replication(self) -> int:
        """On how many brokers a topic is to lie."""
        return len(self.brokers)

    def start(self) -> None:
        """Start all, and return when all take clients. None of them does before most of them run."""
        try:
            addresses = {number: broker.launch() for number, broker in self.brokers.items() if not broker.running()}
            for number, address in addresses.items():
                self.brokers[number].wait_until_ready(address)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End all cleanly, at the same time: the last one alone could not."""
        for broker in self.brokers.values():
            if broker.running() and broker.process is not None:
                broker.process.terminate()
        for broker in self.brokers.values():
            broker.stop(timeout=5.0)

    def kill(self) -> None:
        """SIGKILL to all."""
        for broker in self.brokers.values():
            broker.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
