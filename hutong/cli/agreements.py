"""``hutong agreements``: standing agreements 共享协议, opened and closed by the registrar, seen by both sides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hutong.cli import connection
from hutong.cli.options import Json, event_type, moment
from hutong.cli.texts import say

if TYPE_CHECKING:
    from hutong.events.directory import Agreement
    from hutong.flows import Flows
    from hutong.rules.directory import Directory, Opened
    from hutong.settings import Settings

app = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", show_default=False)]
_OPTIONS = {
    "id": "ID",
    "recipient": "--recipient",
    "types": "--type",
    "categories": "--category",
    "areas": "--area",
    "key_classes": "--class",
    "purpose": "--purpose",
    "until": "--until",
}


@app.command("open")
def open_(
    ctx: typer.Context,
    agreement: Id,
    recipient: Annotated[str, typer.Option("--recipient", metavar="ORG")],
    purpose: Annotated[str, typer.Option("--purpose", metavar="CODE")],
    until: Annotated[str, typer.Option("--until", metavar="TIME")],
    types: Annotated[list[str] | None, typer.Option("--type", metavar="TYPE")] = None,
    categories: Annotated[list[str] | None, typer.Option("--category", metavar="PATH")] = None,
    areas: Annotated[list[str] | None, typer.Option("--area", metavar="CODE")] = None,
    key_classes: Annotated[list[str] | None, typer.Option("--class", metavar="CLASS")] = None,
    everything: Annotated[bool, typer.Option("--everything")] = False,
    json_: Json = False,
) -> None:
    """Open an agreement."""
    from hutong.cli.agreed import agreement_json
    from hutong.cli.render import line

    if everything is bool(types or categories or areas):
        raise typer.BadParameter(
            say("agreements.not_both" if everything else "agreements.everything"), param_hint="--everything"
        )
    wish = _agreement(
        id=agreement,
        recipient=recipient,
        types=[event_type(name).TYPE for name in types or ()],
        categories=categories or (),
        areas=areas or (),
        key_classes=key_classes or (),
        purpose=purpose,
        until=moment(until, connection.settings(ctx).zone, "--until"),
    )
    with connection.registrar(ctx) as (_, _, registrar):
        before = registrar.directory.number
        number = registrar.open_agreement(wish, datetime.now(UTC))
    if json_:
        typer.echo(line({**agreement_json(wish), "number": number, "written": number > before}))
    else:
        key = "agreements.opened" if number > before else "agreements.same"
        typer.echo(say(key, agreement=agreement, recipient=recipient, number=number))


@app.command("close")
def close(
    ctx: typer.Context,
    agreement: Id,
    reason: Annotated[str, typer.Option("--reason", metavar="CODE")],
    json_: Json = False,
) -> None:
    """End an agreement before its time."""
    from pydantic import ValidationError

    from hutong.cli.render import line
    from hutong.events.directory import AgreementClosed

    try:
        AgreementClosed(number=1, id="any", reason=reason)
    except ValidationError:
        raise typer.BadParameter(say("agreements.reason"), param_hint="--reason") from None
    with connection.registrar(ctx) as (_, _, registrar):
        number = registrar.close_agreement(agreement, reason, datetime.now(UTC))
    if json_:
        typer.echo(line({"id": agreement, "reason": reason, "number": number}))
    else:
        typer.echo(say("agreements.closed", agreement=agreement, number=number))


@app.command("list")
def list_(ctx: typer.Context, json_: Json = False) -> None:
    """Show agreements, and what flowed under each."""
    from hutong.cli.agreed import agreement_lines, opened_json
    from hutong.cli.render import line

    settings, now = connection.settings(ctx), datetime.now(UTC)
    shown, directory, flows = _read(settings)
    for opened in shown:
        flow = flows.of(opened.agreement.id)
        if json_:
            typer.echo(line(opened_json(opened, flow, now)))
        else:
            for text in agreement_lines(opened, flow, now, directory, settings.zone):
                typer.echo(text)
    if not shown and not json_:
        typer.echo(say("agreements.none"))


def _read(settings: Settings) -> tuple[Sequence[Opened], Directory, Flows]:
    """The agreements that this organisation may see, and what flowed under them; nothing is read where there are none.

    The city sees all, told from its ledger, any other its own, told from its door.
    """
    import hutong
    from hutong.cli.progress import progress
    from hutong.flows import DoorFlows, LedgerFlows
    from hutong.rules.audience import Audience
    from hutong.rules.lifecycle import Lifecycle

    organisation, city = settings.organisation, settings.organisation == settings.city
    with hutong.connect("agreements", settings, transport=connection.transport(settings)) as bus:
        directory = bus.directory
        shown = [each for each in directory.agreements_ever if city or each.agreement.recipient == organisation]
        flows: Flows = (
            LedgerFlows(directory) if city else DoorFlows(organisation, directory, Lifecycle.load(), Audience.load())
        )
        if shown:
            with progress("ledger" if city else f"deliveries.{organisation}") as step:
                for event in bus.replay(source="ledger" if city else "deliveries", progress=step):
                    flows.take(event)
    return shown, directory, flows


def _agreement(**values: object) -> Agreement:
    """The agreement that was wished for. Raises typer.BadParameter, naming each option that is wrong."""
    from pydantic import ValidationError

    from hutong.events.directory import Agreement

    lists = {name: tuple(dict.fromkeys(each)) for name, each in values.items() if isinstance(each, list | tuple)}
    try:
        return Agreement.model_validate({**values, **lists})
    except ValidationError as error:
        fields = sorted({str(fault["loc"][0]) for fault in error.errors() if fault["loc"]})
        told = "; ".join(say(f"agreements.wrong.{field}") for field in fields)
        raise typer.BadParameter(told, param_hint=" / ".join(_OPTIONS[field] for field in fields)) from None
