"""Refusals 拒收: what the city, or an organisation behind its own door, did not get admitted; and sending it again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from hutong.codec import Codec
from hutong.errors import InvalidEvent, OutOfRange, SettingsError, Unavailable
from hutong.event import STAMPS_OF_A_REFUSAL, Event, Source, city_part_removed, read_event
from hutong.loop import read_to
from hutong.subscribing.marks import Seen, stamp_of
from hutong.transport import Consumer, Outgoing, Partition, Placed, Record, Transport
from hutong.wire.envelope import Environment
from hutong.wire.stamps import LedgerStamp, RefusalStamp, SubmissionStamp

LOOK_BACK_SECONDS = 2.0
"""After so long without an outcome the bytes may be on the ledger already, which gives none: it is searched then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One refusal. ``at`` is when it was written where it lies; ``event`` has whatever of it can be read."""

    at: datetime
    event: Event
    stamp: RefusalStamp

    @property
    def position(self) -> Source:
        """Where it lies."""
        return self.event.position

    @property
    def hindrance(self) -> Literal["binding", "cut"] | None:
        """Why these bytes cannot or need not be sent again: they stay refused, or were not all kept. None: they may."""
        sent = self.event.submission
        if self.stamp.cut or (sent.key is None and sent.value is None):
            return "cut"
        return "binding" if self.stamp.binding else None

    def record(self) -> Outgoing:
        """The original bytes, as they are sent again. The partition is that of the key, wherever they stood before."""
        sent, submitted = self.event.submission, self.event.submitted
        return Outgoing(
            topic="submissions",
            key=sent.key,
            value=sent.value,
            headers=sent.headers,
            partition=submitted.partition if sent.key is None and submitted is not None else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a refusal that was sent again; ``unconfirmed``: nothing was seen in time.

    An author is told of one reason for the same bytes once: refused again for the same one, he sees nothing.
    """

    what: Literal["admitted", "admitted_before", "refused", "unconfirmed"]
    ledger: LedgerStamp | None = None
    refusal: RefusalStamp | None = None


