"""What the tests of services share: events out of nothing, directories, and a service that runs until it is quiet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import hutong
from hutong.event import Source
from hutong.events.directory import Level, Name, OrganisationEntry, Registered, Revoked
from hutong.transport import Partition, Record
from hutong.wire.envelope import Submission
from hutong.wire.stamps import LedgerStamp, RefusalStamp
from tests.cities import TwinCity

TICKET = "110000-20260131-0123456789"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def event(
    data: hutong.EventData,
    *,
    source: str = "110000",
    ticket: str = TICKET,
    category: str = "public_service/water",
    area: str = "110105026",
    fingerprint: bytes = b"\1" * 32,
    time: datetime = NOON,
    admitted: datetime | None = None,
    refused: str = "",
) -> hutong.Event:
    """An event as a handler is given it: ``admitted`` then, or ``refused`` with this code."""
    return hutong.Event(
        id="1",
        source=source,
        type=data.TYPE,
        ticket=ticket,
        time=time,
        causation=None,
        data=data,
        fingerprint=fingerprint,
        position=Source(topic="deliveries", partition=0, offset=0),
        submission=Submission(key=None, value=None, headers=()),
        category=category,
        area=area,
        ledger=None
        if admitted is None
        else LedgerStamp(
            generation=1,
            partition=0,
            sequence=1,
            admitted_ms=round(admitted.timestamp() * 1000),
            directory=1,
            audience_hash=b"",
        ),
        refusal=RefusalStamp(code=refused, text=refused, returned_to=source) if refused else None,
    )


def directory(
    *organisations: str, revoked: tuple[str, ...] = (), parents: Mapping[str, str] | None = None
) -> hutong.Directory:
    """A directory with these organisations, some of them revoked, some of them under others."""
    made = hutong.Directory()
    for organisation in organisations:
        entry = OrganisationEntry(
            id=organisation,
            names=(Name(language="en", text=organisation),),
            level=Level.DEPARTMENT,
            parent=(parents or {}).get(organisation),
            signing_keys=(organisation.encode().ljust(32, b"."),),
            rights=(),
        )
        made.apply(Registered(number=made.number + 1, entry=entry))
    for organisation in revoked:
        made.apply(Revoked(number=made.number + 1, organisation=organisation, reason="closed"))
    return made


def ledger_size(city: TwinCity) -> int:
    """How many events are on the ledger, and marks of transactions between them: it grows when anything happens."""
    consumer = city.transport.consumer(client_id="test")
    return sum(consumer.end(Partition("ledger", number)) for number in range(city.transport.topics()["ledger"]))


def until_quiet(city: TwinCity, step: Callable[[], None]) -> None:
    """Repeat ``step`` until it leads to nothing new."""
    for _ in range(30):
        before = ledger_size(city)
        step()
        if ledger_size(city) == before:
            return
    raise AssertionError("the city does not come to rest")


def run(city: TwinCity, organisation: str, system: str, work: Callable[[hutong.Bus], None]) -> None:
    """Run a service's ``work`` from its start until its door has nothing new, as if it was stopped then."""
    quiet = _Quiet(city)
    with hutong.connect(system, city.settings(organisation), transport=quiet) as bus:
        quiet.stop = bus.stop
        work(bus)


class _Quiet:
    """The city's transport, which tells when a subscription finds nothing."""

    def __init__(self, city: TwinCity) -> None:
        self._inner = city.transport
        self.stop: Callable[[], None] = lambda: None

    def consumer(self, **settings: Any) -> Any:
        inner = self._inner.consumer(**settings)
        return _QuietConsumer(inner, self) if settings.get("group") else inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _QuietConsumer:
    def __init__(self, inner: Any, transport: _Quiet) -> None:
        self._inner = inner
        self._transport = transport
        self._empty = 0

    def poll(self, timeout: float, max_records: int = 500) -> dict[Partition, list[Record]]:
        found: dict[Partition, list[Record]] = self._inner.poll(0, max_records)
        self._empty = 0 if found else self._empty + 1
        if self._empty > 1:  # the first may only have brought the assignment
            self._transport.stop()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
