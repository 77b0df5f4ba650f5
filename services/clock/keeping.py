"""The clock at work: it reads its door, and between events says what has fallen due."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog

import hutong
from services.clock.handler import Clock, dated, moot, unannounced

_log = structlog.get_logger()

GLANCE_SECONDS = 0.25
"""How often the clock looks up from its door, at least."""

Now = Callable[[], int]
"""The time now, in milliseconds since 1970."""


def now_ms() -> int:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


def keep_time(
    bus: hutong.Bus,
    clock: Clock,
    *,
    delivered: Callable[[], bool],
    rebuild: AbstractContextManager[None] | None = None,
    now: Now = now_ms,
) -> None:
    """Keep the limits of every ticket that the door tells of, until the bus is stopped.

    ``delivered``: whether all that is on the ledger has come to the doors. An empty door says that nothing happened
    only where that was so before the door was looked into: deliver may be down, or behind.

    Where its memory is new, everything that was ever delivered is read first, inside ``rebuild``. When the door tells
    of a ticket that it does not know, what it has of that ticket is read. Nothing is lost or doubled by a crash
    anywhere: what is said again is the same event, byte for byte.
    """
    told: set[int] = set()
    if rebuild is not None:
        with rebuild:
            _read_again(bus, clock)
    at_rest = busy = False
    for event in bus.subscribe(receipts=True, refusals=True, idle=GLANCE_SECONDS):
        if event is None:
            at = now()
            _say(bus, clock, at, at_rest=at_rest)
            at_rest = not busy and clock.waits(at) and delivered()
            busy = False
            continue
        at_rest, busy = False, True
        if not clock.knows(event):
            _read_again(bus, clock, event.ticket)
            clock.asked(event.ticket)
        with event:
            if event.refusal is not None and event.refusal.code != "superseded":  # that the unit was in time is normal
                _log.warning("refused", what=str(event), code=event.refusal.code, text=event.refusal.text)
            course = clock.learn(event)
            clock.saw(event)
            for year, limit in (unannounced(course, clock.keeping) if course else {}).items():
                if year not in told:
                    told.add(year)
                    _log.warning(
                        "holidays not announced: only weekends and the law's own holidays are free; "
                        "install the newer `holidays` once it knows them",
                        year=year,
                        limit=limit,
                        ticket=event.ticket,
                    )


def _read_again(bus: hutong.Bus, clock: Clock, ticket: str | None = None) -> None:
    for event in bus.replay(source="deliveries", ticket=ticket):
        clock.learn(event)


def _say(bus: hutong.Bus, clock: Clock, now: int, *, at_rest: bool) -> None:
    """Submit what has fallen due under one signature, then note it. While the broker is away it waits."""
    gone = clock.due(now, at_rest=at_rest)
    drafts = [
        bus.draft(timer.data, ticket=kept.ticket, once=timer.once, time=dated(timer, now))
        for kept, timer in gone
        if not moot(timer, now)
    ]
    try:
        bus.submit_batch(drafts)
    except (hutong.Unavailable, hutong.Unconfirmed) as error:
        _log.warning("what has fallen due could not be submitted, again in a while", events=len(drafts), why=str(error))
    else:
        clock.fired(gone)
