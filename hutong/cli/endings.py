"""How a command ends: one table of exit codes for all of them, and a failure told as a sentence or as JSON.

Whoever asked for ``--json`` reads a failure on standard output too, as the last line: ``{"error": {"exit", "kind",
"code", "text"}}``. Where the command itself told the outcome (``submit`` of a refused event), there is no such line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from enum import IntEnum
from typing import Any, NoReturn

import typer

from hutong.cli.texts import in_readers_words, say
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


class Ending(IntEnum):
    """What an exit code means, for every command. ``docs/commands.md`` has the table."""

    DONE = 0
    SAID_NO = 1
    MEND_FIRST = 2
    UNCONFIRMED = 3
    STOPPED = 130
    PIPE_CLOSED = 141


OF_ERRORS: Mapping[type[BusError], Ending] = {
    SettingsError: Ending.MEND_FIRST,
    Unavailable: Ending.MEND_FIRST,
    Fenced: Ending.MEND_FIRST,
    HandlingError: Ending.MEND_FIRST,
    TooManyDeadLetters: Ending.MEND_FIRST,
    Unconfirmed: Ending.UNCONFIRMED,
    UnknownOutcome: Ending.UNCONFIRMED,
}
"""Every other error of the bus is :attr:`Ending.SAID_NO`."""

USAGE = "Usage"
"""The kind of an error in how the command was called; every other kind is the name of a :class:`BusError`, or what
:func:`fail` was told."""

_JSON: ContextVar[bool] = ContextVar("json", default=False)


def run(main: Callable[[], object], words: Sequence[str]) -> NoReturn:
    """Run a command that was called with ``words``, tell what went wrong if something did, and end the process."""
    from typer import rich_utils
    from typer.exceptions import Abort, TyperException

    _JSON.set("--json" in words)
    try:
        code = main()
    except Abort:
        code = Ending.STOPPED
    except TyperException as error:
        wrong: Any = error
        text = in_readers_words(wrong.format_message())
        wrong.format_message = lambda: text
        rich_utils.rich_format_error(wrong)
        if text:
            _tell_json(Ending.MEND_FIRST, USAGE, text)
        code = Ending.MEND_FIRST
    sys.exit(code if isinstance(code, int) else Ending.DONE)


def guarded(work: Callable[[], object]) -> object:
    """Do ``work``; an error of the bus becomes its sentence and exit code, Ctrl-C and a closed pipe their own code."""
    try:
        return work()
    except KeyboardInterrupt:
        raise typer.Exit(Ending.STOPPED) from None
    except BrokenPipeError:  # `| head` has read enough; nothing may be flushed into it at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise typer.Exit(Ending.PIPE_CLOSED) from None
    except BusError as error:
        ending = next((ending for kind, ending in OF_ERRORS.items() if isinstance(error, kind)), Ending.SAID_NO)
        hint = f": {say('hint.broker')}" if isinstance(error, Unavailable) else ""
        told = f"{in_readers_words(str(error))}{hint}"
        fail(told, ending, kind=type(error).__name__, code=getattr(error, "code", None))


def fail(sentence: str, ending: Ending, *, kind: str, code: str | None = None) -> NoReturn:
    """Say what happened on standard error, to ``--json`` on standard output too, and end with ``ending``.

    ``kind`` is a word for programs; ``code`` a refusal's reason, where there is one.
    """
    from hutong.cli.render import clean

    typer.echo(f"{typer.style('hutong:', fg='red', bold=True)} {clean(sentence)}", err=True)
    _tell_json(ending, kind, sentence, code)
    raise typer.Exit(ending) from None


def fail_unknown(ticket: str, source: str, organisation: str) -> NoReturn:
    """The ``source`` that was asked, ledger or deliveries of ``organisation``, knows nothing of the ticket."""
    place = say(f"unknown.{source}", organisation=organisation)
    fail(say("ticket.unknown", ticket=ticket, place=place), Ending.SAID_NO, kind="UnknownTicket")


def _tell_json(ending: Ending, kind: str, text: str, code: str | None = None) -> None:
    from hutong.cli.render import line

    if _JSON.get():
        typer.echo(line({"error": {"exit": int(ending), "kind": kind, "code": code, "text": text}}))
