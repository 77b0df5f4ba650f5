"""The root of the command: its options, its commands, and what each error means for who called it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, NoReturn

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
    status,
    submit,
    subscribe,
    ticket,
)
from hutong.cli.connection import Given
from hutong.cli.texts import localise, say
from hutong.errors import (
    BusError,
    Fenced,
    HandlingError,
    SettingsError,
    TooManyDeadLetters,
    Unavailable,
    Unconfirmed,
    UnknownOutcome,
)

SAID_NO, MEND_FIRST, UNCONFIRMED, STOPPED, PIPE_CLOSED = 1, 2, 3, 130, 141

_CODES: tuple[tuple[type[BusError], int], ...] = (
    (SettingsError, MEND_FIRST),
    (Unavailable, MEND_FIRST),
    (Fenced, MEND_FIRST),
    (HandlingError, MEND_FIRST),
    (TooManyDeadLetters, MEND_FIRST),
    (Unconfirmed, UNCONFIRMED),
    (UnknownOutcome, UNCONFIRMED),
)


class _Root(TyperGroup):
    """Puts the help into the reader's language, and turns the bus's errors into one sentence and an exit code."""

    def make_context(self, *words: Any, **given: Any) -> Any:
        localise(self)
        return super().make_context(*words, **given)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(STOPPED) from None
        except BrokenPipeError:  # `| head` has read enough; nothing may be flushed into it at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise typer.Exit(PIPE_CLOSED) from None
        except BusError as error:
            code = next((code for kind, code in _CODES if isinstance(error, kind)), SAID_NO)
            hint = f": {say('hint.broker')}" if isinstance(error, Unavailable) else ""
            fail(f"{error}{hint}", code)


def fail(sentence: str, code: int) -> NoReturn:
    """Say on standard error what happened, and end with ``code``."""
    from hutong.cli.render import clean

    typer.echo(f"{typer.style('hutong:', fg='red', bold=True)} {clean(sentence)}", err=True)
    raise typer.Exit(code) from None


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
app.add_typer(agreements.app, name="agreements")
app.add_typer(deadletters.app, name="deadletters")
app.add_typer(org.app, name="org")
app.add_typer(outbox.app, name="outbox")
app.add_typer(refusals.app, name="refusals")
app.add_typer(ticket.app, name="ticket")
