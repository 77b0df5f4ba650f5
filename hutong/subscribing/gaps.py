"""Deliveries that are missing where they were expected: looking for them elsewhere in the door."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

import structlog

from hutong.errors import Gap
from hutong.loop import read_to
from hutong.subscribing.marks import stamp_of
from hutong.transport import Partition, Record, Transport
from hutong.wire.stamps import DeliveryStamp

_log = structlog.get_logger()


def find(
    transport: Transport,
    record: Record,
    missing: range,
    *,
    organisation: str,
    client_id: str,
    keep: Callable[[], None],
) -> Generator[Record]:
    """The ``missing`` deliveries of the stream of ``record``, in order, from its own partition of the door.

    ``services.deliver again`` writes deliveries behind what is there already, so they are looked for forward of
    ``record``, then from the partition's beginning; each is given as soon as it is found. ``keep`` is called for every
    record looked at, and may raise to end the search.

    Raises:
        Gap: one is nowhere; those before it were given. Unavailable: the broker is away; search again.
    """
    stamp, place = stamp_of(record), Partition(record.topic, record.partition)
    wanted = missing.start
    _log.warning(
        "deliveries missing, looking for them", at=f"{place.topic}/{place.number}@{record.offset}", first=wanted
    )
    with contextlib.closing(transport.consumer(client_id=f"{client_id}.gaps")) as consumer:
        consumer.assign([place])
        while True:
            before = wanted
            for begin, end in (
                (record.offset + 1, consumer.end(place)),
                (consumer.beginning(place), record.offset),
            ):
                consumer.seek(place, begin)
                for other in read_to(consumer, {place: end}):
                    keep()
                    found = stamp_of(other)
                    if (found.stream, found.partition, found.n) == (stamp.stream, stamp.partition, wanted):
                        yield other
                        wanted += 1
                        if wanted == missing.stop:
                            return
            if wanted == before:
                raise _gap(organisation, stamp, range(wanted, missing.stop), record)


def _gap(organisation: str, stamp: DeliveryStamp, missing: range, record: Record) -> Gap:
    line = f"{stamp.stream}/{stamp.partition}"
    return Gap(
        f"deliveries {missing.start} to {missing.stop - 1} of {line} to {organisation} are missing before "
        f"{record.topic}/{record.partition}@{record.offset}: have the city's operator run `python -m services.deliver "
        f"again {organisation} --of {line} --from {missing.start}` (without --of where the door lost more), "
        "then start this system again; "
        'or start a new system at "now"'
    )
