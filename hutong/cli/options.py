"""Options that several commands share, and how their texts are read. Their help stands in :mod:`hutong.cli.texts`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from hutong.cli.texts import say

if TYPE_CHECKING:
    from hutong.events import EventData


class Origin(StrEnum):
    """What is read: the city's ledger, or the organisation's own deliveries."""

    LEDGER = "ledger"
    DELIVERIES = "deliveries"


Json = Annotated[bool, typer.Option("--json")]
System = Annotated[str, typer.Option("--system", metavar="NAME")]
Svg = Annotated[Path | None, typer.Option("--svg", metavar="FILE", dir_okay=False)]
Unseal = Annotated[bool, typer.Option("--unseal")]
Types = Annotated[list[str] | None, typer.Option("--type", metavar="TYPE")]


def moment(text: str | None, zone: ZoneInfo, option: str) -> datetime | None:
    """An ISO 8601 date or time; without a zone it is the city's.

    Raises:
        typer.BadParameter: the text is neither.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(say("option.moment", text=repr(text)), param_hint=option) from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def ticket_id(text: str | None) -> str | None:
    """A ticket id. Raises typer.BadParameter where the text is none."""
    from hutong.wire.identity import ticket_city

    if text is not None and ticket_city(text) is None:
        raise typer.BadParameter(say("option.ticket", text=repr(text)), param_hint="--ticket")
    return text


def event_type(name: str) -> type[EventData]:
    """The event with this name: ``accepted``, ``disposition.accepted`` (its newest version), or its whole type.

    Raises:
        typer.BadParameter: there is none, or more than one; names those there are.
    """
    from hutong.events import MODELS

    tickets = {type_: model for type_, model in MODELS.items() if not type_.startswith("directory.")}
    if name in tickets:
        return tickets[name]
    newest = {type_.rpartition(".")[0]: model for type_, model in sorted(tickets.items(), key=_version)}
    found = {long: model for long, model in newest.items() if name in (long, long.partition(".")[2])}
    if len(found) == 1:
        return next(iter(found.values()))
    if name.startswith("directory."):
        raise typer.BadParameter(say("option.directory"), param_hint="TYPE")
    choice = ", ".join(found or newest)
    why = "option.several" if found else "option.no_event"
    raise typer.BadParameter(say(why, name=repr(name), choice=choice), param_hint="TYPE")


def _version(item: tuple[str, object]) -> int:
    return int(item[0].rpartition(".v")[2])
