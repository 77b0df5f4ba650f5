"""The stage: brokers, city, processes, network and disks of one run, and what the faults may lay hands on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hutong.transport.kafka import KafkaTransport
from local.cluster import Cluster, Seat
from local.founding import FoundedCity, found
from local.supervisor import Supervisor
from tests.chaos.city import Cast, chaos_city
from tests.chaos.disk import Disk
from tests.chaos.network import Network, network

STATEFUL = ("admit", "deliver")


@dataclass(kw_only=True)
class Stage:
    """Everything of a run. ``missing``: faults this machine does not allow → why."""

    home: Path
    cluster: Cluster
    transport: KafkaTransport
    founded: FoundedCity
    services: Supervisor
    cast: Cast
    network: Network | None
    disks: dict[str, Disk]
    missing: dict[str, str]
    scaled: dict[str, int] = field(default_factory=lambda: {"admit": 1, "deliver": 1})
    """How many instances of each there are now."""
    zombies: list[str] = field(default_factory=list)
    """Processes that had a successor and did not end."""

    def states(self, service: str) -> Path:
        """Where a service keeps its state."""
        return self.home / "state" / service


@contextlib.contextmanager
def stage(home: Path, *, brokers: int, client: str, say: Callable[[str], None]) -> Iterator[Stage]:
    """Build it, give it, take it away. The folder stays. ``client``: the client library of the city's programs."""
    missing: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        net = stack.enter_context(network(brokers))
        if isinstance(net, str):
            missing["network"] = net
        disks = {}
        for service in STATEFUL:
            disk = Disk(home / "state" / service)
            why = disk.mount()
            stack.callback(disk.unmount)
            if why is None:
                disks[service] = disk
            else:
                missing["full disk"] = why
        seats = [Seat.local(n) for n in range(1, brokers + 1)] if isinstance(net, str) else net.seats
        say(f"starting {brokers} broker{'s' if brokers > 1 else ''}")
        cluster = stack.enter_context(Cluster(home, seats))
        transport = stack.enter_context(contextlib.closing(KafkaTransport(cluster.bootstrap)))
        say("founding the city")
        city = chaos_city(home / "city")
        founded = found(city, home, cluster.bootstrap, transport, replication=cluster.replication, client=client)
        cast = Cast(founded)
        children = [cast.admit(1), cast.deliver(1), *cast.systems()]
        services = stack.enter_context(Supervisor(children, home=home))
        yield Stage(
            home=home,
            cluster=cluster,
            transport=transport,
            founded=founded,
            services=services,
            cast=cast,
            network=None if isinstance(net, str) else net,
            disks=disks,
            missing=missing,
        )
