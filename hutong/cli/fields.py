"""An event's data from ``--data`` and ``--set``, and its faults in words that never repeat what was written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from pydantic import ValidationError

from hutong.cli.texts import known, say
from hutong.events import EventData


def read_event_data(model: type[EventData], text: str | None, pairs: Sequence[str]) -> EventData:
    """The event's data: the JSON object in ``text``, then each ``field=value`` over it.

    A value that is a JSON object or list is taken as such; any other is taken as text where the field takes text,
    else as JSON (``true``, ``null``).

    Raises:
        typer.BadParameter: naming the option, or every field that is wrong and what it takes.
    """
    values = _object(text)
    written = dict(_pair(pair) for pair in pairs)
    values |= {name: _structure(value) for name, value in written.items()}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for name in {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]} & written.keys():
            values[name] = _json(written[name], values[name])
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(dict.fromkeys(_explain(model, fault) for fault in error.errors(include_input=False)))
        raise typer.BadParameter(f"{model.TYPE}: {faults}", param_hint="--data / --set") from None


def _object(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise typer.BadParameter(say("data.no_json", where=where), param_hint="--data") from None
    if not isinstance(found, dict):
        raise typer.BadParameter(say("data.no_object"), param_hint="--data")
    return found


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:  # what stands there may be a citizen's words, so it is not repeated
        raise typer.BadParameter(say("set.no_pair"), param_hint="--set")
    return name, value


def _structure(text: str) -> Any:
    return _json(text, text) if text[:1] in ("{", "[") else text


def _json(text: str, otherwise: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def _explain(model: type[EventData], fault: Mapping[str, Any]) -> str:
    name = ".".join(map(str, fault["loc"]))
    kind = fault["type"]
    if kind == "extra_forbidden":
        return say("fault.extra", field=repr(name[:40]), fields=", ".join(model.model_fields))
    if kind == "enum":
        return f"{name} {say('fault.enum', choices=fault['ctx']['expected'].replace(' or ', ', '))}"
    if kind.startswith("string_") and (described := _kind(model, fault["loc"])):
        return f"{name} {described}"
    if known(f"fault.{kind}"):
        return f"{name} {say('fault.' + kind)}"
    return f"{name}: {fault['msg']}"


def _kind(model: type[EventData], place: Sequence[Any]) -> str | None:
    """What text a field takes, by the kind that its schema declares (``schemas/kinds.yaml``)."""
    from hutong.catalogue import Catalogue

    catalogue = Catalogue.load()
    definition: Any = catalogue.revisions(model.TYPE)[-1].definition
    for step in place:
        definition = _within(definition, step)
    name = definition.get("kind") if isinstance(definition, dict) else None
    if name is None:
        return None
    kind = catalogue.kinds[name]
    return say("fault.kind", title=kind.title, description=kind.description, example=kind.examples[0])


def _within(definition: Any, step: Any) -> Any:
    """The part of a schema that a field's name or an item's number leads to, without its ``null``."""
    if isinstance(definition, dict) and "fields" in definition:
        part = next((field["type"] for field in definition["fields"] if field["name"] == step), None)
    else:
        part = definition.get("items") if isinstance(definition, dict) else None
    if isinstance(part, list):
        part = next((branch for branch in part if branch != "null"), None)
    return part
