"""``hutong submit``: one event, from words on a command line to its place on the ledger."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from hutong.cli import connection
from hutong.cli.endings import Ending
from hutong.cli.options import Json, System, event_type, moment, ticket_id
from hutong.cli.texts import say

if TYPE_CHECKING:
    from hutong.client import Bus
    from hutong.settings import Settings
    from hutong.submitting.drafts import Draft
    from hutong.submitting.outgoing import Submitted


class Wait(StrEnum):
    """What is waited for."""

    STORED = "stored"
    ADMITTED = "admitted"
    ACKNOWLEDGED = "acknowledged"


def submit(
    ctx: typer.Context,
    type_: Annotated[str, typer.Argument(metavar="TYPE", show_default=False)],
    ticket: Annotated[str | None, typer.Option("--ticket", metavar="TICKET")] = None,
    data: Annotated[str | None, typer.Option("--data", metavar="JSON|@FILE|-")] = None,
    values: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE")] = None,
    answers: Annotated[str | None, typer.Option("--answers", metavar="FINGERPRINT")] = None,
    once: Annotated[str | None, typer.Option("--once", metavar="KEY")] = None,
    time: Annotated[str | None, typer.Option("--time", metavar="TIME")] = None,
    wait: Annotated[Wait, typer.Option("--wait")] = Wait.ADMITTED,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", min=0.1)] = 30.0,
    system: System = "cli",
    json_: Json = False,
) -> None:
    """Submit one event."""
    from hutong.cli.fields import read_event_data
    from hutong.errors import Unconfirmed
    from hutong.events.complaint import Filed, Merged

    model = event_type(type_)
    if ticket is None and model is not Filed:
        raise typer.BadParameter(say("submit.which_ticket", type=model.TYPE), param_hint="--ticket")
    content = read_event_data(model, _text(data), values or [])
    if answers is not None and (len(answers) != 64 or set(answers) - set("0123456789abcdef")):
        raise typer.BadParameter(say("submit.fingerprint"), param_hint="--answers")
    when = moment(time, connection.settings(ctx).zone, "--time")
    if when is None and model is Filed and ticket is None and once is not None:
        raise typer.BadParameter(say("submit.once_needs_time"), param_hint="--time")
    with connection.bus(ctx, system, within=None if wait is Wait.STORED else timeout) as bus:
        if wait is not Wait.STORED:  # which is for when the broker, and with it the directory, may be away
            _may_sign(bus, connection.settings(ctx))
        if isinstance(content, Merged) and not _told(bus, content.into, ticket, answers):
            raise typer.BadParameter(say("submit.merge", into=content.into, ticket=ticket), param_hint="--answers")
        # Also without --once the id is derived, so that after an unknown outcome the same event can be sent again.
        key = once or str(uuid4())
        draft = bus.draft(content, ticket=ticket_id(ticket), once=key, time=when or datetime.now(UTC))
        if answers is not None:
            draft = replace(draft, causation=answers)
        try:
            result = bus.submit_batch([draft], wait=wait.value, timeout=timeout)[0]
        except Unconfirmed as error:
            raise Unconfirmed(f"{error}. {say('submit.again', options=_again(key, draft))}", error.events) from None
    _tell(result, json_)
    if result.refused:
        raise typer.Exit(Ending.SAID_NO)


def _again(key: str, draft: Draft) -> str:
    """The options that make the same event again. A complaint's day is part of its ticket's id, so its time stays."""
    from hutong.wire.envelope import format_time

    return f"--once {key} --time {format_time(draft.time)}"


def _may_sign(bus: Bus, settings: Settings) -> None:
    """Say at once what would only be silence: a refusal is returned to nobody whose key does not hold.

    Raises:
        SettingsError: the organisation is not in the directory, or revoked, or has another key.
    """
    from hutong.errors import SettingsError

    standing = bus.directory.get(bus.organisation)
    if standing is None:
        raise SettingsError(f"{bus.organisation} is not in the directory: have it registered (`hutong org register`)")
    if standing.revoked:
        raise SettingsError(say("submit.revoked", organisation=bus.organisation, number=standing.since))
    if settings.private_key().public_key().public_bytes_raw() not in standing.entry.signing_keys:
        raise SettingsError(say("submit.foreign_key", file=settings.key, organisation=bus.organisation))


def _told(bus: Bus, older: str, younger: str | None, answers: str | None) -> bool:
    """Whether ``answers`` is the older ticket's word of its repeat: admit took that, so it was open, and the older."""
    from hutong.events.complaint import Amended

    return answers is not None and any(
        event.fingerprint.hex() == answers
        and event.refusal is None
        and isinstance(event.data, Amended)
        and event.data.repeat is not None
        and event.data.repeat.ticket == younger
        for event in bus.replay(source="deliveries", ticket=older)
    )


def _text(given: str | None) -> str | None:
    """The text of ``--data``: itself, a file's, or standard input's."""
    if given == "-":
        return sys.stdin.read()
    if given is not None and given.startswith("@"):
        try:
            return Path(given[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise typer.BadParameter(f"{given[1:]} cannot be read ({error})", param_hint="--data") from None
    return given


def _tell(result: Submitted, json_: bool) -> None:
    from hutong.cli.render import clean, line

    if json_:
        typer.echo(line(_result_json(result)))
        return
    style = "red" if result.refused else "green"
    typer.echo(f"{typer.style(say('outcome.' + _outcome(result)), fg=style, bold=True)}  {result.type}")
    rows = [("ticket", result.ticket), ("id", result.id), ("fingerprint", result.fingerprint.hex())]
    if result.ledger is not None:
        place = say("place", partition=result.ledger.partition, sequence=result.ledger.sequence)
        rows.append(("ledger", place))
    if result.refusal is not None:
        rows.append(("reason", f"{result.refusal.code}: {result.refusal.text}"))
    for label, value in rows:
        typer.echo(f"  {say(label)}: {clean(value)}")


def _outcome(result: Submitted) -> str:
    if result.ledger is not None:
        return "admitted"
    if result.stored:
        return "stored"
    if result.refusal is None:
        return "acknowledged"
    return "refused" if result.refused else "admitted_before"


def _result_json(result: Submitted) -> dict[str, Any]:
    from hutong.cli.render import utc

    ledger, refusal = result.ledger, result.refusal
    return {
        "outcome": _outcome(result),
        "id": result.id,
        "ticket": result.ticket,
        "type": result.type,
        "fingerprint": result.fingerprint.hex(),
        "submission": None if result.stored else {"partition": result.partition, "offset": result.offset},
        "ledger": ledger
        and {
            "generation": ledger.generation,
            "partition": ledger.partition,
            "sequence": ledger.sequence,
            "admitted": utc(ledger.admitted),
            "directory": ledger.directory,
        },
        "refusal": refusal and {"code": refusal.code, "text": refusal.text},
    }
