"""Where one event is: submitted, admitted or refused, delivered, handled or parked; as far as one may know.

Whoever reads the whole city sees the ledger with its audiences, the refusals and what is not judged yet; everybody else
what came through his own door. Whose systems handled it is told of the own organisation alone.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from hutong.client import Bus
from hutong.errors import SettingsError
from hutong.event import Event, city_part_removed
from hutong.loop import read_to
from hutong.reading import Progress
from hutong.subscribing.deadletters import letters, topic_of
from hutong.subscribing.marks import Marks
from hutong.transport import Consumer, Partition, Record, Transport
from hutong.transport.partition import partition_of
from hutong.wire.envelope import Environment, Submission
from hutong.wire.stamps import DeliveryStamp, unpack_record

SHORTEST_PREFIX = 6
"""Hex digits of a fingerprint that name an event at least."""

_PLACE = re.compile(r"(?:(.+)/)?(\d{1,9})@(\d{1,18})")
_HEX = re.compile(rf"[0-9a-f]{{{SHORTEST_PREFIX},64}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One record of the event. ``at`` is when it was written where it lies."""

    at: datetime
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who is given the event; ``delivered``: deliver is past it. None where that cannot be seen from here."""

    organisation: str
    delivered: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """A system of the own organisation, and what it did with the delivery.

    ``handled`` is said of what its program did not ask for, too: the marks are past it. ``reason`` is why it is parked
    or was skipped.
    """

    system: str
    state: Literal["handled", "waiting", "parked", "released", "skipped"]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One event's way. ``entry`` is its ledger entry; ``refusals`` what was refused under its identity; ``waiting``
    where it stands on the submissions, not judged yet; ``delivery`` its place in the own door."""

    entry: Found | None = None
    refusals: tuple[Found, ...] = ()
    waiting: tuple[Partition, int] | None = None
    sent: Submission
    fingerprint: bytes
    receivers: tuple[Receiver, ...] = ()
    delivery: Found | None = None
    handlers: tuple[Handler, ...] = ()


class Several(Exception):
    """More than one event is meant; ``places`` are where they lie."""

    def __init__(self, places: Sequence[str]) -> None:
        super().__init__(", ".join(places))
        self.places = places


