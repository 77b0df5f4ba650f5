"""A small city on a real broker whose services can be had with a bug, and what the schedules need of it."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import hutong
from hutong import complaint, disposition
from hutong.submitting.drafts import Draft
from hutong.transport import Outgoing
from hutong.transport.kafka import KafkaTransport
from hutong.transport.kafka.fencing import FencingProducer
from hutong.transport.partition import partition_of
from local.founding import FoundedCity, found
from local.kafka import EmbeddedKafka
from local.supervisor import Child, Supervisor
from tests.chaos.city import CATEGORIES, HOTLINE, WORKS, chaos_city
from tests.chaos.sabotage.bugs import SOUND
from tests.chaos.sabotage.cuts import Cuts
from tests.checker import Verdict, check, read_history, read_journals

FILED = complaint.Filed(kind=complaint.Kind.HELP, channel="phone", category=CATEGORIES[1], area="110105026")
PATIENCE = 40.0
"""Seconds until what must come has come."""


def until(what: str, true: Callable[[], object], *, within: float = PATIENCE) -> None:
    """Wait for it; AssertionError names ``what`` did not come."""
    assert came(true, within=within), f"not in {within:.0f} s: {what}"


def came(true: Callable[[], object], *, within: float) -> bool:
    """Whether it came in time."""
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotaged:
    """The city: ``bug`` is in the services named ``run`` here, unless they are started sound."""

    founded: FoundedCity
    transport: KafkaTransport
    services: Supervisor
    hotline: hutong.Bus
    cuts: Cuts
    bug: str
    folder: Path

    def start(self, module: str, *args: str, name: str, organisation: str = HOTLINE, sound: bool) -> None:
        """A service or system under the static id ``name``, with the bug or without."""
        env = {
            **self.founded.variables(organisation),
            "HUTONG_INSTANCE": name,
            "HUTONG_RETRIES": "0",
            "SABOTAGE_FOLDER": str(self.folder),
        }
        argv = (sys.executable, "-m", "tests.chaos.sabotage.run", SOUND if sound else self.bug, module, *args)
        self.services.add(Child(name=name, argv=argv, env=env))

    def admit(self, *, sound: bool, former: bool = False) -> None:
        """Admit; ``former``: one ran before and ends first. Returns when it works."""
        if former:
            self.services.remove("admit")
        self.start("services.admit", name="admit", sound=sound)
        self.file()

    def file(self, count: int = 0) -> None:
        """File ``count`` complaints at once, then one more, and wait until that is admitted and delivered."""
        if count:
            self.file_unheard(count)
        self.hotline.submit(FILED, wait="admitted", timeout=PATIENCE)

    def file_unheard(self, count: int = 5) -> None:
        """File ``count`` complaints at once, and wait for nothing."""
        self.hotline.submit_batch([self.hotline.draft(FILED) for _ in range(count)])

    def dispatch(self, count: int) -> None:
        """``count`` new tickets on every partition, filed and dispatched to the public works; two deliveries each."""
        partitions = self.founded.city.partitions
        drafts: dict[int, list[Draft]] = {number: [] for number in range(partitions)}
        while any(len(some) < count for some in drafts.values()):
            draft = self.hotline.draft(FILED)
            drafts[partition_of(draft.ticket.encode(), partitions)].append(draft)
        chosen = [draft for some in drafts.values() for draft in some[:count]]
        self.hotline.submit_batch(chosen)
        for draft in chosen:
            dispatched = disposition.Dispatched(lead=WORKS)
            self.hotline.submit(dispatched, ticket=draft.ticket, wait="admitted", timeout=PATIENCE)

    def handled(self, system: str) -> int:
        """How many different deliveries a system of the public works has handled."""
        lines = read_journals(self.founded.journals).handled
        return len({(one.stream, one.partition, one.n) for one in lines if one.system == f"{WORKS}.{system}"})

    def zombie(self) -> None:
        """Admit is stopped before it writes; its successor settles everything; then it wakes up and goes on."""
        self.cuts.arm("before_write", "stop")
        self.file_unheard()
        until("admit stops", self.cuts.fired("before_write").exists)
        former = self.services.succeed("admit")
        assert former is not None
        self.file()
        former.send_signal(signal.SIGCONT)
        until("the zombie ends", lambda: former.poll() is not None)
        self.file()

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Somebody's transaction hangs on the ledger within the block, and is aborted at its end."""
        settings = {
            "bootstrap_servers": self.founded.bootstrap,
            "client_id": "stranger",
            "transaction_timeout_ms": 120_000,
        }
        producer = FencingProducer(settings, transactional_id="stranger", timeout=10)
        raw = producer._sender.raw
        raw.begin_transaction()
        producer._sender.know({"ledger"}, time.monotonic() + 10)
        producer._sender.hand_over([Outgoing(topic="ledger", partition=0, key=b"", value=b"", headers=())], [])
        producer._sender.flush(time.monotonic() + 10)
        yield
        self.transport.transactional(client_id="stranger", transactional_id="stranger", timeout=10).close()
        producer.close()

    def end(self, names: Iterable[str]) -> None:
        """End these processes, whatever they have in hand first."""
        for name in names:
            self.services.remove(name)

    def verdict(self, *systems: str) -> Verdict:
        """The checker's word; these systems of the public works must have handled all, each once: none was killed
        with something in hand that it had handled."""
        history = read_history(self.transport, self.founded.settings(HOTLINE), journals=self.founded.journals)
        names = [f"{WORKS}.{system}" for system in systems]
        return check(history, complete=True, systems=names)

    def hit(self) -> bool:
        """Whether the broken code ran."""
        return self.cuts.sign(f"{self.bug}.hit").exists()


@contextlib.contextmanager
def sabotaged_city(home: Path, bug: str, *, partitions: int = 1) -> Iterator[Sabotaged]:
    """Start a broker, found the city, run deliver; end all of it with the block."""
    with EmbeddedKafka(home) as kafka, contextlib.closing(KafkaTransport(kafka.bootstrap)) as transport:
        large = chaos_city(home / "city")
        organisations = {
            id_: one.model_copy(update={"partitions": min(partitions, one.partitions)})
            for id_, one in large.organisations.items()
        }
        city = large.model_copy(update={"partitions": partitions, "organisations": organisations})
        founded = found(city, home, kafka.bootstrap, transport)
        deliver = Child.service("deliver", env=founded.variables(HOTLINE))
        settings = founded.settings(HOTLINE).model_copy(update={"journal": founded.journals})
        with Supervisor([deliver], home=home) as services, contextlib.closing(hutong.connect("phone", settings)) as bus:
            yield Sabotaged(
                founded=founded,
                transport=transport,
                services=services,
                hotline=bus,
                cuts=Cuts(home / "cuts"),
                bug=bug,
                folder=home / "cuts",
            )
