"""Sending signed events: the journal first, then the broker, then (if asked) their receipts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal

from hutong.errors import Unconfirmed
from hutong.journal import Journal
from hutong.outgoing import Signed, Submitted
from hutong.receipts import Receipt, Receipts
from hutong.transport import Placed, Producer
from hutong.wire.stamps import LedgerStamp, RefusalStamp

Wait = Literal["acknowledged", "admitted"]


class Sender:
    """Sends for one system of one organisation. ``receipts`` opens the organisation's door for receipts, once."""

    def __init__(self, producer: Producer, journal: Journal, receipts: Callable[[], Receipts]) -> None:
        self._producer = producer
        self._journal = journal
        self._open_receipts = receipts
        self._receipts: Receipts | None = None

    def send(self, events: Sequence[Signed], *, wait: Wait, timeout: float) -> list[Submitted]:
        """See :meth:`hutong.Bus.resend`."""
        deadline = time.monotonic() + timeout
        if wait == "admitted" and self._receipts is None:
            self._receipts = self._open_receipts()
        self._journal.sent(events)
        try:
            placed = self._producer.send([event.record() for event in events], timeout=timeout)
        except Unconfirmed as error:
            text = f"{error} ({len(events)} events, first {events[0].type} of {events[0].ticket}; `resend` them)"
            raise Unconfirmed(text, tuple(events)) from None
        self._journal.acknowledged(events)
        if wait == "acknowledged" or self._receipts is None:
            return [_submitted(event, place, None) for event, place in zip(events, placed, strict=True)]
        found = self._receipts.wait(events, deadline)
        missing = tuple(event for event in events if event.fingerprint not in found)
        if missing:
            raise Unconfirmed(
                f"{len(missing)} of {len(events)} events are with the broker, but no receipt came within "
                f"{timeout:.0f} s: is the city's admit running? (first: {missing[0].type} of {missing[0].ticket})",
                missing,
            )
        return [_submitted(event, place, found[event.fingerprint]) for event, place in zip(events, placed, strict=True)]

    def close(self) -> None:
        """Give back producer and receipts."""
        self._producer.close()
        if self._receipts is not None:
            self._receipts.close()


def _submitted(event: Signed, place: Placed, receipt: Receipt | None) -> Submitted:
    return Submitted(
        id=event.id,
        ticket=event.ticket,
        type=event.type,
        fingerprint=event.fingerprint,
        partition=place.partition,
        offset=place.offset,
        ledger=receipt if isinstance(receipt, LedgerStamp) else None,
        refusal=receipt if isinstance(receipt, RefusalStamp) else None,
    )
