"""``hutong replay``: everything that happened, as JSON lines, every signature checked."""

from __future__ import annotations

import os
import sys
import time as clock
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from hutong.cli import connection
from hutong.cli.options import Json, Origin, Unseal, moment, ticket_id
from hutong.cli.progress import progress
from hutong.cli.texts import say


def replay(
    ctx: typer.Context,
    source: Annotated[Origin, typer.Option("--source")] = Origin.LEDGER,
    ticket: Annotated[str | None, typer.Option("--ticket", metavar="TICKET")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME")] = None,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", dir_okay=False)] = None,
    unseal: Unseal = False,
    json_: Json = False,
) -> None:
    """Write what the source holds as of now."""
    import hutong
    from hutong.cli.render import event_json, line

    began, count = clock.monotonic(), 0
    settings = connection.settings(ctx)
    bounds = moment(since, settings.zone, "--since"), moment(until, settings.zone, "--until")
    transport = connection.transport(settings)
    with (
        hutong.connect("replay", settings, transport=transport) as bus,
        _written(output) as file,
        progress(transport, "ledger" if source is Origin.LEDGER else f"deliveries.{bus.organisation}") as step,
    ):
        events = bus.replay(source=source.value, ticket=ticket_id(ticket), since=bounds[0], until=bounds[1])
        for event in events:
            file.write(line(event_json(event, bus if unseal else None)) + "\n")
            count += 1
            step(event)
    seconds = round(clock.monotonic() - began, 3)
    typer.echo(say("replay.count", count=count, seconds=f"{seconds:.1f}", file=output or "-"), err=True)
    if json_ and output is not None:
        typer.echo(line({"events": count, "file": str(output), "seconds": seconds}))


@contextmanager
def _written(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that has its name only once it is whole."""
    from hutong.errors import SettingsError

    if output is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    part = output.with_name(output.name + ".part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        os.replace(part, output)
    except OSError as error:
        raise SettingsError(f"{output} cannot be written ({error.strerror}): name another file") from error
    finally:
        part.unlink(missing_ok=True)