class Refusals:
    """The refusals of a whole city where ``organisation`` is the city itself, else those returned to its door."""

    def __init__(
        self, transport: Transport, codec: Codec, *, organisation: str, city: str, environment: Environment
    ) -> None:
        self._transport = transport
        self._codec = codec
        self._environment: Environment = environment
        self._client = f"{organisation}.refusals"
        self._of_city = organisation == city
        self.topic = "refusals" if self._of_city else f"deliveries.{organisation}"

    def read(self) -> Iterator[Refused]:
        """All there are as of now, in the order of each partition.

        Raises:
            SettingsError: there is no such topic. Unavailable: the broker is away.
        """
        seen = Seen()
        with self._reader(self._places(self.topic)) as consumer:
            for record in read_to(consumer, _ends(consumer)):
                if self._is_new_refusal(record, seen):
                    yield self._refused(record)

    def codes(self) -> Iterator[tuple[datetime, str]]:
        """When each was refused and why, as far as committed readers can see now. Raises as :meth:`read`."""
        places = self._places(self.topic)
        ends = {place: bounds.stable for place, bounds in self._transport.bounds(places).items()}
        seen = Seen()
        with self._reader(places) as consumer:
            for record in read_to(consumer, ends):
                if self._is_new_refusal(record, seen):
                    stamp = RefusalStamp.from_bytes(dict(record.headers)["refusal"])
                    yield datetime.fromtimestamp(record.timestamp_ms / 1000, UTC), stamp.code

    def at(self, partition: int, offset: int) -> Refused | None:
        """The refusal at this place of :attr:`topic`; None where there is none."""
        place = Partition(self.topic, partition)
        if place not in self._places(self.topic):
            return None
        with self._reader([place]) as consumer:
            if not consumer.beginning(place) <= offset < consumer.end(place):
                return None
            consumer.seek(place, offset)
            with contextlib.suppress(OutOfRange):
                for record in read_to(consumer, {place: offset + 1}):
                    if record.offset == offset and self._is_refusal(record):
                        return self._refused(record)
        return None

    def send_again(self, refused: Sequence[Refused], *, timeout: float) -> list[Outcome]:
        """Send the original bytes again, in this order, and wait ``timeout`` seconds for what becomes of them.

        Raises:
            ValueError: one has a :attr:`Refused.hindrance`. Unavailable: nothing was sent. Unconfirmed: some may be.
        """
        if hindered := [each for each in refused if each.hindrance]:
            raise ValueError(f"{hindered[0].position} cannot be sent again: {hindered[0].hindrance}")
        deadline = time.monotonic() + timeout
        watched = [place for topic in self._outcomes() for place in self._places(topic)]
        with self._reader(watched) as consumer:
            for place, end in _ends(consumer).items():
                consumer.seek(place, end)
            with contextlib.closing(self._transport.producer(client_id=self._client)) as producer:
                placed = producer.send([each.record() for each in refused], timeout=timeout)
            found = self._wait(consumer, placed, refused, deadline)
        return [found.get(number, Outcome(what="unconfirmed")) for number in range(len(refused))]

    def _wait(
        self, consumer: Consumer, placed: Sequence[Placed], refused: Sequence[Refused], deadline: float
    ) -> dict[int, Outcome]:
        """Outcomes by place in ``refused``, told by where the bytes stood on the submissions."""
        missing = {(place.partition, place.offset): number for number, place in enumerate(placed)}
        found: dict[int, Outcome] = {}
        look_back = time.monotonic() + LOOK_BACK_SECONDS
        while missing and time.monotonic() < deadline:
            with contextlib.suppress(Unavailable):  # they were sent; that the broker went away says nothing of them
                for records in consumer.poll(0.05).values():
                    for record in records:
                        stamp = SubmissionStamp.from_bytes(dict(record.headers)["submission"])
                        if (number := missing.pop((stamp.partition, stamp.offset), None)) is not None:
                            found[number] = _outcome(record, "admitted")
                if missing and time.monotonic() > look_back:
                    look_back = deadline
                    before = self._before({number: refused[number] for number in missing.values()})
                    found |= before
                    missing = {place: number for place, number in missing.items() if number not in before}
        return found

    def _before(self, wanted: dict[int, Refused]) -> dict[int, Outcome]:
        """Those that are on the ledger already, as far as can be seen from here."""
        keys = {each.event.submission.key for each in wanted.values()}
        prints = {each.event.fingerprint: number for number, each in wanted.items()}
        found = {}
        with self._reader(self._places(self._outcomes()[0])) as consumer:
            for record in read_to(consumer, _ends(consumer)):
                if record.key in keys and "ledger" in dict(record.headers) and not self._is_refusal(record):
                    number = prints.get(city_part_removed(record).fingerprint(self._environment))
                    if number is not None:
                        found[number] = _outcome(record, "admitted_before")
        return found

    def _outcomes(self) -> tuple[str, ...]:
        """Where it is seen what became of a submission; what was admitted in the first of them."""
        return ("ledger", "refusals") if self._of_city else (self.topic,)

    def _places(self, topic: str) -> list[Partition]:
        count = self._transport.topics().get(topic)
        if count is None:
            raise SettingsError(f"there is no topic {topic} here: is the city founded, the organisation registered?")
        return [Partition(topic, number) for number in range(count)]

    @contextlib.contextmanager
    def _reader(self, places: Collection[Partition]) -> Iterator[Consumer]:
        with contextlib.closing(self._transport.consumer(client_id=self._client)) as consumer:
            consumer.assign(list(places))
            for place in places:
                consumer.seek(place, consumer.beginning(place))
            yield consumer

    def _is_new_refusal(self, record: Record, seen: Seen) -> bool:
        """Of a door, also that it was not delivered again."""
        return self._is_refusal(record) and (record.topic == "refusals" or seen.first(stamp_of(record)))

    def _is_refusal(self, record: Record) -> bool:
        """What a stranger calls his headers does not count: deliver's stand at the end."""
        return record.topic == "refusals" or tuple(name for name, _ in record.headers[-3:]) == STAMPS_OF_A_REFUSAL

    def _refused(self, record: Record) -> Refused:
        event = read_event(record, self._codec, self._environment)
        if event.refusal is None:
            raise InvalidEvent("bad_stamp", f"header 'refusal' is missing ({event.position})")
        return Refused(at=datetime.fromtimestamp(record.timestamp_ms / 1000, UTC), event=event, stamp=event.refusal)


def _ends(consumer: Consumer) -> dict[Partition, int]:
    return {place: consumer.end(place) for place in consumer.assignment()}


def _outcome(record: Record, admitted: Literal["admitted", "admitted_before"]) -> Outcome:
    headers = dict(record.headers)
    if "refusal" not in headers:
        return Outcome(what=admitted, ledger=LedgerStamp.from_bytes(headers["ledger"]))
    refusal = RefusalStamp.from_bytes(headers["refusal"])
    return Outcome(what="admitted_before" if refusal.code == "already_admitted" else "refused", refusal=refusal)
