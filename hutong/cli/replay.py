"""``hutong replay``: everything that happened, every signature checked, as JSON lines, Avro or Parquet."""

from __future__ import annotations

import os
import sys
import time as clock
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from hutong.cli import connection
from hutong.cli.options import Json, Origin, Types, Unseal, event_type, moment, ticket_id
from hutong.cli.progress import progress
from hutong.cli.texts import say

if TYPE_CHECKING:
    from hutong.client import Bus
    from hutong.event import Event


class Form(StrEnum):
    """What is written."""

    JSONL = "jsonl"
    AVRO = "avro"
    PARQUET = "parquet"


def replay(
    ctx: typer.Context,
    source: Annotated[Origin, typer.Option("--source")] = Origin.LEDGER,
    ticket: Annotated[str | None, typer.Option("--ticket", metavar="TICKET")] = None,
    types: Types = None,
    authors: Annotated[list[str] | None, typer.Option("--author", metavar="ORG")] = None,
    category: Annotated[str | None, typer.Option("--category", metavar="PATH")] = None,
    area: Annotated[str | None, typer.Option("--area", metavar="CODE")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME")] = None,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", dir_okay=False)] = None,
    form: Annotated[Form | None, typer.Option("--format", show_default=False)] = None,
    unseal: Unseal = False,
    json_: Json = False,
) -> None:
    """Write what the source holds as of now."""
    import hutong
    from hutong.cli.render import line

    began, count = clock.monotonic(), 0
    settings, form = connection.settings(ctx), _form(form, output)
    if category is not None and category.count("/") > 1:
        raise typer.BadParameter(say("replay.category"), param_hint="--category")
    bounds = moment(since, settings.zone, "--since"), moment(until, settings.zone, "--until")
    models = [event_type(name) for name in types] if types else None
    with (
        hutong.connect("replay", settings, transport=connection.transport(settings)) as bus,
        _written(output) as file,
        progress("ledger" if source is Origin.LEDGER else f"deliveries.{bus.organisation}") as step,
    ):
        events = bus.replay(
            source=source.value,
            ticket=ticket_id(ticket),
            types=models,
            authors=authors or None,
            category=category,
            area=area,
            since=bounds[0],
            until=bounds[1],
            progress=step,
        )

        def counted() -> Iterator[Event]:
            nonlocal count
            for event in events:
                count += 1
                yield event

        _write(form, file, counted(), bus if unseal else None)
    seconds = round(clock.monotonic() - began, 3)
    typer.echo(say("replay.count", count=count, seconds=f"{seconds:.1f}", file=output or "-"), err=True)
    if json_ and output is not None:
        typer.echo(line({"events": count, "file": str(output), "format": form.value, "seconds": seconds}))


def _form(form: Form | None, output: Path | None) -> Form:
    """The format that was asked for, else the one that the file's name ends in, else JSON lines."""
    if form is None:
        ending = output.suffix.removeprefix(".") if output else ""
        form = Form(ending) if ending in list(Form) else Form.JSONL
    if form is not Form.JSONL and output is None:
        raise typer.BadParameter(say("replay.needs_file", form=form.value), param_hint="--output")
    return form


def _write(form: Form, file: IO[bytes], events: Iterator[Event], keys: Bus | None) -> None:
    from hutong.cli.render import event_json, line
    from hutong.cli.table import row, write_avro, write_parquet

    match form:
        case Form.JSONL:
            for event in events:
                file.write(line(event_json(event, keys)).encode() + b"\n")
        case Form.AVRO:
            write_avro(file, (row(event, keys) for event in events))
        case Form.PARQUET:
            write_parquet(file, (row(event, keys) for event in events))


@contextmanager
def _written(output: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that has its name only once it is whole and on the disk; before, it ends in the
    number of this process and ``.part``, so that two runs do not write into one."""
    from hutong.errors import SettingsError

    if output is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    part = output.with_name(f"{output.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, output)
    except OSError as error:
        raise SettingsError(say("replay.unwritable", file=output, why=error.strerror or error)) from error
    except KeyboardInterrupt:
        typer.echo(say("replay.stopped", file=output), err=True)
        raise
    finally:
        part.unlink(missing_ok=True)
