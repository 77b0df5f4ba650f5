"""The root of the command: its options, its commands, and what each error means for who called it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hutong.cli import (
    agreements,
    city,
    custody,
    deadletters,
    org,
    outbox,
    refusals,
    replay,
    schemas,
    status,
    submit,
    subscribe,
    ticket,
    topics,
    trace,
)
from hutong.cli.connection import Given
from hutong.cli.endings import guarded, run
from hutong.cli.texts import localise


class _Root(TyperGroup):
    """Puts the help into the reader's language, and ends every command by the one table of exit codes."""

    def make_context(self, *words: Any, **given: Any) -> Any:
        localise(self)
        return super().make_context(*words, **given)

    def invoke(self, ctx: Any) -> Any:
        return guarded(lambda: super(_Root, self).invoke(ctx))

    def main(self, args: Sequence[str] | None = None, *words: Any, **given: Any) -> Any:
        called = list(sys.argv[1:] if args is None else args)
        run(lambda: super(_Root, self).main(called, *words, **{**given, "standalone_mode": False}), called)


app = typer.Typer(
    cls=_Root,
    name="hutong",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with its locals could show a citizen's words
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("hutong"))
        raise typer.Exit


def _name_config(ctx: typer.Context, file: str) -> None:
    """Let the settings find the file, as long as this command lasts."""
    before = os.environ.get("HUTONG_CONFIG")
    os.environ["HUTONG_CONFIG"] = file

    def restore() -> None:
        if before is None:
            os.environ.pop("HUTONG_CONFIG", None)
        else:
            os.environ["HUTONG_CONFIG"] = before

    ctx.call_on_close(restore)


@app.callback()
def root(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", envvar="HUTONG_CONFIG", exists=True, dir_okay=False, metavar="FILE")
    ] = None,
    organisation: Annotated[str | None, typer.Option("--organisation", metavar="ORG")] = None,
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version)] = False,
) -> None:
    """Before every command."""
    import logging

    from hutong.logs import configure

    configure("hutong", level=logging.WARNING)
    if config is not None:
        _name_config(ctx, str(config))
    ctx.obj = Given(organisation=organisation)


app.command("submit")(submit.submit)
app.command("subscribe")(subscribe.subscribe)
app.command("city")(city.city)
app.command("replay")(replay.replay)
app.command("access")(custody.access)
app.command("erase")(custody.erase)
app.command("status")(status.status)
app.command("trace")(trace.trace)
app.command("topics")(topics.topics)
app.add_typer(agreements.app, name="agreements")
app.add_typer(deadletters.app, name="deadletters")
app.add_typer(org.app, name="org")
app.add_typer(outbox.app, name="outbox")
app.add_typer(refusals.app, name="refusals")
app.add_typer(schemas.app, name="schemas")
app.add_typer(ticket.app, name="ticket")
