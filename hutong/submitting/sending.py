"""Sending signed events: to the broker or into the outbox, then (if asked) their receipts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from hutong.errors import SettingsError, Unavailable, Unconfirmed
from hutong.journal import Journal
from hutong.submitting.outgoing import Signed, Submitted
from hutong.submitting.receipts import Receipt, Receipts
from hutong.transport import Placed, Producer
from hutong.wire.stamps import LedgerStamp, RefusalStamp

Wait = Literal["stored", "acknowledged", "admitted"]

SLACK_SECONDS = 1.0
"""How much longer than its ``timeout`` a submit may take on a machine that is not itself overloaded."""


class Way(Protocol):
    """How events leave the program."""

    def send(self, events: Sequence[Signed], *, stored: bool, timeout: float) -> list[tuple[Signed, Placed | None]]:
        """Each event as it was sent, and where it lies; None where it is stored only, which is enough if ``stored``."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


HandsOver = Callable[[Producer, float], None]
"""Gives the custodian the keys of what is to be sent, within so many seconds; see
:meth:`hutong.submitting.minting.HandOver.flush`."""


class Direct:
    """Straight to the broker: minted keys and the journal first."""

    def __init__(self, producer: Producer, journal: Journal, hand_over: HandsOver) -> None:
        self._producer = producer
        self._journal = journal
        self._hand_over = hand_over

    def send(self, events: Sequence[Signed], *, stored: bool, timeout: float) -> list[tuple[Signed, Placed | None]]:
        if stored:
            raise SettingsError('wait="stored" needs an outbox: name its file in HUTONG_OUTBOX, or connect(outbox=)')
        deadline = time.monotonic() + timeout
        try:
            self._hand_over(self._producer, timeout)
        except Unconfirmed as error:
            text = f"{error}; the events that they belong to were not sent: `resend` them"
            raise Unconfirmed(text, tuple(events)) from None
        self._journal.sent(events)
        try:
            left = max(deadline - time.monotonic(), 0.001)
            placed = self._producer.send([event.record() for event in events], timeout=left)
        except Unconfirmed as error:
            text = f"{error} ({len(events)} events, first {events[0].type} of {events[0].ticket}; `resend` them)"
            raise Unconfirmed(text, tuple(events)) from None
        self._journal.acknowledged(events)
        return list(zip(events, placed, strict=True))

    def close(self) -> None:
        self._producer.close()


class Sender:
    """Sends for one system of one organisation. ``receipts`` opens the organisation's door for receipts, once."""

    def __init__(self, way: Way, receipts: Callable[[], Receipts]) -> None:
        self._way = way
        self._receipts = _Opening(receipts)

    def send(self, events: Sequence[Signed], *, wait: Wait, timeout: float) -> list[Submitted]:
        """See :meth:`hutong.Bus.resend`."""
        deadline = time.monotonic() + timeout
        receipts = self._receipts.get(deadline) if wait == "admitted" else None
        left = max(deadline - time.monotonic(), 0.001)
        sent = self._way.send(events, stored=wait == "stored", timeout=left)
        if receipts is None:
            return [_submitted(event, place, None) for event, place in sent]
        found = receipts.wait([event for event, _ in sent], deadline)
        missing = tuple(event for event, _ in sent if event.fingerprint not in found)
        if missing:
            raise Unconfirmed(
                f"{len(missing)} of {len(events)} events are with the broker, but no receipt came within "
                f"{timeout:.0f} s: is the city's admit running? (first: {missing[0].type} of {missing[0].ticket})",
                missing,
            )
        return [_submitted(event, place, found[event.fingerprint]) for event, place in sent]

    def close(self) -> None:
        """Give back what was opened."""
        self._way.close()
        self._receipts.close()


class _Opening:
    """Opens receipts aside, so that nobody waits for a silent broker longer than his own deadline."""

    def __init__(self, make: Callable[[], Receipts]) -> None:
        self._make = make
        self._changed = threading.Condition()
        self._opened: Receipts | None = None
        self._failed: BaseException | None = None
        self._running = False
        self._closed = False

    def get(self, deadline: float) -> Receipts:
        """Raises Unavailable where they are not open at the deadline; the next call waits for the same opening."""
        with self._changed:
            if self._opened is None and not self._running:
                self._running = True
                threading.Thread(target=self._open, name="hutong-receipts", daemon=True).start()
            while self._running and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            if self._opened is not None:
                return self._opened
            if self._running:
                raise Unavailable("the broker does not answer: receipts cannot be awaited in time; nothing was sent")
            failed, self._failed = self._failed, None
            assert failed is not None
            raise failed

    def _open(self) -> None:
        opened: Receipts | None = None
        failed: BaseException | None = None
        try:
            opened = self._make()
        except BaseException as error:  # noqa: BLE001  raised in the thread that asked
            failed = error
        with self._changed:
            self._running = False
            if self._closed and opened is not None:
                opened.close()
            else:
                self._opened, self._failed = opened, failed
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            if self._opened is not None:
                self._opened.close()


def _submitted(event: Signed, place: Placed | None, receipt: Receipt | None) -> Submitted:
    return Submitted(
        id=event.id,
        ticket=event.ticket,
        type=event.type,
        fingerprint=event.fingerprint,
        stored=place is None,
        partition=None if place is None else place.partition,
        offset=None if place is None else place.offset,
        ledger=receipt if isinstance(receipt, LedgerStamp) else None,
        refusal=receipt if isinstance(receipt, RefusalStamp) else None,
    )
