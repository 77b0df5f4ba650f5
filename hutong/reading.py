"""Reading what the city recorded: every event proved before it is given out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from hutong.codec import Codec
from hutong.errors import InvalidEvent
from hutong.event import Event, Handling, read_event
from hutong.loop import read_to
from hutong.registry import DirectoryReader
from hutong.selection import Selection
from hutong.subscribing.marks import Seen, stamp_of
from hutong.transport import Consumer, Partition, Record, Transport
from hutong.wire.envelope import SIGNATURE, Environment
from hutong.wire.signing import Signature, Verifier
from hutong.wire.stamps import LedgerStamp

_DOORS = "deliveries."

Progress = Callable[[int, int], None]
"""Called while a topic is read: how many of its offsets are behind, of how many."""


class Reader:
    """Reads events by the directory that each of them was judged by."""

    def __init__(
        self, transport: Transport, directory: DirectoryReader, codec: Codec, environment: Environment, client_id: str
    ) -> None:
        self._transport = transport
        self._directory = directory
        self._codec = codec
        self._environment: Environment = environment
        self._verifier = Verifier(environment)
        self._client_id = client_id

    def read(self, record: Record, handling: Handling | None = None) -> Event:
        """The event in a record; that its author signed it is proved, except for a refusal, which proves nothing.

        Raises:
            InvalidEvent: it is no event, or its signature does not hold.
        """
        event = read_event(record, self._codec, self._environment, handling)
        if event.ledger is not None:
            signature = Signature.from_bytes(event.submission.header(SIGNATURE) or b"")
            number, directory = event.ledger.directory, self._directory.directory
            if number > directory.number:
                self._directory.refresh()
            standing = directory.get(event.source, number)
            key = None if standing is None else standing.keys.get(signature.key_id)
            if key is None:
                raise InvalidEvent("unknown_key", f"{event}: {event.source} had no such key in directory {number}")
            try:
                self._verifier.verify(key, signature, event.fingerprint)
            except InvalidEvent as error:
                raise InvalidEvent(error.code, f"{error.text} ({event})") from None
        return event

    def replay(
        self, places: Sequence[Partition], wanted: Selection, progress: Progress | None = None
    ) -> Iterator[Event]:
        """What these partitions of one topic hold as of now, as far as it is ``wanted``; a delivery that was delivered
        again comes once.

        Of the ledger only what was admitted within the bounds is read. A door is read whole: what an organisation
        missed may come to it long after it was admitted. Only what the headers leave open is decoded and verified.
        """
        seen = Seen()
        with contextlib.closing(self._transport.consumer(client_id=self._client_id)) as consumer:
            extents = self._extents(consumer, places, wanted)
            consumer.assign(places)
            for place, extent in extents.items():
                consumer.seek(place, extent.start)
            at = {place.number: extent.start for place, extent in extents.items()}
            done, total = 0, sum(len(extent) for extent in extents.values())
            for record in read_to(consumer, {place: extent.stop for place, extent in extents.items()}):
                done += record.offset + 1 - at[record.partition]
                at[record.partition] = record.offset + 1
                if progress is not None:
                    progress(done, total)
                if record.topic.startswith(_DOORS) and not seen.first(stamp_of(record)):
                    continue
                if wanted.may_take(record) and wanted.takes(event := self.read(record)):
                    yield event

    def _extents(self, consumer: Consumer, places: Sequence[Partition], wanted: Selection) -> dict[Partition, range]:
        """The offsets that must be read of each partition, as of now."""
        whole = {place: range(consumer.beginning(place), consumer.end(place)) for place in places}
        if (wanted.since is None and wanted.until is None) or places[0].topic.startswith(_DOORS):
            return whole
        stable = {place: bounds.stable for place, bounds in self._transport.bounds(places).items()}
        found = {}
        for place, extent in whole.items():
            consumer.assign([place])
            known = range(extent.start, min(stable[place], extent.stop))
            start = extent.start if wanted.since is None else _admitted_at(consumer, place, known, wanted.since)
            stop = extent.stop if wanted.until is None else _admitted_at(consumer, place, known, wanted.until)
            found[place] = range(start, extent.stop if stop == known.stop else stop)
        return found


def _admitted_at(consumer: Consumer, place: Partition, known: range, moment: datetime) -> int:
    """The first offset of the ledger from which on everything was admitted at ``moment`` or later; ``known.stop`` where
    nothing was. The admitted time never decreases (docs/wire.md), so it is found by halves; the timestamps of a
    broker's records follow a clock that may be set back."""
    low, high = known.start, known.stop
    while low < high:
        middle = (low + high) // 2
        consumer.seek(place, middle)
        record = next(read_to(consumer, {place: high}), None)
        if record is None or _admitted(record) >= moment:
            high = middle
        else:
            low = record.offset + 1
    return low


def _admitted(record: Record) -> datetime:
    """Raises InvalidEvent: the record is no entry, though it lies on the ledger."""
    stamp = dict(record.headers).get("ledger")
    if stamp is None:
        where = f"{record.topic}/{record.partition}@{record.offset}"
        raise InvalidEvent("bad_stamp", f"{where} is no entry: {record.unreadable or 'only admit may write there'}")
    return LedgerStamp.from_bytes(stamp).admitted
