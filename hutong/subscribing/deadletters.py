"""Dead letters 搁置 folded: which tickets of which system are parked, which letters wait, what became of the others.

The fold of a topic's records, in their order, is the only truth about parking: the running system, the command
``hutong deadletters``, ``hutong status`` and the checker all read it so.
"""

from __future__ import annotations

import bisect
import contextlib
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import structlog

from hutong.errors import InvalidEvent
from hutong.loop import read_all
from hutong.subscribing.letters import Control, Letter, control_record, read
from hutong.transport import Partition, Record, Transport
from hutong.wire.stamps import DeliveryStamp

_log = structlog.get_logger()


class Place(NamedTuple):
    """Where a letter lies on ``deadletters.<org>``."""

    partition: int
    offset: int


class TicketPlace(NamedTuple):
    """A ticket of one system, on one partition. ``key`` is the ticket as delivered."""

    partition: int
    system: str
    key: bytes


@dataclass(slots=True, kw_only=True)
class ParkedTicket:
    """A ticket with open letters, the oldest first. ``released``: the system may give them out again."""

    letters: list[Letter] = field(default_factory=list)
    released: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A letter that is over: ``handled`` when it was given out again, or ``skipped`` by a person, for a reason."""

    letter: Letter
    how: Literal["handled", "skipped"]
    reason: str
    by: str
    at_ms: int


def topic_of(organisation: str) -> str:
    """The topic of an organisation's dead letters."""
    return f"deadletters.{organisation}"


class Fold:
    """What the records taken so far say. ``system`` leaves out all others; ``history`` keeps what is over, too.

    Records of one partition must be taken in their order; one that was taken before changes nothing.
    """

    def __init__(self, *, system: str | None = None, history: bool = False) -> None:
        self.tickets: dict[TicketPlace, ParkedTicket] = {}
        """The parked tickets, in the order in which they were parked."""
        self.released: dict[TicketPlace, ParkedTicket] = {}
        """Those of them that were given back to the system, in the order in which they were."""
        self.done: list[Done] = []
        self._system = system
        self._history = history
        self._open: dict[Place, TicketPlace] = {}
        self._ends: dict[int, int] = {}
        self._stamps: dict[tuple[int, str, DeliveryStamp], Place] = {}
        self._spare: dict[tuple[int, str, DeliveryStamp], list[Letter]] = {}
        self._wrote: set[Place] = set()

    def take(self, record: Record) -> Letter | Control | None:
        """Take the next record; what it is, or None where it is another system's, or was taken before.

        A record that is neither letter nor control is logged and passed over: whoever can write here must not be able
        to stop a system.
        """
        if record.offset < self._ends.get(record.partition, 0):
            return None
        self._ends[record.partition] = record.offset + 1
        try:
            found = read(record)
        except InvalidEvent as error:
            _log.warning("passed over", error=str(error))
            return None
        if self._system is not None and found.system != self._system:
            return None
        place = Place(record.partition, record.offset)
        if place in self._wrote:
            self._wrote.remove(place)
        else:
            self._apply(found, record.partition)
        return found

    def wrote(self, found: Letter | Control, place: Place) -> None:
        """Let what this program itself just wrote count at once, before it is read."""
        self._wrote.add(place)
        self._apply(found, place.partition)

    def _apply(self, found: Letter | Control, partition: int) -> None:
        if isinstance(found, Letter):
            self._letter(found)
        else:
            self._control(found, partition)

    def ticket(self, partition: int, system: str, key: bytes | None) -> ParkedTicket | None:
        """The ticket, where it is parked."""
        return self.tickets.get(TicketPlace(partition, system, key or b""))

    def has(self, partition: int, system: str, stamp: DeliveryStamp) -> bool:
        """Whether this delivery has a letter, open or over, that is not :meth:`forget`-ten."""
        return (partition, system, stamp) in self._stamps

    def forget(self, partition: int, handled: Collection[DeliveryStamp]) -> None:
        """Keep no stamps of letters up to these marks: such deliveries are never given out again anyway."""
        marks = {(mark.stream, mark.partition): mark.n for mark in handled}
        for key in [key for key in self._stamps if key[0] == partition]:
            stamp, place = key[2], self._stamps[key]
            if stamp.n <= marks.get((stamp.stream, stamp.partition), 0) and place not in self._open:
                del self._stamps[key]

    def letters(self) -> Iterator[tuple[Letter, ParkedTicket]]:
        """Every open letter with its ticket; a ticket's letters together and in order."""
        for ticket in self.tickets.values():
            for letter in ticket.letters:
                yield letter, ticket

    def _letter(self, letter: Letter) -> None:
        place, delivery = Place(letter.partition, letter.offset), (letter.partition, letter.system, letter.stamp)
        if delivery in self._stamps:  # of two letters for one delivery the first counts, unless it was overtaken
            if self._stamps[delivery] != place:
                self._spare.setdefault(delivery, []).append(letter)
            return
        self._stamps[delivery] = place
        where = self._open[place] = TicketPlace(letter.partition, letter.system, letter.key)
        bisect.insort(self.tickets.setdefault(where, ParkedTicket()).letters, letter, key=lambda one: one.offset)

    def _control(self, control: Control, partition: int) -> None:
        if control.letter is None:
            where = TicketPlace(partition, control.system, control.key)
            ticket = self.tickets.get(where)
            if ticket is not None:
                ticket.released = True
                self.released.setdefault(where, ticket)
            return
        self._about_letter(control, Place(partition, control.letter))

    def _about_letter(self, control: Control, place: Place) -> None:
        where = self._open.get(place)
        if where is None or where.system != control.system:
            return
        ticket = self.tickets[where]
        at = next(index for index, letter in enumerate(ticket.letters) if letter.offset == place.offset)
        letter = ticket.letters[at]
        if control.what == "failed":
            ticket.released = False
            self.released.pop(where, None)
            if control.failure is not None:
                failure = letter.failure.again(control.failure) if letter.failure else control.failure
                ticket.letters[at] = replace(letter, failure=failure)
            return
        self._close(place, where, at)
        if control.what == "overtaken":
            self._overtaken(letter)
        elif self._history:
            how: Literal["handled", "skipped"] = "skipped" if control.what == "skip" else "handled"
            self.done.append(Done(letter=letter, how=how, reason=control.reason, by=control.by, at_ms=control.at_ms))

    def _close(self, place: Place, where: TicketPlace, at: int) -> None:
        del self._open[place]
        ticket = self.tickets[where]
        del ticket.letters[at]
        if not ticket.letters:
            del self.tickets[where]
            self.released.pop(where, None)

    def _overtaken(self, letter: Letter) -> None:
        """It counts for nothing; another letter for the same delivery, set aside until now, counts instead."""
        delivery = (letter.partition, letter.system, letter.stamp)
        del self._stamps[delivery]
        others = self._spare.pop(delivery, [])
        if others:
            self._letter(others[0])
            self._spare.setdefault(delivery, []).extend(others[1:])


