"""One system's subscription to its organisation's deliveries: in order per ticket, each once, loud at a gap.

What an event's failure means is decided here and written by :mod:`hutong.subscribing.parking`; giving one event out,
again and again where it must be, is :mod:`hutong.subscribing.giving`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from hutong.errors import InvalidEvent, SettingsError, TooManyDeadLetters, Unavailable
from hutong.event import Event
from hutong.journal import Journal
from hutong.loop import Loop
from hutong.observing.lag import lag
from hutong.observing.metrics import Meter
from hutong.subscribing import gaps
from hutong.subscribing.giving import Giving, Moved, Open
from hutong.subscribing.letters import Failure, Letter
from hutong.subscribing.marks import WINDOW, Marks, stamp_of
from hutong.subscribing.parking import Parking
from hutong.subscribing.wishes import Wishes
from hutong.transport import Consumer, Partition, Position, Record, Transport
from hutong.wire.stamps import DeliveryStamp

_log = structlog.get_logger()

_SOME = 100
"""So many letters, or deliveries that were missing, before the door is read on, or a commit is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often an event is tried again, and the share of the last deliveries that may be parked."""

    retries: int
    share: float


@dataclass(slots=True, kw_only=True)
class _Door:
    """One partition of the door that this instance owns. ``next`` is the offset of the first record not done."""

    place: Partition
    next: int
    marks: Marks


class Subscription:
    """Gives out events; each must be taken by ``with event:``. Marks are committed after each batch.

    ``begin`` is where a system that was never here before begins, if not at the beginning of what there is. With
    ``idle`` None is given out between events: behind whatever one poll brought, and every so many seconds without any.
    """

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        *,
        transport: Transport,
        organisation: str,
        system: str,
        open_event: Open,
        journal: Journal,
        around: Callable[[Event], contextlib.AbstractContextManager[None]],
        wishes: Wishes,
        patience: Patience,
        meter: Meter,
        begin: Mapping[Partition, int] | None = None,
        idle: float | None = None,
        heartbeat: Path | None = None,
    ) -> None:
        self._consumer = consumer
        self._transport = transport
        self._organisation = organisation
        self._name = f"{organisation}.{system}"
        self._journal = journal
        self._wishes = wishes
        self._share = patience.share
        self._begin = begin
        self._doors: dict[int, _Door] = {}
        self._idle = idle
        self._loop = Loop(
            consumer,
            [topic],
            self._taken,
            max_records=100,
            from_beginning=True,
            idle=idle,
            meter=meter,
            heartbeat=heartbeat,
        )
        self._giving = Giving(self._loop, open_event, around, patience.retries, meter)
        self._parking = Parking(transport, organisation, system, journal)
        meter.ask(lag(self._loop, transport))
        meter.ask(self._parking.readings)

    def stop(self) -> None:
        """End after the event in hand."""
        self._loop.stop()

    def events(self) -> Generator[Event | None]:
        """The events, until :meth:`stop`. Closing the generator commits what was handled."""
        with contextlib.closing(self._consumer), contextlib.closing(self._parking):
            for polled in self._loop.rounds():
                yield from self._letters()
                for partition, records in polled.items():
                    if self._loop.over() or self._loop.moved():
                        break
                    yield from self._batch(self._doors[partition.number], records)
                if self._idle is not None:
                    yield None

    # -- the door ---------------------------------------------------------------------------------------------------

    def _batch(self, door: _Door, records: list[Record]) -> Iterator[Event]:
        door.next = records[0].offset
        try:
            for record in records:
                if not (yield from self._one(door, record)):
                    break
                door.next = record.offset + 1
                if self._loop.over():
                    break
        except Moved:
            pass  # the event in hand, and those behind it, are for whoever owns the partition now
        finally:
            # Also when the program broke out of its loop: what it handled is kept, what it did not comes again.
            self._commit(door)

    def _one(self, door: _Door, record: Record) -> Generator[Event, None, bool]:
        """Give out the delivery, and those that are missing before it. Whether it came to its end."""
        stamp = stamp_of(record)
        if door.marks.fresh(stamp):
            if not (yield from self._missing(door, record, stamp)):
                return False
            yield from self._next(door, record, stamp)
        return True

    def _missing(self, door: _Door, record: Record, stamp: DeliveryStamp) -> Generator[Event, None, bool]:
        """Give out what is missing before the delivery. While the broker is away the search waits, then begins anew
        behind what it had found. False where the subscription was stopped meanwhile."""
        while missing := door.marks.missing(stamp):
            found = gaps.find(
                self._transport,
                record,
                missing,
                organisation=self._organisation,
                client_id=self._name,
                keep=self._giving.keep,
            )
            with contextlib.closing(found):
                count = 0
                while (lost := self._found(found)) is not None:
                    yield from self._next(door, lost, stamp_of(lost))
                    if self._loop.over():
                        return False
                    count += 1
                    if count % _SOME == 0:
                        self._commit(door)
            if self._loop.over():
                return False
        return True

    def _found(self, search: Iterator[Record]) -> Record | None:
        """The next missing delivery; None where that was all, or the broker is away and it was waited for."""
        try:
            return next(search, None)
        except Unavailable as error:
            _log.warning("broker away while looking for missing deliveries, waiting", error=str(error))
            if not self._loop.wait(1.0) and not self._loop.over():
                raise Moved from error
            return None

    def _next(self, door: _Door, record: Record, stamp: DeliveryStamp) -> Iterator[Event]:
        """What becomes of the delivery behind the mark: handled, or parked; else the mark stays."""
        if self._parking.has_letter(door.place.number, stamp):
            door.marks.handled(stamp)
        elif not self._wishes.want(dict(record.headers)):
            self._handled(door, stamp, record, given=False)
        elif self._parking.holds(record):
            self._parking.park(record, stamp, None)
            door.marks.handled(stamp)
        else:
            failure = yield from self._giving.give(record, lambda: self._handled(door, stamp, record, given=True))
            if failure is not None:
                self._failed(door, stamp, record, failure)

    def _handled(self, door: _Door, stamp: DeliveryStamp, record: Record, *, given: bool) -> None:
        self._journal.handled(stamp, record, given=given)
        door.marks.handled(stamp)
        if given:
            door.marks.given(failed=False)

    def _failed(self, door: _Door, stamp: DeliveryStamp, record: Record, failure: Failure) -> None:
        """Park the ticket, unless too many are; everything before this event is committed first."""
        place = f"{record.topic}/{record.partition}@{record.offset}"
        _log.error("failed for good", at=place, reason=failure.reason)
        if self._share < 1 and door.marks.failures + 1 > self._share * WINDOW:
            raise TooManyDeadLetters(
                f"{place} failed for good, as did {door.marks.failures} of the last {WINDOW} deliveries before it: "
                f"more than HUTONG_DEADLETTER_SHARE={self._share:g} allows, so the program is broken rather than its "
                f"events. Nothing more was parked. Mend it and start it again, or raise the share; parked so far: "
                f"`hutong deadletters list`. Last: {failure.reason}"
            )
        while not self._commit(door):
            if not self._loop.wait(0.5):
                raise Moved
        self._parking.park(record, stamp, failure)
        door.marks.handled(stamp)
        door.marks.given(failed=True)

    def _commit(self, door: _Door) -> bool:
        if self._parking.broken:
            return False
        return self._loop.commit({door.place: Position(offset=door.next, metadata=door.marks.encode())})

    # -- dead letters -----------------------------------------------------------------------------------------------

    def _letters(self) -> Iterator[Event]:
        """Give out letters that were released, the oldest of a ticket first."""
        for _ in range(_SOME):
            self._parking.glance(self._owns)
            letter = self._parking.released()
            if letter is None or self._loop.over():
                return
            try:
                yield from self._letter(letter)
            except Moved:
                return

    def _letter(self, letter: Letter) -> Iterator[Event]:
        record = self._giving.patiently(lambda: self._parking.content(letter))
        if not self._wishes.want(dict(record.headers)):
            self._parking.handled(letter, record, given=False)
            return
        try:
            failure = yield from self._giving.give(record, lambda: self._parking.handled(letter, record, given=True))
        except InvalidEvent as error:  # whoever can write a dead letter must not be able to stop the system
            failure = Failure.of(error, first_ms=letter.at_ms, last_ms=letter.at_ms, tries=1)
        if failure is not None:
            self._parking.failed(letter, failure)

    def _owns(self, partition: int) -> bool:
        door = self._doors.get(partition)
        return door is not None and self._commit(door)

    # -- taking partitions ------------------------------------------------------------------------------------------

    def _taken(self, partitions: frozenset[Partition]) -> Mapping[Partition, int]:
        return self._giving.patiently(lambda: self._take(partitions))

    def _take(self, partitions: frozenset[Partition]) -> Mapping[Partition, int]:
        """Read the marks, and only then the dead letters: a letter comes before the commit that moves past it."""
        doors = {place.number: self._open_door(place, self._doors.get(place.number)) for place in partitions}
        self._parking.take({number: door.marks for number, door in doors.items()})
        self._doors = doors
        return {door.place: door.next for door in doors.values()}

    def _open_door(self, place: Partition, held: _Door | None) -> _Door:
        """Where to go on, with its marks. A beginning at "now" is committed before anything is given out."""
        committed = self._consumer.committed(place)
        if committed is not None:
            # Where the broker no longer has that record, reading goes on at its beginning, and marks say what is lost.
            start, marks = max(committed.offset, self._consumer.beginning(place)), self._marks(place, committed)
        elif self._begin is not None:
            start, marks = self._begin[place], Marks(open=True)
            self._loop.commit({place: Position(offset=start, metadata=marks.encode())})
        else:
            start, marks = self._consumer.beginning(place), Marks()
        if held is not None and not held.marks.behind(marks):
            marks = held.marks
        return _Door(place=place, next=start, marks=marks)

    def _marks(self, place: Partition, committed: Position) -> Marks:
        try:
            return Marks.decode(committed.metadata)
        except ValueError as error:
            raise SettingsError(
                f"the position of group {self._name} on {place.topic}/{place.number} ({committed.offset}) carries no "
                f"marks ({error}): was it set by another tool? Delete the group, and the system is given everything "
                "again, or start it under another name"
            ) from error
