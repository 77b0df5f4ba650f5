"""Reading what the city recorded: every event proved before it is given out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime

from hutong.codec import Codec
from hutong.errors import InvalidEvent
from hutong.event import Event, Handling, read_event
from hutong.loop import read_all
from hutong.registry import DirectoryReader
from hutong.subscribing.marks import Seen, stamp_of
from hutong.transport import Partition, Record, Transport
from hutong.wire.envelope import SIGNATURE, Environment
from hutong.wire.signing import Signature, Verifier

_DOORS = "deliveries."


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
        self, places: Sequence[Partition], *, ticket: str | None, since: datetime | None, until: datetime | None
    ) -> Iterator[Event]:
        """What the partitions hold as of now, of one ticket or all, admitted from ``since`` until before ``until``; a
        delivery that was delivered again comes once."""
        seen = Seen()
        with contextlib.closing(self._transport.consumer(client_id=self._client_id)) as consumer:
            for record in read_all(consumer, places):
                if record.topic.startswith(_DOORS) and not seen.first(stamp_of(record)):
                    continue
                if ticket is not None and record.key != ticket.encode():
                    continue
                event = self.read(record)
                if event.ledger is None or _within(event.ledger.admitted, since, until):
                    yield event


def _within(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or moment >= since) and (until is None or moment < until)
