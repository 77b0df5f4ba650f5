"""Parking 搁置 in a running subscription: what it writes to its dead letters, and what it reads there.

Whatever crashes, an event is handled or has a letter, and a ticket's events keep their order:

- Before a ticket's first letter everything handled before it is committed. So what comes again after a crash begins
  with that very event, never before it.
- The letter is acknowledged before the mark moves past its event. A crash between the two brings the event again; it
  has a letter then, and is not given out.
- An instance that takes a partition reads its dead letters to their end first. A letter that another instance writes
  there afterwards is a zombie's, whose event this one is given itself: it is marked as overtaken.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping

import structlog

from hutong.errors import InvalidEvent, Unavailable
from hutong.journal import Journal
from hutong.loop import read_to
from hutong.observing.metrics import PARKED, PARKED_OLDEST, Reading
from hutong.subscribing.deadletters import Fold, Place, topic_of
from hutong.subscribing.letters import Control, Failure, Letter, What, control_record, delivered, letter_record, read
from hutong.subscribing.marks import Marks
from hutong.transport import Consumer, Outgoing, Partition, Producer, Record, Transport
from hutong.wire.stamps import DeliveryStamp

_log = structlog.get_logger()

_GLANCE_SECONDS = 1.0
_WRITE_SECONDS = 30.0
_READ_SECONDS = 30.0


class Parking:
    """The dead letters of one system, on the partitions its subscription owns.

    ``broken``: a write failed, so nobody knows whether the letter is there. Nothing may be committed any more.
    """

    def __init__(self, transport: Transport, organisation: str, system: str, journal: Journal) -> None:
        self.broken = False
        self._transport = transport
        self._name = f"{organisation}.{system}"
        self._system = system
        self._topic = topic_of(organisation)
        self._journal = journal
        self._token = secrets.token_hex(8)
        self._fold = Fold(system=system)
        self._tail: Consumer | None = None
        self._shelf: Consumer | None = None
        self._producer: Producer | None = None
        self._page: dict[Place, Record] = {}
        self._polled: list[Record] = []
        self._reading = False
        self._looked_at = 0.0

    def take(self, marks: Mapping[int, Marks]) -> None:
        """Own these partitions, whose marks were just read: fold all their letters anew.

        Raises:
            Unavailable: the broker is away; may be called again.
        """
        fold = Fold(system=self._system)
        places = [Partition(self._topic, number) for number in marks]
        self._fold, self._polled, self._reading = fold, [], False
        if not places:
            return
        tail = self._tail = self._tail or self._reader("deadletters")
        tail.assign(places)
        ends = {place: tail.end(place) for place in places}
        for place in places:
            tail.seek(place, tail.beginning(place))
        for record in read_to(tail, ends):
            fold.take(record)
        for place, end in ends.items():
            tail.seek(place, end)
        for number, known in marks.items():
            fold.forget(number, known.stamps())
        if fold.tickets:
            _log.warning("parked tickets wait: see `hutong deadletters list`", tickets=len(fold.tickets))
        self._reading = True

    def _reader(self, what: str) -> Consumer:
        return self._transport.consumer(client_id=f"{self._name}.{what}", strangers=True)

    def has_letter(self, partition: int, stamp: DeliveryStamp) -> bool:
        """Whether this delivery was parked before, and is not to be given out."""
        return self._fold.has(partition, self._system, stamp)

    def holds(self, record: Record) -> bool:
        """Whether the delivery's ticket is parked."""
        return self._fold.ticket(record.partition, self._system, record.key) is not None

    def park(self, record: Record, stamp: DeliveryStamp, failure: Failure | None) -> None:
        """Write the delivery's letter; ``failure`` is None where it waits behind another of its ticket.

        Raises:
            BusError: it is not known to be written. The system must end, and commit nothing.
        """
        self._write(letter_record(record, topic=self._topic, system=self._system, writer=self._token, failure=failure))
        self._journal.parked(stamp, record, behind=failure is None)
        if failure is not None:
            ticket = (record.key or b"").decode("utf-8", "replace")
            _log.error("ticket parked: see `hutong deadletters show`", ticket=ticket, reason=failure.reason)

    def glance(self, owns: Callable[[int], bool]) -> None:
        """Read what is new, at most once a second and without waiting for it.

        ``owns`` proves that a partition is still this instance's, by a commit. Only then is a letter that somebody else
        wrote a zombie's: to one that is itself the zombie, the rightful owner's letters look the same. Before that,
        neither it nor what comes after it counts: an event that this instance is still to be given has no letter.
        """
        now = time.monotonic()
        if self._tail is None or not self._reading or now - self._looked_at < _GLANCE_SECONDS:
            return
        self._looked_at = now
        try:
            polled = self._tail.poll(0)
        except Unavailable:
            return
        self._polled += [record for records in polled.values() for record in records]
        while self._polled:
            letter = self._foreign(self._polled[0])
            if letter is not None and not owns(letter.partition):
                return
            self._fold.take(self._polled.pop(0))
            if letter is not None:
                _log.warning("overtaken: written by an instance that no longer owned the partition", what=str(letter))
                self._control("overtaken", letter)

    def _foreign(self, record: Record) -> Letter | None:
        """The letter that another instance of this system wrote, if the record is one."""
        try:
            found = read(record)
        except InvalidEvent:
            return None
        if isinstance(found, Letter) and found.system == self._system and found.writer != self._token:
            return found
        return None

    def released(self) -> Letter | None:
        """The next letter to give out again."""
        for ticket in self._fold.released.values():
            return ticket.letters[0]
        return None

    def content(self, letter: Letter) -> Record:
        """The delivery in a letter; its place is that of the letter.

        Raises:
            Unavailable: the broker is away.
        """
        place, wanted = Partition(self._topic, letter.partition), Place(letter.partition, letter.offset)
        if wanted not in self._page:
            shelf = self._shelf = self._shelf or self._reader("letters")
            shelf.assign([place])
            shelf.seek(place, letter.offset)
            page = shelf.poll(_READ_SECONDS).get(place, [])
            self._page = {Place(record.partition, record.offset): record for record in page}
        if wanted not in self._page:
            raise Unavailable(f"{letter} was not read in {_READ_SECONDS:.0f} s")
        return delivered(self._page[wanted])

    def handled(self, letter: Letter, record: Record, *, given: bool) -> None:
        """The letter was handled, or is of a kind the subscription did not ask for."""
        self._journal.handled(letter.stamp, record, given=given, letter=True)
        self._control("handled", letter)

    def failed(self, letter: Letter, failure: Failure) -> None:
        """The letter failed again: its ticket is parked again."""
        self._control("failed", letter, failure)

    def readings(self) -> Iterator[Reading]:
        """What is parked; for another thread than this one's."""
        tickets = list(self._fold.tickets.values())
        yield Reading(metric=PARKED, value=len(tickets))
        written = [letter.at_ms for ticket in tickets for letter in ticket.letters[:1]]
        if written:
            yield Reading(metric=PARKED_OLDEST, value=min(written) / 1000)

    def close(self) -> None:
        """Give back what was opened."""
        for opened in (self._tail, self._shelf, self._producer):
            if opened is not None:
                opened.close()

    def _control(self, what: What, letter: Letter, failure: Failure | None = None) -> None:
        control = Control(
            what=what,
            system=self._system,
            key=letter.key,
            letter=letter.offset,
            reason="" if failure is None else failure.reason,
            by=self._token,
            at_ms=time.time_ns() // 1_000_000,
            failure=failure,
        )
        self._write(control_record(control, topic=self._topic, partition=letter.partition))

    def _write(self, outgoing: Outgoing) -> None:
        """Write, wait for all in-sync replicas, and let it count. Whatever fails, breaks this."""
        try:
            self._producer = self._producer or self._transport.producer(client_id=f"{self._name}.deadletters")
            [placed] = self._producer.send([outgoing], timeout=_WRITE_SECONDS)
        except BaseException as error:
            self.broken = True
            error.add_note(f"while writing a dead letter of {self._name}: nothing is committed, it comes again")
            raise
        record = Record(
            topic=outgoing.topic,
            partition=placed.partition,
            offset=placed.offset,
            timestamp_ms=time.time_ns() // 1_000_000,
            key=outgoing.key,
            value=outgoing.value,
            headers=outgoing.headers,
        )
        self._fold.wrote(read(record), Place(placed.partition, placed.offset))
