"""An author's own events coming back through his door: the proof that they were admitted, or why not."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from hutong.event import city_part_removed
from hutong.outgoing import Signed
from hutong.transport import Partition, Record, Transport
from hutong.wire.envelope import Environment
from hutong.wire.stamps import LedgerStamp, RefusalStamp

Receipt = LedgerStamp | RefusalStamp


class Receipts:
    """Reads the organisation's deliveries aside from every subscription, from the moment it is made."""

    def __init__(self, transport: Transport, organisation: str, partitions: int, environment: Environment) -> None:
        self._organisation = organisation.encode()
        self._environment: Environment = environment
        self._consumer = transport.consumer(client_id=f"{organisation}.receipts")
        places = [Partition(f"deliveries.{organisation}", number) for number in range(partitions)]
        self._consumer.assign(places)
        for place in places:
            self._consumer.seek(place, self._consumer.end(place))

    def wait(self, events: Sequence[Signed], deadline: float) -> Mapping[bytes, Receipt]:
        """Receipts by fingerprint, as far as they came before ``deadline`` (``time.monotonic()`` seconds)."""
        missing = {event.fingerprint for event in events}
        found: dict[bytes, Receipt] = {}
        while missing and time.monotonic() < deadline:
            for records in self._consumer.poll(0.05).values():
                for record in records:
                    fingerprint, receipt = self._read(record)
                    if receipt is not None and fingerprint in missing:
                        found[fingerprint] = receipt
                        missing.discard(fingerprint)
        return found

    def _read(self, record: Record) -> tuple[bytes, Receipt | None]:
        headers = dict(record.headers)
        if headers.get("ce_source") != self._organisation:
            return b"", None
        receipt: Receipt = (
            RefusalStamp.from_bytes(headers["refusal"])
            if "refusal" in headers
            else LedgerStamp.from_bytes(headers["ledger"])
        )
        return city_part_removed(record).fingerprint(self._environment), receipt

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