def release(transport: Transport, organisation: str, tickets: Collection[TicketPlace], *, by: str) -> None:
    """Give these tickets' open letters back to their systems, which take them within seconds, if they run.

    Raises:
        Unavailable, Unconfirmed: the broker is away. Doing it again is harmless.
    """
    controls = [
        (place.partition, Control(what="release", system=place.system, key=place.key, letter=None, by=by, at_ms=_now()))
        for place in tickets
    ]
    _send(transport, organisation, controls)


def skip(transport: Transport, organisation: str, letters: Collection[Letter], *, reason: str, by: str) -> None:
    """Count these letters as done without handling them. Raises as :func:`release`, and ValueError without a reason."""
    if not reason.strip():
        raise ValueError("a letter is skipped for a reason")
    controls = [
        (
            letter.partition,
            Control(
                what="skip",
                system=letter.system,
                key=letter.key,
                letter=letter.offset,
                reason=reason,
                by=by,
                at_ms=_now(),
            ),
        )
        for letter in letters
    ]
    _send(transport, organisation, controls)


def _send(transport: Transport, organisation: str, controls: Collection[tuple[int, Control]]) -> None:
    records = [control_record(each, topic=topic_of(organisation), partition=number) for number, each in controls]
    with contextlib.closing(transport.producer(client_id=f"{organisation}.deadletters")) as producer:
        if records:
            producer.send(records, timeout=30.0)


def _now() -> int:
    return time.time_ns() // 1_000_000


def letters(transport: Transport, organisation: str, partitions: int) -> Fold:
    """All dead letters of an organisation as of now, what is over included.

    Raises:
        Unavailable: the broker is away. SettingsError: there is no such topic: is the organisation registered?
    """
    fold, topic = Fold(history=True), topic_of(organisation)
    places = [Partition(topic, number) for number in range(partitions)]
    with contextlib.closing(transport.consumer(client_id=f"{organisation}.deadletters", strangers=True)) as consumer:
        for record in read_all(consumer, places):
            fold.take(record)
    return fold
