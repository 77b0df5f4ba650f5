"""Delivering again what an organisation's door no longer holds: the same bytes under the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from hutong.errors import SettingsError
from hutong.loop import read_to
from hutong.transport import Consumer, Outgoing, Partition, Producer, Transport
from hutong.wire.stamps import STREAMS, Stream
from services.deliver.owner import DoorPlan, outgoing
from services.deliver.past import Past

SEND_RECORDS, SEND_SECONDS = 500, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Deliveries of ``organisation`` from number ``start`` on; of one stream and partition of it, or of all (None)."""

    organisation: str
    start: int
    stream: Stream | None = None
    partition: int | None = None

    @classmethod
    def of(cls, organisation: str, start: int, place: str | None) -> Wish:
        """``place`` is like ``ledger/2``. Raises SettingsError for another text."""
        if place is None:
            return cls(organisation=organisation, start=start)
        stream, _, number = place.partition("/")
        for known in STREAMS:
            if stream == known and number.isdigit():
                return cls(organisation=organisation, start=start, stream=known, partition=int(number))
        raise SettingsError(f"{place!r} is no stream and partition: write it like ledger/2 or refusals/0")


def deliver_again(
    wish: Wish,
    transport: Transport,
    consumer: Consumer,
    *,
    past: Callable[[int], Past],
    ends: Callable[[Consumer, int], Mapping[Partition, int]],
    partitions: int,
) -> int:
    """Write what is wished to the end of the organisation's door; how many deliveries that were.

    What deliver itself has not delivered yet stays its own business. Readers skip what they have handled. Killed in
    the middle it may be run again.

    Raises:
        SettingsError: the organisation has no door, the partition is not there, or nothing has such a number.
        Unavailable: the broker is away, or a transaction hangs. Unconfirmed: run it again.
    """
    doors = DoorPlan(transport)
    doors.partitions(f"deliveries.{wish.organisation}")
    if wish.partition is not None and wish.partition >= partitions:
        raise SettingsError(f"there is no partition {wish.partition}: this city has 0 to {partitions - 1}")
    count = 0
    with closing(transport.producer(client_id="deliver.again")) as producer:
        for number in range(partitions) if wish.partition is None else [wish.partition]:
            derived = past(number)
            try:
                count += _send(_wanted(wish, derived, transport, ends(consumer, number), doors), producer)
            finally:
                derived.file.remove()
    if not count:
        raise SettingsError(
            f"nothing was delivered to {wish.organisation} with number {wish.start} or above: is the number right?"
        )
    return count


def _wanted(
    wish: Wish, past: Past, transport: Transport, ends: Mapping[Partition, int], doors: DoorPlan
) -> Iterator[Outgoing]:
    """What is wished of one partition, in the order in which deliver wrote it."""
    with closing(transport.consumer(client_id="deliver.again")) as reader:
        reader.assign(list(ends))
        for place in ends:
            reader.seek(place, reader.beginning(place))
        for record in read_to(reader, ends):
            for delivery in past.route(record):
                stamp = delivery.stamp
                mine = delivery.organisation == wish.organisation and stamp.n >= wish.start
                if mine and wish.stream in (None, stamp.stream):
                    yield outgoing(delivery, doors)


def _send(records: Iterator[Outgoing], producer: Producer) -> int:
    count = 0
    some: list[Outgoing] = []
    for record in records:
        some.append(record)
        if len(some) == SEND_RECORDS:
            count += len(producer.send(some, timeout=SEND_SECONDS))
            some = []
    return count + (len(producer.send(some, timeout=SEND_SECONDS)) if some else 0)
