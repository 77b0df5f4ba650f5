"""A desk at its door: it answers what comes, and between events what is due."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

import hutong
from services.desk.handler import WANTED, Desk

GLANCE_SECONDS = 0.5
"""How often it looks up from its door, at least."""


def answer(bus: hutong.Bus, desk: Desk, *, rebuild: AbstractContextManager[None] | None = None) -> None:
    """Answer as the desk decides; what belongs together under one signature, in order. Between events, what is due.

    Where its file is new, everything it was ever delivered is gone through first, inside ``rebuild``, and nothing said.
    A ticket it was never told of (another machine's desk had it) makes it read its door again.
    """
    if rebuild is not None:
        with rebuild:
            for earlier in bus.replay(source="deliveries"):
                if earlier.refusal is None:
                    desk.answers(earlier, bus.directory)
    # Its own events, too: the city supervises what it dispatched itself.
    for event in bus.subscribe(types=WANTED, receipts=True, idle=GLANCE_SECONDS):
        if event is None:
            _answer_late(bus, desk)
            continue
        if not desk.knows(event):
            for earlier in bus.replay(source="deliveries"):
                desk.learn(earlier)
        with event:
            bus.submit_batch([bus.draft(data, answers=event) for data in desk.answers(event, bus.directory)])


def _answer_late(bus: hutong.Bus, desk: Desk) -> None:
    """Said again after a crash it is the same event: the city keeps the first."""
    late = desk.due(time.time_ns() // 1_000_000)
    try:
        bus.submit_batch([bus.draft(data, ticket=due.ticket, once=due.once) for due, data in late])
    except (hutong.Unavailable, hutong.Unconfirmed):
        return  # again at the next glance
    for due, _ in late:
        desk.said(due)
