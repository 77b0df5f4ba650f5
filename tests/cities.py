"""A whole city in the memory of a test: real admit, real deliver, real signatures, no broker, no thread.

::

    city = TwinCity(tmp_path)                       # founded; the city itself holds every right
    city.register("110000.water", level="utility")
    hotline = city.connect("110000")
    ticket = hotline.submit(complaint.Filed(...), wait="admitted").ticket

A lively city admits and delivers within ``send``, before it returns, so ``wait="admitted"`` finds its receipt at once
and every run is the same. With ``lively=False`` nothing moves before :meth:`TwinCity.pump`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import hutong
from hutong.catalogue import Catalogue
from hutong.codec import Codec
from hutong.events.directory import Agreement, Level, Name, OrganisationEntry
from hutong.keys import make_keys
from hutong.registrar import Registrar
from hutong.registry import DirectoryReader
from hutong.rules.audience import Audience
from hutong.rules.lifecycle import Lifecycle
from hutong.rules.territory import Territory
from hutong.settings import Settings, read_private_key
from hutong.testing import MemoryTransport
from hutong.transport import Consumer, Outgoing, Partition, Placed, Producer
from hutong.wire.signing import Signer, Verifier
from services.admit.handler import Admission
from services.admit.owner import AdmitOwner
from services.admit.past import Past as AdmitPast
from services.deliver.owner import DeliverOwner, DoorPlan
from services.deliver.past import Past as DeliverPast
from services.owning.running import Owner

CITY = "110000"
EVERY_RIGHT = ("register", "file", "dispatch", "call_back", "clock", "backfill", "replay")


@dataclass(frozen=True, slots=True)
class _Shift:
    """One service at work on one partition: what it reads by, and its owner."""

    consumer: Consumer
    owner: Owner

    def pump(self) -> int:
        """Do everything that is there; how many records that were."""
        done = 0
        while polled := self.consumer.poll(0):
            for partition, records in polled.items():
                if positions := self.owner.process(partition, records):
                    self.consumer.commit(positions)
                done += len(records)
        return done


class _Lively(MemoryTransport):
    """Whoever sends a submission finds it admitted and delivered when ``send`` returns."""

    def __init__(self, city: TwinCity) -> None:
        super().__init__()
        self._city = city

    def producer(self, *, client_id: str) -> Any:
        return _LivelyProducer(super().producer(client_id=client_id), self._city)


@dataclass(frozen=True, slots=True)
class _LivelyProducer:
    inner: Producer
    city: TwinCity

    def send(self, records: Sequence[Outgoing], *, timeout: float) -> list[Placed]:
        placed = self.inner.send(records, timeout=timeout)
        if self.city.lively:
            self.city.pump()
        return placed

    def close(self) -> None:
        self.inner.close()


class TwinCity:
    """A city on the transport's twin, founded with its own organisation registered. Not for several threads.

    ``home`` is the folder of everything it writes; keys lie in ``home/keys/<org>.pem``. ``lively`` may be changed at
    any time. ``rights`` are those of the city's own organisation. Without ``delivers`` it admits, and delivers nothing.
    """

    def __init__(
        self,
        home: Path,
        *,
        id: str = CITY,
        partitions: int = 2,
        lively: bool = True,
        rights: Collection[str] = EVERY_RIGHT,
        delivers: bool = True,
    ) -> None:
        self.id = id
        self.home = home
        self.lively = lively
        self.transport: MemoryTransport = _Lively(self)
        self.catalogue = Catalogue.load()
        self._partitions = partitions
        self._delivers = delivers
        self._shifts: list[_Shift] = []
        self._busses: list[hutong.Bus] = []
        files = make_keys(self.keys, id)
        self.registrar_key = files.signing_key.hex()
        self.registrar = Registrar(
            self.transport,
            self.catalogue,
            Signer(read_private_key(files.signing_file), "test"),
            city=id,
            environment="test",
        )
        self.registrar.found(partitions)
        self._enter(id, files.signing_key, files.sealing_key, "city", None, rights, {}, 1)
        self.take_over()

    @property
    def keys(self) -> Path:
        """The folder of all key files."""
        return self.home / "keys"

    def register(
        self,
        organisation: str,
        *,
        level: str = "department",
        parent: str | None = CITY,
        rights: Collection[str] = (),
        names: Mapping[str, str] | None = None,
        partitions: int = 1,
    ) -> None:
        """Make the organisation's keys and enter it into the directory; its door stands then."""
        files = make_keys(self.keys, organisation)
        self._enter(organisation, files.signing_key, files.sealing_key, level, parent, rights, names or {}, partitions)

    def revoke(self, organisation: str, reason: str = "closed") -> None:
        """End the organisation's entry."""
        self.registrar.revoke(organisation, reason, datetime.now(UTC))

    def agree(self, id: str, recipient: str, *, until: datetime | None = None, **given: Collection[str]) -> None:
        """Open a standing agreement, for a day unless told; admit knows of it within half a second, or after
        :meth:`take_over`."""
        lists = {name: tuple(given.get(name, ())) for name in ("types", "categories", "areas", "key_classes")}
        until = until or datetime.now(UTC) + timedelta(days=1)
        agreement = Agreement(id=id, recipient=recipient, purpose="study", until=until, **lists)
        self.registrar.open_agreement(agreement, datetime.now(UTC))

    def _enter(
        self,
        organisation: str,
        signing_key: bytes,
        sealing_key: bytes,
        level: str,
        parent: str | None,
        rights: Collection[str],
        names: Mapping[str, str],
        partitions: int,
    ) -> None:
        entry = OrganisationEntry(
            id=organisation,
            names=tuple(Name(language=language, text=text) for language, text in names.items())
            or (Name(language="en", text=organisation),),
            level=Level(level),
            parent=parent,
            signing_keys=(signing_key,),
            sealing_key=sealing_key,
            rights=tuple(rights),
            partitions=partitions,
        )
        self.registrar.register(entry, datetime.now(UTC))

    def settings(self, organisation: str, **given: Any) -> Settings:
        """The settings of a program of this organisation; each has a home of its own."""
        return Settings.load(**{**self._settings(organisation), **given})

    def environment(self, organisation: str, **given: str) -> dict[str, str]:
        """The same as ``HUTONG_*`` variables, for a command or a process."""
        settings = {**self._settings(organisation), **given}
        return {f"HUTONG_{name.upper()}": str(value) for name, value in settings.items()}

    def _settings(self, organisation: str) -> dict[str, Any]:
        return {
            "bootstrap": "twin:0",
            "city": self.id,
            "organisation": organisation,
            "registrar_key": self.registrar_key,
            "key": self.keys / f"{organisation}.pem",
            "home": self.home / organisation,
            "journal": self.home / "journal",
        }

    def connect(self, organisation: str, system: str = "test", **given: Any) -> hutong.Bus:
        """A bus of this organisation; closed with the city."""
        bus = hutong.connect(system, self.settings(organisation, **given), transport=self.transport)
        self._busses.append(bus)
        return bus

    def pump(self) -> int:
        """Admit and deliver until nothing is left to do; how many records that took."""
        total = 0
        while done := sum(shift.pump() for shift in self._shifts):
            total += done
        return total

    def admit_alone(self) -> None:
        """Admit what was submitted; deliver is down."""
        for shift in self._shifts:
            if isinstance(shift.owner, AdmitOwner):
                shift.pump()

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """Within the block nothing is admitted or delivered; afterwards it is caught up, if the city is lively."""
        lively, self.lively = self.lively, False
        yield
        self.lively = lively
        if lively:
            self.pump()

    def take_over(self) -> None:
        """Let new owners of every partition take over from the present ones, as after a crash."""
        self._end_shifts()
        for number in range(self._partitions):
            self._shifts.append(self._admit(number))
            if self._delivers:
                self._shifts.append(self._deliver(number))

    def _home(self) -> Settings:
        return self.settings(self.id, home=self.home)

    def _admit(self, number: int) -> _Shift:
        codec = Codec(self.catalogue)
        consumer = self.transport.consumer(client_id="admit", group=f"{self.id}.admit", committed=False)
        admission = Admission(
            city=self.id,
            partition=number,
            partitions=self._partitions,
            environment="test",
            codec=codec,
            lifecycle=Lifecycle.load(),
            audience=Audience.load(),
            territory=Territory.load(self.id),
            verifier=Verifier("test"),
        )
        owner = AdmitOwner(
            admission=admission,
            past=AdmitPast.of(self._home(), number, "twin", codec=codec, lifecycle=admission.lifecycle),
            generation=1,
            transport=self.transport,
            reader=DirectoryReader(self.transport, codec, bytes.fromhex(self.registrar_key), "test"),
            producer=self.transport.transactional(client_id="admit", transactional_id=f"admit-{self.id}-{number}"),
            consumer=consumer,
        )
        return _take(owner, consumer, Partition("submissions", number))

    def _deliver(self, number: int) -> _Shift:
        consumer = self.transport.consumer(client_id="deliver", group=f"{self.id}.deliver")
        owner = DeliverOwner(
            number=number,
            past=DeliverPast.of(self._home(), number, "twin"),
            transport=self.transport,
            doors=DoorPlan(self.transport),
            producer=self.transport.transactional(client_id="deliver", transactional_id=f"deliver-{self.id}-{number}"),
            consumer=consumer,
        )
        return _take(owner, consumer, Partition("ledger", number), Partition("refusals", number))

    def _end_shifts(self) -> None:
        for shift in self._shifts:
            shift.owner.close()
            shift.consumer.close()
        self._shifts.clear()

    def close(self) -> None:
        """End everything this city opened."""
        for bus in self._busses:
            bus.close()
        self._end_shifts()
        self.registrar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _take(owner: Owner, consumer: Consumer, *inputs: Partition) -> _Shift:
    consumer.assign(inputs)
    for partition, offset in owner.resume().items():
        consumer.seek(partition, offset)
    return _Shift(consumer, owner)
