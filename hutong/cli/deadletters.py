"""``hutong deadletters``: what is parked and why, and what a person decides about it."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer

from hutong.cli import connection
from hutong.cli.endings import Ending, fail
from hutong.cli.letters import (
    done_json,
    done_line,
    letter_json,
    letter_lines,
    print_list,
    state_of,
    tell_replayed,
    ticket_json,
)
from hutong.cli.options import Json
from hutong.cli.person import person
from hutong.cli.texts import say

if TYPE_CHECKING:
    from hutong.settings import Settings
    from hutong.subscribing.deadletters import Fold, TicketPlace
    from hutong.subscribing.letters import Letter
    from hutong.transport import Transport

_LOOK_SECONDS = 1.0

app = typer.Typer(no_args_is_help=True)

Ticket = Annotated[str, typer.Argument(metavar="TICKET")]
OfSystem = Annotated[str | None, typer.Option("--system", metavar="NAME")]


@app.command("list")
def list_(
    ctx: typer.Context,
    of_system: OfSystem = None,
    over: Annotated[bool, typer.Option("--over")] = False,
    json_: Json = False,
) -> None:
    """Show the parked tickets."""
    from hutong.cli.render import line

    settings, fold = _read(ctx)
    parked = _chosen(fold, None, of_system)
    done = [each for each in fold.done if over and of_system in (None, each.letter.system)]
    if json_:
        for place in parked:
            typer.echo(line(ticket_json(place, fold.tickets[place])))
        for each in done:
            typer.echo(line(done_json(each)))
    elif parked or done:
        print_list(parked, done, fold, settings.zone)
    else:
        typer.echo(say("deadletters.none"))


@app.command()
def show(ctx: typer.Context, ticket: Ticket, of_system: OfSystem = None, json_: Json = False) -> None:
    """Show why a ticket is parked."""
    from hutong.cli.render import line

    settings, fold = _read(ctx)
    parked = _chosen(fold, ticket, of_system)
    done = [each for each in fold.done if each.letter.ticket == ticket and of_system in (None, each.letter.system)]
    if not parked and not done:
        fail(say("deadletters.unknown", ticket=ticket), Ending.SAID_NO, kind="NotParked")
    for each in done:
        typer.echo(line(done_json(each)) if json_ else done_line(each, settings.zone))
    for place in parked:
        for letter in fold.tickets[place].letters:
            state = state_of(fold.tickets[place])
            typer.echo(line(letter_json(letter, state)) if json_ else letter_lines(letter, state, settings.zone))


@app.command()
def replay(
    ctx: typer.Context,
    ticket: Annotated[str | None, typer.Argument(metavar="[TICKET]")] = None,
    every: Annotated[bool, typer.Option("--all")] = False,
    of_system: OfSystem = None,
    wait: Annotated[float | None, typer.Option("--wait", metavar="SECONDS", min=0.1)] = None,
    json_: Json = False,
) -> None:
    """Give parked events to their system again."""
    from hutong.subscribing.deadletters import release

    if (ticket is None) is not every:
        raise typer.BadParameter(say("deadletters.not_both" if every else "deadletters.which"), param_hint="TICKET")
    settings, transport = _connect(ctx)
    fold = _fold(settings, transport)
    parked = _chosen(fold, ticket, of_system)
    if not parked and ticket is not None:
        fail(say("deadletters.unknown", ticket=ticket), Ending.SAID_NO, kind="NotParked")
    if not parked and not json_:
        typer.echo(say("deadletters.none"))
    given = {place: tuple(fold.tickets[place].letters) for place in parked}
    release(transport, settings.organisation, parked, by=person())
    outcomes = dict.fromkeys(parked, "released")
    if wait is not None:
        fold, outcomes = _outcomes(settings, transport, given, wait)
    for place in parked:
        tell_replayed(place, given[place], outcomes[place], fold, wait, json_)
    if "failed" in outcomes.values():
        raise typer.Exit(Ending.SAID_NO)
    if "waiting" in outcomes.values():
        raise typer.Exit(Ending.UNCONFIRMED)


@app.command()
def skip(
    ctx: typer.Context,
    ticket: Ticket,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT")],
    of_system: OfSystem = None,
    whole: Annotated[bool, typer.Option("--whole")] = False,
    json_: Json = False,
) -> None:
    """Count the event that a ticket waits for as done."""
    from hutong.cli.render import clean, line
    from hutong.subscribing.deadletters import skip as write

    if not reason.strip():
        raise typer.BadParameter(say("deadletters.no_reason"), param_hint="--reason")
    settings, transport = _connect(ctx)
    fold = _fold(settings, transport)
    parked = _chosen(fold, ticket, of_system)
    systems = sorted({place.system for place in parked})
    if not parked:
        fail(say("deadletters.unknown", ticket=ticket), Ending.SAID_NO, kind="NotParked")
    if len(systems) > 1:
        raise typer.BadParameter(
            say("deadletters.which_system", ticket=ticket, systems=", ".join(systems)), param_hint="--system"
        )
    letters = [letter for place in parked for letter in fold.tickets[place].letters[: None if whole else 1]]
    left = sum(len(fold.tickets[place].letters) for place in parked) - len(letters)
    write(transport, settings.organisation, letters, reason=reason, by=person())
    for letter in letters:
        told = letter_json(letter, "skipped") | {"reason_skipped": reason}
        typer.echo(line(told) if json_ else say("deadletters.skipped", ticket=clean(ticket), type=clean(letter.type)))
    if left and not json_:
        typer.echo(say("deadletters.left", ticket=clean(ticket), count=left, system=systems[0]))


# -- reading --------------------------------------------------------------------------------------------------------


def _connect(ctx: typer.Context) -> tuple[Settings, Transport]:
    settings = connection.settings(ctx)
    return settings, connection.transport(settings)


def _read(ctx: typer.Context) -> tuple[Settings, Fold]:
    settings, transport = _connect(ctx)
    return settings, _fold(settings, transport)


def _fold(settings: Settings, transport: Transport) -> Fold:
    from hutong.errors import SettingsError
    from hutong.subscribing.deadletters import letters, topic_of

    count = transport.topics().get(topic_of(settings.organisation))
    if count is None:
        raise SettingsError(
            f"{settings.organisation} has no dead letters here: have it registered (`hutong org register`)"
        )
    return letters(transport, settings.organisation, count)


def _chosen(fold: Fold, ticket: str | None, system: str | None) -> list[TicketPlace]:
    return [
        place
        for place, parked in fold.tickets.items()
        if system in (None, place.system) and ticket in (None, parked.letters[0].ticket)
    ]


def _outcomes(
    settings: Settings, transport: Transport, given: dict[TicketPlace, tuple[Letter, ...]], seconds: float
) -> tuple[Fold, dict[TicketPlace, str]]:
    """What became of the letters, as soon as that is known of all, or when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        fold = _fold(settings, transport)
        outcomes = {place: _outcome(fold, place, letters) for place, letters in given.items()}
        if "waiting" not in outcomes.values() or time.monotonic() >= deadline:
            return fold, outcomes
        time.sleep(min(_LOOK_SECONDS, max(0.0, deadline - time.monotonic())))


def _outcome(fold: Fold, place: TicketPlace, letters: Collection[Letter]) -> str:
    parked = fold.tickets.get(place)
    still = {letter.offset for letter in parked.letters} if parked else set()
    if not still & {letter.offset for letter in letters}:
        return "handled"
    return "waiting" if parked and parked.released else "failed"
