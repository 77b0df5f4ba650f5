"""``hutong schemas``: the catalogue of events, publishing it, and the city's interface as AsyncAPI."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hutong.cli import connection
from hutong.cli.options import Json
from hutong.cli.texts import say

if TYPE_CHECKING:
    from hutong.catalogue import Catalogue, Schema

app = typer.Typer(no_args_is_help=True)

_COLUMNS = ("id", "type", "revision", "subject", "event")


@app.command("list")
def list_(json_: Json = False) -> None:
    """Show every schema."""
    from rich.text import Text

    from hutong.catalogue import Catalogue
    from hutong.cli.render import line
    from hutong.cli.tables import show
    from hutong.cli.texts import event_word

    schemas = list(Catalogue.load().schemas.values())
    if json_:
        for schema in schemas:
            typer.echo(line(_json(schema)))
        return
    rows = [
        [str(each.id), each.type, str(each.revision), each.subject, _word(event_word(each.type), each)]
        for each in schemas
    ]
    show(_COLUMNS, [[Text(cell) for cell in row] for row in rows], numbers=("id", "revision"))


def _word(word: str, schema: Schema) -> str:
    """What the event is called; the directory's have no word of their own."""
    return "" if word == schema.type else word


def _json(schema: Schema) -> dict[str, Any]:
    return {
        "id": schema.id,
        "type": schema.type,
        "revision": schema.revision,
        "subject": schema.subject,
        "file": schema.file,
    }


@app.command("show")
def show_(which: Annotated[str, typer.Argument(metavar="ID|TYPE", show_default=False)], json_: Json = False) -> None:
    """Show one schema."""
    from hutong.catalogue import Catalogue
    from hutong.cli.render import line

    schema = _found(which, Catalogue.load())
    if json_:
        typer.echo(line({**_json(schema), "schema": schema.definition}))
    else:
        typer.echo(schema.text.rstrip("\n"))


def _found(which: str, catalogue: Catalogue) -> Schema:
    """The schema of an id, or a type's newest: ``disposition.accepted`` with or without its version.

    Raises:
        typer.BadParameter: there is none.
    """
    if which.isdigit() and int(which) in catalogue.schemas:
        return catalogue.schema(int(which))
    named = [type_ for type_ in sorted(catalogue.types) if which in (type_, type_.rpartition(".v")[0])]
    if not named:
        raise typer.BadParameter(say("schemas.none", which=repr(which)), param_hint="ID|TYPE")
    return catalogue.revisions(named[-1])[-1]


@app.command("publish")
def publish(ctx: typer.Context, json_: Json = False) -> None:
    """Publish what the city's topic lacks."""
    from hutong.catalogue import Catalogue
    from hutong.cli.render import line
    from hutong.schemalog import publish as publish_catalogue

    catalogue = Catalogue.load()
    with (
        closing(connection.transport(connection.settings(ctx))) as transport,
        closing(transport.producer(client_id="schemas")) as producer,
    ):
        written = publish_catalogue(catalogue, transport, producer)
    if json_:
        typer.echo(line({"published": [schema.id for schema in written], "schemas": len(catalogue.schemas)}))
    else:
        key = "schemas.published" if written else "schemas.same"
        typer.echo(say(key, count=len(written), all=len(catalogue.schemas)))


@app.command("asyncapi")
def asyncapi(json_: Json = False) -> None:
    """Write the city's interface as AsyncAPI 3."""
    from hutong.asyncapi import document
    from hutong.catalogue import Catalogue
    from hutong.cli.render import line

    found = document(Catalogue.load())
    typer.echo(line(found) if json_ else json.dumps(found, ensure_ascii=False, indent=2))
