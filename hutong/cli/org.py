"""``hutong org``: making keys, and (for the registrar 登记机构) writing the directory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hutong.cli import connection
from hutong.cli.options import Json
from hutong.cli.texts import say

if TYPE_CHECKING:
    from hutong.keys import KeyFiles
    from hutong.settings import Settings

app = typer.Typer(no_args_is_help=True)

Organisation = Annotated[str, typer.Argument(metavar="ORG", show_default=False)]
Names = Annotated[list[str] | None, typer.Option("--name", metavar="LANGUAGE=NAME")]
Rights = Annotated[list[str] | None, typer.Option("--right", metavar="RIGHT")]
SealingKey = Annotated[str | None, typer.Option("--sealing-key", metavar="HEX")]


@app.command("keygen")
def keygen(
    organisation: Organisation,
    folder: Annotated[Path | None, typer.Option("--folder", metavar="FOLDER", file_okay=False)] = None,
    json_: Json = False,
) -> None:
    """Make an organisation's two key pairs."""
    from hutong.cli.render import line
    from hutong.keys import make_keys

    files = make_keys(folder or connection.home() / "keys", organisation)
    if json_:
        typer.echo(
            line(
                {
                    "organisation": organisation,
                    "signing_key": files.signing_key.hex(),
                    "sealing_key": files.sealing_key.hex(),
                    "signing_file": str(files.signing_file),
                    "sealing_file": str(files.sealing_file),
                }
            )
        )
        return
    typer.echo(f"{say('signing_key')}  {files.signing_key.hex()}  {files.signing_file}")
    typer.echo(f"{say('sealing_key')}  {files.sealing_key.hex()}  {files.sealing_file}")
    for sentence in _next_steps(files, connection.city()):
        typer.echo(sentence)


def _next_steps(files: KeyFiles, city: str | None) -> Iterator[str]:
    """What to do with new keys: a registrar founds its city, any other asks its registrar for an entry."""
    signing, sealing, name = files.signing_key.hex(), files.sealing_key.hex(), files.organisation
    if city == name or (city is None and "." not in name):
        yield say("keygen.found")
        yield f"  export HUTONG_REGISTRAR_KEY={signing} HUTONG_KEY={files.signing_file}"
        yield f"  hutong org found --partitions 4 --sealing-key {sealing}"
    if city != name:
        yield say("keygen.register")
        yield f"  hutong org register {name} --signing-key {signing} --sealing-key {sealing}"


@app.command("found")
def found(
    ctx: typer.Context,
    partitions: Annotated[int, typer.Option("--partitions", metavar="N", min=1)],
    names: Names = None,
    rights: Rights = None,
    sealing_key: SealingKey = None,
    replication: Annotated[int, typer.Option("--replication", metavar="N", min=1)] = 1,
    json_: Json = False,
) -> None:
    """Found the city."""
    from hutong.cli.entries import Wish, entry_from
    from hutong.cli.render import line

    with connection.registrar(ctx, replication) as (settings, _, registrar):
        registrar.found(partitions)
        standing = registrar.directory.get(settings.city)
        if standing is None:
            wish = Wish(
                organisation=settings.city,
                names=names,
                level="city",
                signing_keys=[settings.private_key().public_key().public_bytes_raw().hex()],
                sealing_key=sealing_key,
                rights=["register", *(right for right in rights or [] if right != "register")],
            )
            number = registrar.register(entry_from(wish, registrar.directory, partitions), _now())
        else:  # founding again changes nothing; `register` is for that
            number = standing.since
    if json_:
        typer.echo(line({"city": settings.city, "partitions": partitions, "number": number, "new": standing is None}))
    else:
        key = "found.done" if standing is None else "found.before"
        typer.echo(say(key, city=settings.city, partitions=partitions, number=number))


