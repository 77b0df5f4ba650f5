"""``hutong access`` and ``hutong erase``: who could read what of a ticket, and that nobody may any more."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hutong.cli import connection
from hutong.cli.endings import Ending, fail, fail_unknown
from hutong.cli.options import Json, Origin, ticket_id
from hutong.cli.texts import known, say

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.table import Table

    from hutong.access import Holding
    from hutong.client import Bus
    from hutong.event import Event


class Erasable(StrEnum):
    """The classes of keys."""

    IDENTITY = "identity"
    CONTENT = "content"


def access(
    ctx: typer.Context,
    ticket: Annotated[str, typer.Argument(metavar="TICKET", show_default=False)],
    source: Annotated[Origin, typer.Option("--source")] = Origin.DELIVERIES,
    json_: Json = False,
) -> None:
    """Show who could read what of a ticket."""
    from hutong.access import holdings
    from hutong.cli.render import line

    ticket_id(ticket)
    with connection.bus(ctx, "access") as bus:
        found = holdings(_events(bus, ticket, source))
        if json_:
            typer.echo(line({"ticket": ticket, "access": [_json(held) for held in found]}))
        elif not found:
            typer.echo(say("access.nothing", ticket=ticket))
        else:
            from rich.console import Console

            Console(highlight=False).print(_table(found, bus, connection.settings(ctx).zone))


def _events(bus: Bus, ticket: str, source: Origin) -> list[Event]:
    """Everything of the ticket; where there is nothing, it says so and ends."""
    events = list(bus.replay(source=source.value, ticket=ticket))
    if not events:
        fail_unknown(ticket, source.value, bus.organisation)
    return events


def _json(held: Holding) -> dict[str, object]:
    from hutong.cli.render import utc

    return {
        "organisation": held.organisation,
        "class": held.key_class,
        "key_id": held.key_id,
        "purpose": held.purpose,
        "since": utc(held.since),
        "until": utc(held.until),
    }


def _table(found: list[Holding], bus: Bus, zone: ZoneInfo) -> Table:
    from rich.table import Table

    from hutong.cli.entries import named
    from hutong.cli.render import local

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("organisation", "class", "purpose", "since", "until", "key"):
        table.add_column(say(f"column.access.{column}"), overflow="fold")
    for held in found:
        purpose = say(f"value.purpose.{held.purpose}") if known(f"value.purpose.{held.purpose}") else held.purpose
        table.add_row(
            named(held.organisation, bus.directory),
            say(f"value.class.{held.key_class}"),
            purpose,
            local(held.since, zone, "%Y-%m-%d %H:%M:%S"),
            local(held.until, zone, "%Y-%m-%d %H:%M:%S") if held.until else say("access.lasts"),
            held.key_id[:8],
        )
    return table


def erase(
    ctx: typer.Context,
    ticket: Annotated[str, typer.Argument(metavar="TICKET", show_default=False)],
    key_class: Annotated[Erasable, typer.Option("--class")],
    reason: Annotated[str, typer.Option("--reason", metavar="CODE")],
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", min=0.1)] = 30.0,
    json_: Json = False,
) -> None:
    """Destroy the keys of a class. Only the custodian's operator may."""
    from pydantic import ValidationError

    from hutong.access import holdings
    from hutong.cli.render import line
    from hutong.errors import SettingsError
    from hutong.events.notice import Erased, KeyClass

    ticket_id(ticket)
    with connection.bus(ctx, "erase") as bus:
        if bus.directory.custodian() != bus.organisation:
            raise SettingsError(f"only the custodian erases: {bus.directory.custodian()}, not {bus.organisation}")
        what = say(f"value.class.{key_class.value}")
        held = [each for each in holdings(_events(bus, ticket, Origin.DELIVERIES)) if each.key_class == key_class.value]
        if not held:
            fail(say("erase.nothing", ticket=ticket, what=what), Ending.SAID_NO, kind="NothingToErase")
        ids = sorted({bytes.fromhex(each.key_id) for each in held if each.until is None})
        if not ids:
            fail(say("erase.again", ticket=ticket, what=what), Ending.SAID_NO, kind="ErasedAlready")
        try:
            data = Erased(key_ids=tuple(ids), key_class=KeyClass(key_class.value), reason=reason)
        except ValidationError:
            raise typer.BadParameter(say("erase.reason"), param_hint="--reason") from None
        result = bus.submit(data, ticket=ticket, wait="admitted", timeout=timeout)
    if json_:
        typer.echo(line({"ticket": ticket, "class": key_class.value, "key_ids": [each.hex() for each in ids]}))
        return
    place = result.ledger and say("place", partition=result.ledger.partition, sequence=result.ledger.sequence)
    typer.echo(say("erase.done", ticket=ticket, what=what, place=place or ""))
