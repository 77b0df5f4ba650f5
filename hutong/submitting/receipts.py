"""An author's own events coming back through his door: the proof that they were admitted, or why not."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hutong.errors import Unavailable
from hutong.event import city_part_removed
from hutong.loop import read_all
from hutong.submitting.outgoing import Signed
from hutong.transport import Consumer, Partition, Record, Transport
from hutong.wire.envelope import Environment
from hutong.wire.stamps import LedgerStamp, RefusalStamp

Receipt = LedgerStamp | RefusalStamp

LOOK_BACK_SECONDS = 2.0
"""After so long without its receipt an event may be one that was sent before: its receipt came long ago then."""


class Receipts:
    """Reads the organisation's deliveries aside from every subscription, from the moment it is made."""

    def __init__(self, transport: Transport, organisation: str, partitions: int, environment: Environment) -> None:
        self._transport = transport
        self._organisation = organisation
        self._environment: Environment = environment
        self._places = [Partition(f"deliveries.{organisation}", number) for number in range(partitions)]
        self._consumer = self._reader()
        for place in self._places:
            self._consumer.seek(place, self._consumer.end(place))

    def wait(self, events: Sequence[Signed], deadline: float) -> Mapping[bytes, Receipt]:
        """Receipts by fingerprint, as far as they came before ``deadline`` (``time.monotonic()`` seconds)."""
        missing = {event.fingerprint: event.ticket.encode() for event in events}
        found: dict[bytes, Receipt] = {}
        look_back = time.monotonic() + LOOK_BACK_SECONDS
        while missing and time.monotonic() < deadline:
            try:
                for records in self._consumer.poll(0.05).values():
                    self._match(records, missing, found)
                if missing and time.monotonic() > look_back:
                    self._match(self._past(deadline), missing, found, past=True)
                    look_back = deadline
            except Unavailable:  # the events were sent; that the broker went away since says nothing about them
                time.sleep(0.1)
        return found

    def _match(
        self,
        records: Iterable[Record],
        missing: dict[bytes, bytes],
        found: dict[bytes, Receipt],
        *,
        past: bool = False,
    ) -> None:
        """Move what ``records`` are receipts of from ``missing`` (fingerprint → ticket) to ``found``.

        A refusal from the ``past`` counts only where it binds: any other said nothing about bytes sent again.
        """
        author, tickets = self._organisation.encode(), set(missing.values())
        for record in records:
            headers = dict(record.headers)
            if record.key not in tickets or headers.get("ce_source") != author:
                continue
            refusal = RefusalStamp.from_bytes(headers["refusal"]) if "refusal" in headers else None
            if past and refusal is not None and not refusal.binding:
                continue
            fingerprint = city_part_removed(record).fingerprint(self._environment)
            if missing.pop(fingerprint, None) is not None:
                found[fingerprint] = refusal or LedgerStamp.from_bytes(headers["ledger"])

    def _past(self, deadline: float) -> Iterator[Record]:
        """Everything that the door holds as of now, as far as it is read before ``deadline``."""
        with contextlib.closing(self._reader()) as consumer:
            for record in read_all(consumer, self._places):
                if time.monotonic() > deadline:
                    return
                yield record

    def _reader(self) -> Consumer:
        consumer = self._transport.consumer(client_id=f"{self._organisation}.receipts")
        consumer.assign(self._places)
        return consumer

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