@app.command("register")
def register(
    ctx: typer.Context,
    organisation: Organisation,
    names: Names = None,
    level: Annotated[str | None, typer.Option("--level", metavar="LEVEL")] = None,
    parent: Annotated[str | None, typer.Option("--parent", metavar="ORG")] = None,
    signing_keys: Annotated[list[str] | None, typer.Option("--signing-key", metavar="HEX")] = None,
    sealing_key: SealingKey = None,
    rights: Rights = None,
    partitions: Annotated[int | None, typer.Option("--partitions", metavar="N", min=1)] = None,
    json_: Json = False,
) -> None:
    """Register an organisation, or change its entry."""
    from hutong.cli.entries import Wish, entry_from, entry_json
    from hutong.cli.render import line
    from hutong.errors import SettingsError
    from hutong.wire.identity import under_city

    with connection.registrar(ctx) as (settings, transport, registrar):
        ledger = transport.topics().get("ledger")
        if ledger is None:
            raise SettingsError(f"city {settings.city} is not founded: run `hutong org found --partitions N` first")
        before = registrar.directory.number
        wish = Wish(
            organisation=organisation,
            names=names,
            level=level,
            parent=parent,
            signing_keys=signing_keys,
            sealing_key=sealing_key,
            rights=rights,
            partitions=partitions,
        )
        entry = entry_from(wish, registrar.directory, ledger)
        number = registrar.register(entry, _now())
        unsealed = entry.sealing_key is None and registrar.directory.custodian() is not None
    _remind(settings)
    if unsealed:
        typer.echo(say("register.unsealed", organisation=organisation), err=True)
    if not under_city(organisation, settings.city):
        typer.echo(say("register.foreign", organisation=organisation, city=settings.city), err=True)
    if json_:
        typer.echo(line({"number": number, "written": number > before, **entry_json(entry)}))
    else:
        key = "register.done" if number > before else "register.same"
        typer.echo(say(key, organisation=organisation, number=number))


@app.command("list")
def list_(ctx: typer.Context, json_: Json = False) -> None:
    """Show the directory."""
    from hutong.cli.entries import directory_table, entry_json
    from hutong.cli.render import line

    with connection.directory(ctx) as (_, _, directory):
        pass
    if json_:
        for standing in directory:
            entry = entry_json(standing.entry)
            typer.echo(line({**entry, "since": standing.since, "revoked": standing.revoked}))
        return
    if not directory.number:
        typer.echo(say("list.empty"), err=True)
        return
    from rich.console import Console

    Console(highlight=False).print(directory_table(directory))


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    organisation: Organisation,
    reason: Annotated[str, typer.Option("--reason", metavar="CODE")],
    json_: Json = False,
) -> None:
    """End an organisation's entry."""
    from pydantic import ValidationError

    from hutong.cli.render import line
    from hutong.events.directory import Revoked

    try:
        Revoked(number=1, organisation="110000", reason=reason)
    except ValidationError:
        raise typer.BadParameter(say("revoke.reason"), param_hint="--reason") from None
    with connection.registrar(ctx) as (settings, _, registrar):
        number = registrar.revoke(organisation, reason, _now())
    _remind(settings)
    if json_:
        typer.echo(line({"organisation": organisation, "reason": reason, "number": number}))
    else:
        typer.echo(say("revoke.done", organisation=organisation, number=number))


@app.command("apply")
def apply(
    ctx: typer.Context,
    passwords: Annotated[Path | None, typer.Option("--passwords", metavar="FOLDER", file_okay=False)] = None,
    renew: Annotated[list[str] | None, typer.Option("--renew", metavar="ORG")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    json_: Json = False,
) -> None:
    """Let everybody do at the broker what the directory says, and nothing else."""
    from hutong.cli.applied import applied_json, applied_lines
    from hutong.cli.render import line
    from hutong.securing.applying import carry_out, plan
    from hutong.securing.passwords import PasswordFolder

    with connection.directory(ctx) as (settings, transport, directory):
        access = transport.access()
        folder = PasswordFolder(passwords or settings.home / "passwords")
        planned = plan(directory, access, city=settings.city, renew=renew or (), waiting=folder.waiting())
        if not dry_run:
            carry_out(planned, access, folder)
    if json_:
        typer.echo(line(applied_json(planned, folder, done=not dry_run)))
        return
    for sentence in applied_lines(planned, folder, done=not dry_run):
        typer.echo(sentence)


def _remind(settings: Settings) -> None:
    """Where the broker asks who comes, it learns of a change by `org apply` alone."""
    if settings.security_protocol != "PLAINTEXT":
        typer.echo(say("apply.next"), err=True)


def _now() -> datetime:
    return datetime.now(UTC)
