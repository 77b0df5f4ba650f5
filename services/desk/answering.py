"""A desk at its door: it answers what comes, and between events what is due."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

import structlog

import hutong
from hutong.wire.stamps import RefusalStamp
from services.desk.handler import WANTED, Desk

_log = structlog.get_logger()

GLANCE_SECONDS = 0.5
"""How often it looks up from its door, at least."""


def answer(bus: hutong.Bus, desk: Desk, *, rebuild: AbstractContextManager[None] | None = None) -> None:
    """Answer as the desk decides; what belongs together under one signature, in order. Between events, what is due.

    Where its file is new, everything it was ever delivered is gone through first, inside ``rebuild``, and nothing said.
    A ticket it was never told of (another machine's desk had it) makes it read its door again. What it sealed under a
    key of before a change of lead is returned to it, and it says that again under the key of now.
    """
    if rebuild is not None:
        with rebuild:
            for earlier in bus.replay(source="deliveries"):
                if earlier.refusal is None:
                    desk.answers(earlier, bus.directory)
    # Its own events, too: the city supervises what it dispatched itself.
    for event in bus.subscribe(types=WANTED, receipts=True, refusals=True, idle=GLANCE_SECONDS):
        if event is None:
            _answer_late(bus, desk)
            continue
        if event.refusal is not None:
            with event:
                _say_again(bus, event, event.refusal)
            continue
        if not desk.knows(event):
            for earlier in bus.replay(source="deliveries"):
                if earlier.refusal is None:
                    desk.learn(earlier)
        with event:
            bus.submit_batch([bus.draft(data, answers=event) for data in desk.answers(event, bus.directory)])


def _say_again(bus: hutong.Bus, event: hutong.Event, refusal: RefusalStamp) -> None:
    """What was refused for its key alone, unless that was erased; the city's other refusals are final."""
    again = refusal.code == "stale_key"
    if again:
        try:
            bus.submit(bus.opened(event), answers=event)
        except hutong.KeyErased:
            again = False
    _log.warning("refused", type=event.type, ticket=event.ticket, code=refusal.code, text=refusal.text, again=again)


def _answer_late(bus: hutong.Bus, desk: Desk) -> None:
    """Said again after a crash it is the same event: the city keeps the first."""
    late = desk.due(time.time_ns() // 1_000_000)
    try:
        bus.submit_batch([bus.draft(data, ticket=due.ticket, once=due.once) for due, data in late])
    except (hutong.Unavailable, hutong.Unconfirmed):
        return  # again at the next glance
    for due, _ in late:
        desk.said(due)
