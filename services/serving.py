"""How a program on the public client runs as a service: one system of one organisation, until it is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import hutong
from hutong.logs import configure
from services.owning.running import crash_only


class EventTimes(StrEnum):
    """When a service says that its events happened."""

    NOW = "now"
    EVENT = "event"
    """When the event it answers happened: for history that is played again."""

    def of(self, event: hutong.Event) -> datetime | None:
        """The time for an answer to ``event``; None is now."""
        return event.time if self is EventTimes.EVENT else None


def serve(system: str, work: Callable[[hutong.Bus], None]) -> None:
    """Open the door named by the ``HUTONG_*`` settings and do ``work`` until SIGTERM or SIGINT.

    An error while handling an event is retried, then parks the event's ticket (see :class:`hutong.Event`). Every other
    ends the process, whatever was not marked as handled comes again at the next start, and the answers it gives then
    are the same events (see :func:`services.owning.running.crash_only`).
    """

    def run() -> None:
        configure(system)
        with hutong.connect(system) as bus:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: bus.stop())
            work(bus)

    crash_only(run)
