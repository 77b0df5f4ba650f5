"""The courier: takes the outbox's events to the broker, in their order, aside from the program."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from hutong.errors import BusError, InvalidEvent, Unavailable, Unconfirmed, UnknownOutcome
from hutong.journal import Journal
from hutong.submitting.outbox import BATCH_EVENTS, Outbox
from hutong.submitting.outbox_rows import Waiting
from hutong.submitting.outgoing import Signed
from hutong.submitting.sending import HandsOver
from hutong.transport import Placed, Producer

_log = structlog.get_logger()

SEND_SECONDS = 10.0
"""How long a batch may take to be acknowledged before the same is sent again."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between attempts while the broker is away; each pause is twice the one before."""
CLOSING_SECONDS = 5.0
"""How long :meth:`Courier.close` lets it send what still waits."""


class Courier:
    """Sends from one outbox by a thread of its own until :meth:`close`, which also releases the outbox.

    Nothing is sent before all of the former batch is acknowledged, and a batch that was not is sent again, whole, in
    its order, byte for byte: each event becomes at most one ledger entry, each ticket's in the order of storing.
    """

    def __init__(
        self, outbox: Outbox, open_producer: Callable[[], Producer], journal: Journal, hand_over: HandsOver
    ) -> None:
        self._outbox = outbox
        self._hand_over = hand_over
        self._open_producer = open_producer
        self._journal = journal
        self._producer: Producer | None = None
        self._changed = threading.Condition()  # guards everything below, and the outbox
        self._wanted: set[int] = set()
        self._placed: dict[int, Placed] = {}
        self._journalled = 0
        self._trouble: BusError | None = None
        self._failed: BusError | None = None
        self._seconds = FIRST_PAUSE
        self._most = BATCH_EVENTS  # fewer, down to one, while the topic refuses one of them
        self._closing = self._over = False
        self._then: Callable[[], None] | None = None
        self._give_up_at = float("inf")
        self._thread = threading.Thread(target=self._run, name="hutong-outbox", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many events wait."""
        with self._changed:
            return len(self._outbox)

    def send(self, events: Sequence[Signed], *, stored: bool, timeout: float) -> list[tuple[Signed, Placed | None]]:
        """Store events, and unless ``stored`` is enough, wait until they, and all before them, are acknowledged.

        Raises:
            Unavailable: the outbox is full. SettingsError: it is damaged. Nothing was stored.
            Unconfirmed: stored, but not acknowledged in time; they are sent later.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            if self._failed is not None:
                raise type(self._failed)(f"{self._failed}; nothing was stored")
            waiting = self._outbox.put(events)
            places = {each.place for each in waiting}
            if stored:
                self._changed.notify_all()
                return [(each.event, None) for each in waiting]
            self._wanted |= places
            self._changed.notify_all()
            try:
                self._wait(waiting, deadline, timeout)
                return [(each.event, self._placed[each.place]) for each in waiting]
            finally:
                self._wanted -= places
                for place in places:
                    self._placed.pop(place, None)

    def _wait(self, waiting: Sequence[Waiting], deadline: float, timeout: float) -> None:
        while missing := [each for each in waiting if each.place not in self._placed]:
            left = deadline - time.monotonic()
            if left <= 0 or self._failed is not None:
                why = self._failed or self._trouble or "no answer yet"
                events = tuple(each.event for each in missing)
                raise Unconfirmed(
                    f"{len(missing)} of {len(waiting)} events are stored in the outbox {self._outbox.path} and sent "
                    f"later, in order; {len(self._outbox)} wait there, and these were not acknowledged within "
                    f"{timeout:g} s ({why})",
                    events,
                )
            self._changed.wait(left)

    def drain(self, deadline: float) -> int:
        """Wait until nothing waits, or until ``deadline`` (``time.monotonic()``). How many still do.

        Raises:
            BusError: the outbox is damaged.
        """
        with self._changed:
            while len(self._outbox) and (left := deadline - time.monotonic()) > 0:
                if self._failed is not None:
                    raise self._failed
                self._changed.wait(left)
            return len(self._outbox)

    @property
    def trouble(self) -> BusError | None:
        """Why the last attempt failed; None after one that did not."""
        with self._changed:
            return self._failed or self._trouble

    def _run(self) -> None:
        try:
            while (batch := self._next()) is not None:
                self._deliver(batch)
        except BusError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001  whatever it is, the program must hear of it at its next submit
            _log.exception("outbox stopped")
            self._fail(UnknownOutcome(f"the outbox {self._outbox.path} stopped ({error}): start the program again"))
        finally:
            if self._producer is not None:
                self._producer.close()
            with self._changed:
                left = len(self._outbox)
                self._outbox.close()
                self._over = True
            if self._then is not None:
                self._then()
            if left:
                _log.warning(
                    "events wait in the outbox until the next start", outbox=str(self._outbox.path), count=left
                )

    def _fail(self, error: BusError) -> None:
        _log.error("nothing more is sent from the outbox", error=str(error))
        with self._changed:
            self._failed = error
            self._changed.notify_all()
            while not self._closing:  # keeps the file, so that no other program takes it meanwhile
                self._changed.wait()

    def _next(self) -> list[Waiting] | None:
        """What is to be sent next, as soon as there is something; None when it is time to end."""
        with self._changed:
            while not (self._closing and (not len(self._outbox) or time.monotonic() >= self._give_up_at)):
                if batch := self._outbox.first(self._most):
                    return batch
                self._changed.wait()
            return None

    def _deliver(self, batch: Sequence[Waiting]) -> None:
        """Try once. Where it is not acknowledged, it stays in the outbox, and there is a pause."""
        try:
            placed = self._send(batch)
            self._journal.acknowledged([each.event for each in batch])
            with self._changed:
                self._outbox.remove(batch)
                self._sent(batch, placed)
        except InvalidEvent as error:
            if len(batch) > 1:  # the broker does not say which one
                self._most = 1
                return
            self._pause(_refused(batch[0], error))
        except OSError as error:
            self._pause(Unavailable(f"the journal cannot be written ({error}): is its disk full?"))
        except BusError as error:
            self._pause(error)

    def _sent(self, batch: Sequence[Waiting], placed: Sequence[Placed]) -> None:
        for each, place in zip(batch, placed, strict=True):
            if each.place in self._wanted:
                self._placed[each.place] = place
        if self._trouble is not None:
            _log.info("outbox: sending again", left=len(self._outbox))
        self._trouble, self._seconds = None, FIRST_PAUSE
        self._most = min(self._most * 2, BATCH_EVENTS)
        self._changed.notify_all()

    def _pause(self, error: BusError) -> None:
        with self._changed:
            if self._trouble is None:
                _log.warning("outbox: not sent yet", count=len(self._outbox), error=str(error))
            self._trouble = error
            until = time.monotonic() + self._seconds
            self._seconds = min(self._seconds * 2, LONGEST_PAUSE)
            while not self._closing and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            if self._closing:
                self._give_up_at = 0.0

    def _send(self, batch: Sequence[Waiting]) -> list[Placed]:
        if self._producer is None:
            self._producer = self._open_producer()
        self._hand_over(self._producer, SEND_SECONDS)
        new = [each for each in batch if each.place > self._journalled]
        if new:
            self._journal.sent([each.event for each in new])
            self._journalled = new[-1].place
        return self._producer.send([each.event.record() for each in batch], timeout=SEND_SECONDS)

    def close(self) -> None:
        """Send what waits, as long as that succeeds and at most :data:`CLOSING_SECONDS`; the rest waits for the next
        start. The log says how many."""
        with self._changed:
            self._closing = True
            self._give_up_at = time.monotonic() + CLOSING_SECONDS
            self._changed.notify_all()
        self._thread.join(CLOSING_SECONDS + 1.0)
        if self._thread.is_alive():  # in the middle of a send that gets no answer; it releases the outbox as it ends
            with self._changed:
                _log.warning(
                    "events wait in the outbox until the next start",
                    outbox=str(self._outbox.path),
                    count=len(self._outbox),
                )

    def then(self, act: Callable[[], None]) -> None:
        """Do this when nothing more is sent: now, or when a send that gets no answer has ended."""
        with self._changed:
            if not self._over:
                self._then = act
                return
        act()


def _refused(waiting: Waiting, error: InvalidEvent) -> InvalidEvent:
    event = waiting.event
    return InvalidEvent(
        error.code,
        f"event {event.id} ({event.type} of {event.ticket}) waits in the outbox, and nothing behind it is sent: "
        f"{error.text}; have the city take it and it goes on by itself, or end the program and take it out by "
        f"`hutong outbox drop {event.id} --reason ...`",
    )
