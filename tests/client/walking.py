"""Random lives of tickets, by the lifecycle table alone: for whoever counts or draws them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hutong.board import Board
from hutong.events import MODELS, EventData, complaint, disposition, notice
from hutong.rules.lifecycle import Lifecycle, Ticket

BEGAN = datetime(2026, 1, 31, 0, 0, tzinfo=UTC)
LIFECYCLE = Lifecycle.load()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One admitted event, as a board is told of it."""

    data: EventData
    ticket: str
    author: str
    time: datetime
    area: str

    def to(self, board: Board) -> None:
        board.take(
            self.data,
            ticket=self.ticket,
            author=self.author,
            time=self.time,
            at_ms=int(self.time.timestamp() * 1000),
            area=self.area,
        )


def data_of(type_: str, rng: Random, *, area: str, leads: Sequence[str]) -> EventData:
    """Some data of this type of event."""
    later = BEGAN + timedelta(days=9)
    made: dict[str, dict[str, Any]] = {
        "complaint.filed.v1": {
            "kind": rng.choice(list(complaint.Kind)),
            "channel": "phone",
            "category": "housing",
            "area": area,
        },
        "complaint.answered.v1": {"basis": "knowledge_base"},
        "complaint.merged.v1": {"into": "110000-20260131-0G7XK2M9QZ", "rule": "same_place"},
        "complaint.withdrawn.v1": {"reason": "solved"},
        "disposition.dispatched.v1": {"lead": rng.choice(leads)},
        "disposition.declined.v1": {"reason": "not_our_duty"},
        "disposition.decline_decided.v1": {"decision": rng.choice(["granted", "rejected"])},
        "disposition.assist_requested.v1": {"units": (rng.choice(leads),)},
        "disposition.extension_requested.v1": {"until": later, "reason": "parts"},
        "disposition.extension_decided.v1": {"decision": rng.choice(["granted", "rejected"]), "until": later},
        "disposition.suspended.v1": {"until": later, "reason": "winter"},
        "disposition.resumed.v1": {"reason": "spring"},
        "disposition.reminded.v1": {"limit": rng.choice(["dispatch", "sign", "answer"]), "due": later},
        "disposition.overdue.v1": {"limit": rng.choice(["dispatch", "sign", "answer", "odd"]), "due": later},
        "disposition.escalated.v1": {"reason": "overdue"},
        "disposition.called_back.v1": {
            "contacted": True,
            "satisfaction": rng.choice(list(disposition.Satisfaction)),
        },
        "disposition.reopened.v1": {"reason": "dissatisfied"},
        "disposition.closed.v1": {"reason": "satisfied"},
        "notice.access_released.v1": {
            "key_id": bytes(16),
            "key_class": notice.KeyClass.CONTENT,
            "recipient": rng.choice(leads),
            "purpose": "handling",
        },
        "notice.erased.v1": {"key_ids": (bytes(16),), "key_class": notice.KeyClass.CONTENT, "reason": "citizen"},
    }
    return MODELS[type_].model_validate(made.get(type_, {}))


def walk(
    rng: Random, *, tickets: int, steps: int, areas: Sequence[str], leads: Sequence[str], apart: float = 0.4
) -> Iterator[Told]:
    """``steps`` events of up to ``tickets`` tickets in random order, each allowed by the table, ``apart`` seconds."""
    known: dict[str, Ticket] = {}
    names = [f"110000-20260131-{number:010d}" for number in range(tickets)]
    for step in range(steps):
        name = rng.choice(names)
        ticket = known.get(name)
        state = ticket.state if ticket else None
        types = [
            type_
            for type_, rule in LIFECYCLE.table.events.items()
            if (state in rule.states if state else not rule.states)
        ]
        area = ticket.area if ticket else rng.choice(areas)
        data = data_of(rng.choice(types), rng, area=area, leads=leads)
        known[name] = LIFECYCLE.follow(ticket, data, subject=name, author="110000", at_ms=step)
        yield Told(
            data=data, ticket=name, author=rng.choice(leads), time=BEGAN + timedelta(seconds=step * apart), area=area
        )