class Tracer:
    """Looks for events as one organisation; ``whole``: in the whole city, for which it must be allowed to read ledger
    and refusals."""

    def __init__(self, transport: Transport, bus: Bus, *, city: str, environment: Environment, whole: bool) -> None:
        self._transport = transport
        self._bus = bus
        self._city = city
        self._environment: Environment = environment
        self._whole = whole
        self._door = f"deliveries.{bus.organisation}"
        self._counts = transport.topics()

    @property
    def topic(self) -> str:
        """The topic that a place without one is on."""
        return "ledger" if self._whole else self._door

    def trace(self, which: str, progress: Progress | None = None) -> Trace | None:
        """The way of the event with this id, fingerprint (its beginning will do) or place (``ledger/0@12``, ``0@12``);
        None where there is none.

        Raises:
            Several: it is more than one. SettingsError: a place on a topic that cannot be read from here.
            InvalidEvent: an entry proves nothing. Unavailable: the broker is away.
        """
        wanted, ticket = self._wanted(which)
        if wanted is None:
            return None
        records = list(self._search(self._record_topics(), wanted, ticket, progress))
        if not records and self._whole:
            with contextlib.suppress(SettingsError):  # who reads the ledger need not see what waits to be judged
                records = list(self._search(("submissions",), wanted, ticket, progress))
        sent = {_identity(_sent(record)): record for record in records}
        if len(sent) > 1:
            raise Several([_place(record) for record in sent.values()])
        return self._told(records) if records else None

    # -- finding ----------------------------------------------------------------------------------------------------

    def _record_topics(self) -> tuple[str, ...]:
        topics = ("ledger", "refusals", self._door) if self._whole else (self._door,)
        return tuple(topic for topic in topics if topic in self._counts)

    def _wanted(self, which: str) -> tuple[Callable[[Submission], bool] | None, bytes | None]:
        """What to look for, and the ticket that it is of where that is known."""
        if place := _PLACE.fullmatch(which):
            record = self._at(place[1] or self.topic, int(place[2]), int(place[3]))
            if record is None:
                return None, None
            identity = _identity(_sent(record))
            return lambda sent: _identity(sent) == identity, record.key
        if _HEX.fullmatch(which):
            return lambda sent: sent.fingerprint(self._environment).hex().startswith(which), None
        return lambda sent: sent.header("ce_id") == which.encode(), None

    def _at(self, topic: str, partition: int, offset: int) -> Record | None:
        if topic not in (*self._record_topics(), *(("submissions",) if self._whole else ())):
            raise SettingsError(f"{topic} cannot be read from here, only {', '.join(self._record_topics())}")
        place = Partition(topic, partition)
        if partition >= self._counts.get(topic, 0):
            return None
        with self._consumer(topic) as consumer:
            consumer.assign([place])
            if not consumer.beginning(place) <= offset < consumer.end(place):
                return None
            consumer.seek(place, offset)
            return next((each for each in read_to(consumer, {place: offset + 1}) if each.offset == offset), None)

    def _search(
        self,
        topics: Sequence[str],
        wanted: Callable[[Submission], bool],
        ticket: bytes | None,
        progress: Progress | None,
    ) -> Iterator[Record]:
        for topic in topics:
            count = self._counts.get(topic, 0)
            numbers = range(count) if ticket is None or topic == self._door else [partition_of(ticket, count)]
            places = [Partition(topic, number) for number in numbers]
            with self._consumer(topic) as consumer:
                consumer.assign(places)
                begins = {place: consumer.beginning(place) for place in places}
                ends = {place: consumer.end(place) for place in places}
                for place, begin in begins.items():
                    consumer.seek(place, begin)
                total = sum(ends.values()) - sum(begins.values())
                for done, record in enumerate(read_to(consumer, ends), start=1):
                    if progress is not None:
                        progress(done, total)
                    if not record.unreadable and wanted(_sent(record)):
                        yield record

    def _consumer(self, topic: str) -> contextlib.closing[Consumer]:
        name, strangers = f"{self._bus.organisation}.trace", topic == "submissions"
        return contextlib.closing(
            self._transport.consumer(client_id=name, committed=not strangers, strangers=strangers)
        )

    # -- telling ----------------------------------------------------------------------------------------------------

    def _told(self, records: Sequence[Record]) -> Trace:
        entries, refusals, deliveries = [], [], []
        for record in records:
            if record.topic == "submissions":
                continue
            found = Found(at=datetime.fromtimestamp(record.timestamp_ms / 1000, UTC), event=self._bus.read(record))
            if record.topic == self._door:
                deliveries.append(found)
            if found.event.refusal is not None:
                refusals.append(found)
            elif record.topic == self.topic:
                entries.append(found)
        entry = entries[0] if entries else None
        last = next((each for each in records if each.topic == "submissions"), None)
        sent = entry.event.submission if entry else _sent(records[-1])
        own = next((each for each in deliveries if entry and each.event.ledger is not None), None)
        own = own or (deliveries[-1] if deliveries else None)
        return Trace(
            entry=entry,
            refusals=_once(refusals),
            waiting=None if last is None else (Partition(last.topic, last.partition), last.offset),
            sent=sent,
            fingerprint=sent.fingerprint(self._environment),
            receivers=tuple(self._receivers(entry, refusals)) if self._whole else (),
            delivery=own,
            handlers=tuple(self._handlers(own.event)) if own else (),
        )

    def _receivers(self, entry: Found | None, refusals: Sequence[Found]) -> Iterator[Receiver]:
        try:
            positions = self._transport.groups(f"{self._city}.deliver")
        except SettingsError:  # the group may not be known from here
            positions = None

        def past(event: Event) -> bool | None:
            at = event.position
            where = None if positions is None else positions.get(Partition(at.topic, at.partition))
            return None if positions is None else where is not None and where.offset > at.offset

        if entry is not None and entry.event.audience is not None:
            for organisation in (*entry.event.audience.participants, *entry.event.audience.matches):
                yield Receiver(organisation=organisation, delivered=past(entry.event))
        elif entry is None:
            for each in refusals:
                if each.event.position.topic == "refusals" and each.event.refusal and each.event.refusal.returned_to:
                    yield Receiver(organisation=each.event.refusal.returned_to, delivered=past(each.event))

    def _handlers(self, delivery: Event) -> Iterator[Handler]:
        """The own systems that read the door, or parked this delivery."""
        stamp, place = delivery.delivery, Partition(self._door, delivery.position.partition)
        assert stamp is not None
        found = {handler.system: handler for handler in self._parked(stamp)}
        head = f"{self._bus.organisation}."
        others = [f"{each.entry.id}." for each in self._bus.directory if each.entry.id.startswith(head)]
        for group in self._groups():
            system = group.removeprefix(head)
            if system in found or not group.startswith(head) or group.startswith(tuple(others)):
                continue
            position = self._transport.groups(group).get(place)
            if position is not None:
                found[system] = Handler(system=system, state=_state(position.metadata, stamp))
        return iter(sorted(found.values(), key=lambda each: each.system))

    def _groups(self) -> Collection[str]:
        try:
            return self._transport.members()
        except SettingsError:  # which groups there are may not be known from here
            return ()

    def _parked(self, stamp: DeliveryStamp) -> Iterator[Handler]:
        count = self._counts.get(topic_of(self._bus.organisation), 0)
        fold = letters(self._transport, self._bus.organisation, count) if count else None
        if fold is None:
            return
        for done in fold.done:
            if done.letter.stamp == stamp:
                yield Handler(system=done.letter.system, state=done.how, reason=done.reason)
        for letter, ticket in fold.letters():
            if letter.stamp == stamp:
                reason = letter.failure.reason if letter.failure else ""
                yield Handler(system=letter.system, state="released" if ticket.released else "parked", reason=reason)


def _sent(record: Record) -> Submission:
    """The event as its author signed it, wherever the record lies."""
    if record.topic == "refusals":
        key, value, headers = unpack_record(record.value or b"")
        return Submission(key=key, value=value, headers=headers)
    if record.topic == "submissions":
        return Submission(key=record.key, value=record.value, headers=record.headers)
    return city_part_removed(record)


def _identity(sent: Submission) -> tuple[bytes | None, ...]:
    return sent.header("ce_source"), sent.header("ce_subject"), sent.header("ce_id")


def _place(record: Record) -> str:
    return f"{record.topic}/{record.partition}@{record.offset}"


def _once(refusals: Sequence[Found]) -> tuple[Found, ...]:
    """Each refusal once, though it lies in the door too."""
    seen = {
        (each.event.fingerprint, each.event.refusal and each.event.refusal.code): each for each in reversed(refusals)
    }
    return tuple(reversed(seen.values()))


def _state(metadata: str, stamp: DeliveryStamp) -> Literal["handled", "waiting"]:
    try:
        return "waiting" if Marks.decode(metadata).fresh(stamp) else "handled"
    except ValueError:
        return "waiting"
