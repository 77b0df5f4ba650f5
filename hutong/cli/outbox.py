"""``hutong outbox``: what waits for the broker, and sending it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from hutong.cli import connection
from hutong.cli.options import Json, System
from hutong.cli.texts import say

app = typer.Typer(no_args_is_help=True)

File = Annotated[Path | None, typer.Option("--file", metavar="FILE", dir_okay=False)]


def _file(ctx: typer.Context, given: Path | None) -> Path:
    from hutong.errors import SettingsError

    found = given or connection.settings(ctx).outbox
    if found is None:
        raise SettingsError(say("outbox.which"))
    if not found.exists():
        raise SettingsError(say("outbox.none", file=found))
    return found


@app.command("list")
def list_(ctx: typer.Context, file: File = None, json_: Json = False) -> None:
    """Show what waits."""
    from datetime import UTC, datetime

    from hutong.cli.render import clean, line, utc
    from hutong.outbox import look

    waiting = look(_file(ctx, file))
    for each in waiting:
        event, stored = each.event, datetime.fromtimestamp(each.stored_ms / 1000, UTC)
        if json_:
            found = {"place": each.place, "stored": utc(stored), "ticket": event.ticket, "type": event.type}
            typer.echo(line({**found, "id": event.id, "fingerprint": event.fingerprint.hex()}))
        else:
            typer.echo(f"{each.place:>6}  {utc(stored)}  {clean(event.ticket)}  {clean(event.type)}")
    if not json_:
        typer.echo(say("outbox.waiting", count=len(waiting)))


@app.command("send")
def send(
    ctx: typer.Context,
    file: File = None,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", min=0.1)] = 60.0,
    system: System = "cli",
    json_: Json = False,
) -> None:
    """Send what waits, and end when the broker has all of it."""
    import hutong
    from hutong.cli.render import line

    found = connection.settings(ctx).model_copy(update={"outbox": _file(ctx, file)})
    with hutong.connect(system, found, transport=connection.transport(found)) as bus:
        courier = bus.courier
        assert courier is not None
        before = courier.waiting
        left = courier.drain(time.monotonic() + timeout)
        why = courier.trouble
    if json_:
        typer.echo(line({"waited": before, "left": left, "trouble": None if why is None else str(why)}))
    if left:
        raise hutong.Unconfirmed(say("outbox.left", count=left, seconds=f"{timeout:g}", why=why or "-"))
    if not json_:
        typer.echo(say("outbox.sent", count=before))
