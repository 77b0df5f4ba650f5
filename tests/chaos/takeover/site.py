"""The city whose services are measured: a broker of its own, admit, deliver, and authors that come and go."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hutong.transport import Partition
from hutong.transport.kafka import KafkaTransport
from local.founding import FoundedCity, found
from local.kafka import EmbeddedKafka
from local.lag import Lag
from local.supervisor import ROOT, Child, Supervisor
from local.tether import tethered
from tests.chaos.city import HOTLINE, chaos_city
from tests.chaos.takeover.author import ENTRIES

SERVICES = ("admit", "deliver")
AHEAD = 50_000
"""How many records may wait for admit, or for deliver, before the authors are held."""
LINE_SECONDS = 5.0
AUTHORS = 2

Say = Callable[[str], None]


@dataclass(kw_only=True)
class Site:
    """Everything that runs. ``partitions``: of submissions, ledger and refusals."""

    home: Path
    partitions: int
    kafka: EmbeddedKafka
    transport: KafkaTransport
    founded: FoundedCity
    services: Supervisor
    say: Say
    filed: int = field(default=0)

    def begin(self, service: str) -> None:
        """Start a service."""
        self.services.add(Child.service(service, env=self.founded.variables(HOTLINE)))

    def state(self, service: str) -> Path:
        """Where it keeps its state."""
        return self.home / "state" / service

    def log(self, service: str) -> Path:
        """Where it logs."""
        return self.services.logs / f"{service}.log"

    def end(self, topic: str) -> int:
        """All offsets of a topic: its records and the markers of its transactions."""
        with contextlib.closing(self.transport.consumer(client_id="watch")) as consumer:
            return sum(consumer.end(place) for place in self.places(topic))

    def places(self, topic: str) -> list[Partition]:
        """Its partitions."""
        return [Partition(topic, number) for number in range(self.transport.topics()[topic])]

    def behind(self) -> tuple[int, int]:
        """About how many records wait for admit, and for deliver."""
        return self._lag("admit", "submissions"), self._lag("deliver", "ledger")

    def _lag(self, service: str, topic: str) -> int:
        at = self.transport.groups(f"{HOTLINE}.{service}")
        return self.end(topic) - sum(at[place].offset for place in self.places(topic) if place in at)

    def settle(self) -> None:
        """Wait until admit and deliver have nothing left to do."""
        lag, said = Lag(self.transport, HOTLINE, []), time.monotonic()
        while behind := next(iter(lag.behind()), None):
            if time.monotonic() - said > LINE_SECONDS:
                said = time.monotonic()
                self.say(f"  waiting for {behind}")
            time.sleep(0.2)

    @contextlib.contextmanager
    def load(self, tickets: int) -> Iterator[Load]:
        """Authors who stand ready to file so many tickets."""
        self.filed += 1
        folder = self.home / f"load-{self.filed}"
        folder.mkdir(parents=True)
        hold = folder / "hold"
        hold.touch()
        shares = [tickets // AUTHORS + (number < tickets % AUTHORS) for number in range(AUTHORS)]
        with contextlib.ExitStack() as stack:
            authors = [
                stack.enter_context(self._author(f"author-{self.filed}-{number}", folder, share))
                for number, share in enumerate(shares)
            ]
            load = Load(self, authors, hold, tickets)
            while len(list(folder.glob("*.ready"))) < AUTHORS:
                load.check()
                time.sleep(0.05)
            yield load

    @contextlib.contextmanager
    def _author(self, name: str, folder: Path, tickets: int) -> Iterator[subprocess.Popen[bytes]]:
        argv = [sys.executable, "-m", "tests.chaos.takeover.author", name, "--folder", str(folder)]
        env = {name: value for name, value in self.founded.variables(HOTLINE).items() if name != "HUTONG_JOURNAL"}
        with open(folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                tethered([*argv, "--tickets", str(tickets)]),
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, **env},
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


class Load:
    """Authors at work."""

    def __init__(self, site: Site, authors: list[subprocess.Popen[bytes]], hold: Path, tickets: int) -> None:
        self._site = site
        self._authors = authors
        self._hold = hold
        self._entries = tickets * ENTRIES

    def check(self) -> None:
        """SystemExit where an author failed."""
        if any(author.poll() for author in self._authors):
            raise SystemExit(f"an author failed: see {self._hold.parent}")

    def go(self) -> None:
        """Let them file."""
        self._hold.unlink(missing_ok=True)

    def over(self) -> bool:
        """Whether everything is filed."""
        self.check()
        return all(author.poll() is not None for author in self._authors)

    def finish(self) -> None:
        """Let them file to the end, never far ahead of the services; say how it goes."""
        site, began, said = self._site, time.monotonic(), 0.0
        before = site.end("ledger")
        while not self.over():
            admit, deliver = site.behind()
            (self._hold.touch if max(admit, deliver) > AHEAD else self.go)()
            if time.monotonic() - said > LINE_SECONDS:
                said = time.monotonic()
                done = site.end("ledger") - before
                rate = done / (said - began) if said > began else 0.0
                left = f"{(self._entries - done) / rate:.0f} s left" if done > 0 else "beginning"
                site.say(
                    f"  about {done} of {self._entries} entries, {rate:.0f}/s, {left}; "
                    f"waiting for admit {admit}, for deliver {deliver}"
                )
            time.sleep(0.5)


@contextlib.contextmanager
def site(home: Path, partitions: int, say: Say) -> Iterator[Site]:
    """Build it, run admit and deliver, end all of it. The folder stays."""
    with EmbeddedKafka(home) as kafka, contextlib.closing(KafkaTransport(kafka.bootstrap)) as transport:
        city = chaos_city(home / "city").model_copy(update={"partitions": partitions})
        founded = found(city, home, kafka.bootstrap, transport)
        with Supervisor(home=home) as services:
            built = Site(
                home=home,
                partitions=partitions,
                kafka=kafka,
                transport=transport,
                founded=founded,
                services=services,
                say=say,
            )
            for service in SERVICES:
                built.begin(service)
            yield built
