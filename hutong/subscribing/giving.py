"""Giving one event to a program until its fate is known: handled, or failed for good."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import TypeVar

import structlog

from hutong.errors import HandlingError, Unavailable
from hutong.event import Event, Handling
from hutong.loop import Loop
from hutong.observing.metrics import HANDLE_RETRIES, Meter
from hutong.subscribing.letters import Failure
from hutong.transport import Record

_log = structlog.get_logger()

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0  # seconds before an event is given out again; doubles from one to the other

Answer = TypeVar("Answer")

Open = Callable[[Record, Handling], Event]
"""Reads a record and checks its signature."""


class Moved(Exception):
    """The assignment changed while an event was in hand. Whoever owns its partition now is given it."""


class Giving:
    """Gives events to the program of one subscription, one at a time."""

    def __init__(
        self,
        loop: Loop,
        open_event: Open,
        around: Callable[[Event], AbstractContextManager[None]],
        retries: int,
        meter: Meter,
    ) -> None:
        self._loop = loop
        self._open = open_event
        self._around = around
        self._retries = retries
        self._meter = meter

    def give(self, record: Record, handled: Callable[[], None]) -> Generator[Event, None, Failure | None]:
        """Yield the event until it is handled (``handled`` is called then), or failed for good; then, why.

        A retriable error is waited out and does not count as a try. An event that fails is given out again at once
        after a pause, before any other: its ticket's order is kept.

        Raises:
            Moved: another may be given it now. InvalidEvent: the record proves nothing. HandlingError: it was not
            taken. Exception: the program's own, when the subscription was stopped before its next try.
        """
        handling = Handling(around=self._around)
        event = self.patiently(lambda: self._open(record, handling))
        waits = tries = 0
        first_ms = _now_ms()
        while True:
            self.keep()
            handling.error = None
            try:
                yield event
            finally:
                if handling.handled:
                    handled()
            if handling.handled:
                return None
            error = handling.error
            if error is None:
                raise HandlingError(f"{event} was not handled: put the loop's body into `with event:`")
            if handling.waits:
                waits += 1
            else:
                tries += 1
                waits = 0
                if tries > self._retries:
                    return Failure.of(error, first_ms=first_ms, last_ms=_now_ms(), tries=tries)
            seconds = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** ((waits or tries) - 1))
            _log.warning("waiting, then the same event again", what=str(event), seconds=seconds, why=_reason(error))
            if not self._loop.wait(seconds):
                if self._loop.over():
                    raise error
                raise Moved
            self._meter.add(HANDLE_RETRIES, "waits" if handling.waits else "failed")

    def keep(self) -> None:
        """Keep the place in the group; raises Moved when it is lost."""
        if not self._loop.keep() and not self._loop.over():
            raise Moved

    def patiently(self, ask: Callable[[], Answer]) -> Answer:
        """What ``ask`` says, once the broker answers."""
        while True:
            try:
                return ask()
            except Unavailable as error:
                _log.warning("broker away, waiting", error=str(error))
                self._loop.wait(_FIRST_WAIT)
                if self._loop.over():
                    raise


def _reason(error: Exception) -> str:
    return Failure.of(error, first_ms=0, last_ms=0, tries=0).reason


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
