"""A desk at its door: it answers what comes, and between events what is due."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager

import structlog

import hutong
from hutong.wire.stamps import RefusalStamp
from services.desk.cases import Due
from services.desk.handler import WANTED, Desk

_log = structlog.get_logger()

GLANCE_SECONDS = 0.5
"""How often it looks up from its door, at least."""


def answer(bus: hutong.Bus, desk: Desk, *, rebuild: AbstractContextManager[None] | None = None) -> None:
    """Answer as the desk decides; what belongs together under one signature, in order. Between events, what is due.

    Where its file is new, everything it was ever delivered is gone through first, inside ``rebuild``, and nothing said.
    A ticket it was never told of (another machine's desk had it) makes it read again what its door has of that ticket.
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
        if event.refusal is None and not desk.knows(event):
            for earlier in bus.replay(source="deliveries", ticket=event.ticket):
                if earlier.refusal is None:
                    desk.learn(earlier)
            desk.asked(event.ticket)
        with event:
            if event.refusal is None:
                _say(bus, event, desk.answers(event, bus.directory))
            else:
                _refused(bus, desk, event, event.refusal)


def _say(bus: hutong.Bus, event: hutong.Event, answers: Sequence[hutong.EventData]) -> None:
    """Where the ticket's content was erased, no more is written on it: a step is taken without its words."""
    try:
        bus.submit_batch([bus.draft(data, answers=event) for data in answers])
    except hutong.KeyErased:
        bus.submit_batch([bus.draft(_wordless(data), answers=event) for data in answers])


def _refused(bus: hutong.Bus, desk: Desk, event: hutong.Event, refusal: RefusalStamp) -> None:
    """What it had sealed under the key of before a change of lead, it says again under the key of now."""
    stale = refusal.code == "stale_key" and desk.says(event.data)
    again = [_opened(bus, event)] if stale else desk.refused(event, refusal, bus.directory)
    _say(bus, event, again)
    _log.warning(
        "refused", type=event.type, ticket=event.ticket, code=refusal.code, text=refusal.text, again=bool(again)
    )


def _opened(bus: hutong.Bus, event: hutong.Event) -> hutong.EventData:
    try:
        return bus.opened(event)
    except hutong.KeyErased:
        return _wordless(event.data)


def _wordless(data: hutong.EventData) -> hutong.EventData:
    """The same step without what would be sealed in it."""
    return data.model_copy(update=dict.fromkeys(data.sealed_fields()))


def _answer_late(bus: hutong.Bus, desk: Desk) -> None:
    """Said again after a crash it is the same event: the city keeps the first. What cannot be sealed yet waits, and
    holds up nothing else."""
    late = desk.due(time.time_ns() // 1_000_000)
    try:
        _say_late(bus, desk, late)
    except (hutong.KeyPending, hutong.KeyErased):
        for due, data in late:
            try:
                _say_late(bus, desk, [(due, data)])
            except hutong.KeyErased:
                _say_late(bus, desk, [(due, _wordless(data))])
            except hutong.KeyPending as error:
                _log.warning("an answer that is due waits for its key", ticket=due.ticket, why=str(error))


def _say_late(bus: hutong.Bus, desk: Desk, late: Sequence[tuple[Due, hutong.EventData]]) -> None:
    try:
        bus.submit_batch([bus.draft(data, ticket=due.ticket, once=due.once) for due, data in late])
    except (hutong.Unavailable, hutong.Unconfirmed):
        return  # again at the next glance
    for due, _ in late:
        desk.said(due)
