"""``hutong ticket show``: one ticket's life on one screen."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hutong.cli import connection
from hutong.cli.endings import fail_unknown
from hutong.cli.options import Json, Origin, Svg, Unseal, ticket_id

if TYPE_CHECKING:
    from hutong.cli.history import History
    from hutong.client import Bus
    from hutong.event import Event
    from hutong.rules.calendar import BusTime
    from hutong.rules.deadlines import Deadline
    from hutong.rules.lifecycle import Lifecycle

app = typer.Typer(no_args_is_help=True)


@app.callback()
def ticket() -> None:
    """The group of commands about one ticket."""


@app.command("show")
def show(
    ctx: typer.Context,
    ticket: Annotated[str, typer.Argument(metavar="TICKET", show_default=False)],
    source: Annotated[Origin, typer.Option("--source")] = Origin.DELIVERIES,
    unseal: Unseal = False,
    every: Annotated[bool, typer.Option("--all")] = False,
    svg: Svg = None,
    json_: Json = False,
) -> None:
    """Show a ticket's timeline."""
    from hutong.cli.history import history_of
    from hutong.cli.render import line
    from hutong.rules.lifecycle import Lifecycle

    ticket_id(ticket)
    settings, lifecycle = connection.settings(ctx), Lifecycle.load()
    with connection.bus(ctx, "ticket") as bus:
        events = list(bus.replay(source=source.value, ticket=ticket))
        due = deadlines_of(events, settings.city, settings.bus_time)
        history = history_of(ticket, events, lifecycle, datetime.now(UTC), due)
        if not history.steps:
            fail_unknown(ticket, source.value, bus.organisation)
        keys = bus if unseal else None
        if json_:
            typer.echo(line(history_json(history, lifecycle, bus, keys)))
            return
        from hutong.cli.said import Sayer
        from hutong.cli.svg import painted
        from hutong.cli.timeline import Timeline
        from hutong.rules.territory import Territory

        sayer = Sayer(bus.directory, Territory.load(settings.city), settings.city, settings.zone, keys)
        with painted(svg, f"hutong ticket show {ticket}") as console:
            for part in Timeline(history, lifecycle, sayer, every=every).parts(console):
                console.print(part)


def deadlines_of(events: Iterable[Event], city: str, time: BusTime) -> tuple[Deadline, ...]:
    """The ticket's deadlines by the city's time limits; none where the city has no limits."""
    from hutong.rules.deadlines import Timekeeping, deadlines

    keeping = Timekeeping.load(city, time=time)
    return () if keeping is None else deadlines((event for event in events if event.ledger is not None), keeping)


def history_json(history: History, lifecycle: Lifecycle, bus: Bus, keys: Bus | None) -> dict[str, Any]:
    """The same as one JSON object; lengths of time are seconds. Steps are events with ``name``, ``by``, ``state``."""
    from hutong.cli.render import event_json, utc

    ticket, filed = history.ticket, history.filed
    steps = []
    for step in history.steps:
        rule = lifecycle.table.events.get(step.event.type)
        steps.append(
            {
                "at": utc(step.at),
                "name": rule.zh if rule else None,
                "by": _name(bus, step.event.source),
                "since_seconds": None if step.since is None else round(step.since.total_seconds(), 3),
                "state": step.after.state if step.after else None,
                **event_json(step.event, keys),
            }
        )
    return {
        "ticket": history.id,
        "state": ticket.state if ticket else None,
        "ended": history.ended,
        "kind": filed.kind if filed else None,
        "category": ticket.category if ticket else None,
        "area": ticket.area if ticket else None,
        "filed": utc(history.filed_at),
        "age_seconds": round(history.age.total_seconds(), 3),
        "filer": ticket.filer if ticket else None,
        "dispatcher": ticket.dispatcher if ticket else None,
        "lead": ticket.lead if ticket else None,
        "assistants": list(ticket.assistants) if ticket else [],
        "into": ticket.into or None if ticket else None,
        "repeats": list(history.repeats),
        "deadlines": [
            {
                "limit": each.limit,
                "began": utc(each.began),
                "due": utc(each.due),
                "met": utc(each.met_at),
                "urgency": str(each.urgency),
                "kept": each.kept,
                "suspended": each.suspended,
            }
            for each in history.deadlines
        ],
        "holders": [
            {
                "organisation": holder.organisation,
                "name": _name(bus, holder.organisation),
                "task": holder.task,
                "seconds": round(holder.total.total_seconds(), 3),
                "times": holder.times,
                "holding": holder.holding,
            }
            for holder in history.holders
        ],
        "steps": steps,
    }


def _name(bus: Bus, organisation: str) -> str | None:
    from hutong.cli.entries import name_of

    standing = bus.directory.get(organisation)
    return name_of(standing.entry) if standing else None
