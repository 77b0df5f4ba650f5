"""``hutong status``: how the city stands, on one screen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from hutong.cli import connection
from hutong.cli.endings import Ending
from hutong.cli.options import Json
from hutong.cli.render import clean, line, span, utc
from hutong.cli.tables import show
from hutong.cli.texts import say

if TYPE_CHECKING:
    from rich.text import Text

    from hutong.looking import Hanging
    from hutong.rules.directory import Directory
    from hutong.settings import Settings
    from hutong.status import Row, Status

_COLUMNS = ("organisation", "system", "members", "lag", "oldest", "parked", "letters", "state")
_NUMBERS = frozenset({"members", "lag", "parked", "letters"})


def status(ctx: typer.Context, json_: Json = False) -> None:
    """Show how the city stands."""
    settings = connection.settings(ctx)
    found, directory = _gather(settings)
    if json_:
        typer.echo(line(status_json(found)))
    else:
        _print(found, directory, settings)
    if found.alarms:
        raise typer.Exit(Ending.SAID_NO)


def _gather(settings: Settings) -> tuple[Status, Directory]:
    from contextlib import closing

    from hutong.catalogue import Catalogue
    from hutong.codec import Codec
    from hutong.refusals import Refusals
    from hutong.registry import DirectoryReader
    from hutong.status import gather

    transport, catalogue = connection.transport(settings), Catalogue.load()
    codec, key = Codec(catalogue), bytes.fromhex(settings.registrar_key)
    organisation, city, environment = settings.organisation, settings.city, settings.environment
    with closing(DirectoryReader(transport, codec, key, environment)) as reader:
        directory = reader.refresh()
    refusals = Refusals(transport, codec, organisation=organisation, city=city, environment=environment)
    now = datetime.now(UTC)
    found = gather(transport, catalogue, directory, refusals, organisation=organisation, city=city, now=now)
    return found, directory


def status_json(status: Status) -> dict[str, Any]:
    """The whole status as JSON values; null is what cannot be read from here."""
    return {
        "at": utc(status.at),
        "organisation": status.organisation,
        "alarms": dict(status.alarms),
        "rows": [_row_json(row) for row in status.rows],
        "hanging": [
            {
                "topic": each.partition.topic,
                "partition": each.partition.number,
                "offset": each.offset,
                "since": utc(each.since),
                "owner": each.owner,
            }
            for each in status.hanging
        ],
        "refusals": None
        if status.refusals is None
        else {code: {"day": day, "ever": ever} for code, (day, ever) in status.refusals.items()},
    }


def _row_json(row: Row) -> dict[str, Any]:
    lag = row.lag
    return {
        "organisation": row.organisation,
        "system": row.system,
        "service": row.service,
        "members": row.members,
        "lag": lag and {"records": lag.records, "exact": lag.exact, "oldest": utc(lag.oldest)},
        "closed": row.closed or None,
        "parked": row.parked,
        "letters": row.letters,
        "unread": row.unread,
        "alarms": list(row.alarms),
    }


def _print(status: Status, directory: Directory, settings: Settings) -> None:
    """What needs a person stands last, where the eye is when the command has ended."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    when = f"{status.at.astimezone(settings.zone):%Y-%m-%d %H:%M:%S %Z}"
    console.print(Text(_who(status.organisation, directory), "bold").append(f"  {when}", "dim"))
    if status.rows:
        show(_COLUMNS, [list(_cells(row, status, directory)) for row in status.rows], numbers=_NUMBERS)
    else:
        console.print(say("status.none"))
    told = Text(f"{say('status.refusals')}  ", "bold")
    if status.refusals is None:
        told.append(say("status.refusals.closed"), "not bold dim")
    elif not status.refusals:
        told.append(say("status.no_refusals"), "not bold dim")
    console.print(told)
    for code, (day, ever) in (status.refusals or {}).items():
        row = Text(f"  {clean(code):<22}").append(say("status.day", day=day, ever=ever), "" if day else "dim")
        console.print(row)
    unread = [f"{row.organisation}.{row.system}" for row in status.rows if row.unread]
    if unread:
        named = clean(say("status.unread", who=", ".join(unread)))
        console.print(Text(named, "yellow"), soft_wrap=not console.is_terminal)
    if not status.alarms:
        if not unread:
            console.print(Text(say("status.well"), "bold green"))
        return
    console.print(Text(say("status.person", count=status.alarms.total()), "bold red"))
    for advice in _advice(status):
        console.print(Text(f"  {clean(advice)}"), soft_wrap=not console.is_terminal)


def _cells(row: Row, status: Status, directory: Directory) -> Iterator[Text]:
    from rich.text import Text

    yield Text(_who(row.organisation, directory), "cyan" if row.service else "")
    yield Text(clean(row.system), "bold" if row.service else "")
    yield Text("?" if row.members is None else str(row.members), "red" if "nobody" in row.alarms else "")
    if row.lag is None:
        yield Text("-", "dim")
        yield Text(say("status.closed"), "dim")
    else:
        yield Text(("" if row.lag.exact else "~") + f"{row.lag.records:,}", "" if row.lag.records else "dim")
        old = row.lag.oldest
        alarmed = "behind" in row.alarms or "late" in row.alarms
        yield Text("" if old is None else say("status.ago", span=span(status.at - old)), "red" if alarmed else "")
    for count in (row.parked, row.letters):
        shown = "-" if count is None else "" if row.service else str(count)
        yield Text(shown, "red" if count else "dim")
    alarms = ", ".join(say(f"alarm.{alarm}") for alarm in row.alarms)
    if row.unread and not alarms:
        yield Text(say("alarm.nobody"), "yellow")
    else:
        yield Text(alarms or "✓", "bold red" if alarms else "green")


def _who(organisation: str, directory: Directory) -> str:
    from hutong.cli.entries import name_of

    standing = directory.get(organisation)
    name = name_of(standing.entry) if standing else organisation
    return clean(organisation if name == organisation else f"{organisation} {name}")


def _advice(status: Status) -> Iterator[str]:
    """A line for each thing that needs a person, with what to do."""
    from hutong.catalogue import Catalogue
    from hutong.status import retention_of

    for each in status.hanging:
        yield _hanging(each, status)
    for row in status.rows:
        for alarm in row.alarms:
            oldest = row.lag.oldest if row.lag else None
            yield say(
                f"advice.{alarm}",
                who=row.system if row.service else f"{row.organisation}.{row.system}",
                system=row.system,
                organisation=row.organisation,
                count=row.parked,
                span="" if oldest is None else span(status.at - oldest),
                retention=span(retention_of(Catalogue.load())),
            )


def _hanging(each: Hanging, status: Status) -> str:
    place = f"{each.partition.topic}/{each.partition.number}"
    told = say("status.hanging", place=place, span=span(status.at - each.since), offset=each.offset)
    return told if each.owner is None else f"{told} {say('status.hanging.next', owner=each.owner)}"
