"""Agreements as ``hutong agreements`` shows them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import typer

from hutong.cli.entries import name_of
from hutong.cli.render import clean, local, utc
from hutong.cli.texts import say
from hutong.events.directory import Agreement
from hutong.flows import Flow
from hutong.rules.directory import Directory, Opened

_MINUTES = "%Y-%m-%d %H:%M"
_COLOURS = {"open": "green", "expired": "yellow", "closed": "bright_black"}


def state_of(opened: Opened, now: datetime) -> Literal["open", "expired", "closed"]:
    """How an agreement stands now."""
    if opened.closed is not None:
        return "closed"
    return "open" if now < opened.agreement.until else "expired"


def agreement_json(agreement: Agreement) -> dict[str, Any]:
    """The agreement as JSON values; an empty list names all, of ``key_classes`` none."""
    return {**agreement.model_dump(mode="json"), "until": utc(agreement.until)}


def opened_json(opened: Opened, flow: Flow, now: datetime) -> dict[str, Any]:
    """The agreement with its state, the directory numbers that opened and closed it, and what flowed under it."""
    return {
        **agreement_json(opened.agreement),
        "state": state_of(opened, now),
        "opened": opened.opened,
        "closed": opened.closed,
        "reason": opened.reason or None,
        "events": flow.events,
        "last": utc(flow.last),
    }


def agreement_lines(opened: Opened, flow: Flow, now: datetime, directory: Directory, zone: ZoneInfo) -> Iterator[str]:
    """Three lines for a person: whose and how it stands, what it is about, what flowed."""
    agreement, state = opened.agreement, state_of(opened, now)
    standing = directory.get(agreement.recipient)
    name = name_of(standing.entry) if standing else agreement.recipient
    whose = agreement.recipient if name == agreement.recipient else f"{name} {agreement.recipient}"
    until = local(agreement.until, zone, _MINUTES)
    told = say(f"agreements.state.{state}", until=until, number=opened.closed, reason=opened.reason)
    yield f"{typer.style(agreement.id, bold=True)}  {clean(whose)}  {typer.style(told, fg=_COLOURS[state])}"
    parts = [f"{say('agreements.purpose')} {agreement.purpose}"]
    for field in ("types", "categories", "areas", "key_classes"):
        empty = say("agreements.nothing" if field == "key_classes" else "agreements.all")
        parts.append(f"{say(f'agreements.{field}')} {' '.join(getattr(agreement, field)) or empty}")
    yield "  " + " · ".join(parts)
    if flow.last is None:
        yield "  " + say("agreements.no_flow")
    else:
        yield "  " + say("agreements.flow", events=flow.events, last=local(flow.last, zone, _MINUTES))
