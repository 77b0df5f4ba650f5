"""A town at work: admit and deliver as processes, as ``local`` runs them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.corpus import BATCH
from benchmarks.running import Failed
from benchmarks.town import Town, town
from local.lag import Lag
from local.supervisor import Child, Supervisor

SERVICES = ("admit", "deliver")
MIB = 1024 * 1024

_READY = b"partition taken"  # logged for each partition that a service owns from then on
_GLANCE = 0.02
_PATIENCE = 120.0
_PARTITIONS = 4  # as the demo city has


class Working:
    """The town's services, running. ``started`` are the seconds from start to ready, by service."""

    def __init__(self, place: Town, home: Path, services: Supervisor) -> None:
        """Start one after the other, so that neither waits for the other's start."""
        self.place = place
        self.home = home
        self._services = services
        self._lag = Lag(place.transport, place.founded.city.id, [])
        variables = place.founded.variables(place.founded.city.id)
        self.started = {name: self._start(Child.service(name, env=variables)) for name in SERVICES}

    def _start(self, child: Child) -> float:
        """Seconds until it owns all partitions. Raises Failed where that takes too long."""
        log, began = self._services.logs / f"{child.name}.log", time.monotonic()
        self._services.add(child)
        while not log.exists() or log.read_bytes().count(_READY) < self.place.partitions:
            if time.monotonic() - began > _PATIENCE:
                raise Failed(f"{child.name} is not ready: {log}")
            time.sleep(_GLANCE)
        return time.monotonic() - began

    def _processes(self) -> dict[str, psutil.Process]:
        return {name: psutil.Process(self._services.pid(name)) for name in SERVICES}

    def resident(self) -> dict[str, float]:
        """MiB of memory that each service holds now."""
        return {name: process.memory_info().rss / MIB for name, process in self._processes().items()}

    def cpu(self) -> dict[str, float]:
        """CPU seconds that each service has used, user and system."""
        times = {name: process.cpu_times() for name, process in self._processes().items()}
        return {name: each.user + each.system for name, each in times.items()}

    def file(self, tickets: int) -> None:
        """File so many new tickets, in whole batches."""
        corpus = self.place.corpus(batched=True)
        filing = [corpus.filing()]
        for _ in range(-(-tickets // BATCH)):
            self.place.fill(list(corpus.block(filing)))

    def settle(self) -> None:
        """Return when all is admitted and delivered. Raises Failed where it does not go on."""
        before, moved = "", time.monotonic()
        while behind := "; ".join(self._lag.behind()):
            if behind != before:
                before, moved = behind, time.monotonic()
            if time.monotonic() - moved > _PATIENCE:
                raise Failed(f"{behind}, and nothing moves: {self._services.logs}")
            time.sleep(0.5)


@contextmanager
def working(home: Path) -> Iterator[Working]:
    """A town with its services on a broker of its own under ``home``, while inside."""
    with town(home, partitions=_PARTITIONS) as place, Supervisor(home=home) as services:
        yield Working(place, home, services)
