"""``hutong outbox``: what waits for the broker, and sending it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hutong.cli import connection
from hutong.cli.options import Json, System
from hutong.cli.texts import say

if TYPE_CHECKING:
    from hutong.submitting.outbox_rows import Row

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
    from hutong.cli.render import clean, line
    from hutong.submitting.outbox_rows import look

    found = look(_file(ctx, file))
    for row in found.waiting:
        state = "damaged" if row.damaged else "waiting"
        if json_:
            typer.echo(line({**_json(row), "state": state}))
        else:
            typer.echo(_line(row) + (f"  {say('outbox.damaged')}" if row.damaged else ""))
    for each in found.dropped:
        dropped = _utc(each.dropped_ms)
        if json_:
            why = {"state": "dropped", "reason": each.reason, "by": each.by, "dropped": dropped}
            typer.echo(line({**_json(each.row), **why}))
        else:
            why_ = say("outbox.dropped", at=dropped, by=clean(each.by), reason=clean(each.reason))
            typer.echo(f"{_line(each.row)}  {why_}")
    if not json_:
        typer.echo(say("outbox.waiting", count=len(found.waiting)))


def _json(row: Row) -> dict[str, object]:
    """What stands in a row, as JSON."""
    found = {"place": row.place, "stored": _utc(row.stored_ms), "ticket": row.ticket, "type": row.type}
    return {**found, "id": row.id, "fingerprint": row.fingerprint.hex()}


def _line(row: Row) -> str:
    """What stands in a row, on one line."""
    from hutong.cli.render import clean

    return f"{row.place:>6}  {_utc(row.stored_ms)}  {clean(row.ticket)}  {clean(row.type)}  {clean(row.id)}"


def _utc(ms: int) -> str:
    """A time in a row; a damaged one may name none."""
    from datetime import UTC, datetime

    from hutong.cli.render import utc

    try:
        return utc(datetime.fromtimestamp(ms / 1000, UTC)) or "?"
    except (OverflowError, ValueError, OSError):
        return "?"


@app.command("drop")
def drop(
    ctx: typer.Context,
    event: Annotated[str, typer.Argument(metavar="EVENT")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT")],
    file: File = None,
    json_: Json = False,
) -> None:
    """Take one event out for good."""
    from hutong.cli.person import person
    from hutong.cli.render import clean, line
    from hutong.submitting.outbox import Outbox

    if not reason.strip():
        raise typer.BadParameter(say("outbox.reason"), param_hint="--reason")
    found = connection.settings(ctx)
    box = Outbox(
        _file(ctx, file),
        city=found.city,
        organisation=found.organisation,
        environment=found.environment,
        limit=found.outbox_limit,
    )
    try:
        row = box.drop(event, reason=reason, by=person())
    finally:
        box.close()
    typer.echo(
        line({**_json(row), "state": "dropped", "reason": reason})
        if json_
        else say("outbox.drop", type=clean(row.type), ticket=clean(row.ticket), id=clean(row.id))
    )


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
    from hutong.submitting.outbox_rows import look

    path = _file(ctx, file)
    before = len(look(path).waiting)
    found = connection.settings(ctx).model_copy(update={"outbox": path})
    with hutong.connect(system, found, transport=connection.transport(found)) as bus:
        courier = bus.courier
        assert courier is not None
        left = courier.drain(time.monotonic() + timeout)
        why = courier.trouble
    if json_:
        typer.echo(line({"waited": before, "left": left, "trouble": None if why is None else str(why)}))
    if left:
        raise hutong.Unconfirmed(
            say("outbox.left", count=left, seconds=f"{timeout:g}", why=why or say("outbox.silent"))
        )
    if not json_:
        typer.echo(say("outbox.sent", count=before))
