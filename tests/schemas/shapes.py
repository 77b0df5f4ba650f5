"""One plain description of an event's shape, taken from its model and from its Avro schema alike.

``("string", kind)``, ``("enum", name, symbols)``, ``("fixed", size)``, ``("array", shape)``,
``("optional", shape)``, ``("record", name, {field: (shape, default)})``, ``("sealed", key class)``, and the
names of simple types.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import AwareDatetime, BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from hutong.catalogue import Kind
from hutong.events.sealed import Clear, Seal, Sealed

NO_DEFAULT = "no default"


def shape_of_model(model: type[BaseModel], kinds: Mapping[str, Kind]) -> Any:
    """The shape a model describes."""
    hints = get_type_hints(model, include_extras=True)
    fields = {
        name: (_of_hint(hints[name], kinds), _default(field.get_default(call_default_factory=True), field))
        for name, field in model.model_fields.items()
    }
    return ("record", model.__name__, fields)


def _default(value: Any, field: FieldInfo) -> Any:
    if field.is_required():
        return NO_DEFAULT
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, StrEnum) else value


def _of_hint(hint: Any, kinds: Mapping[str, Kind]) -> Any:
    marks: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        marks = tuple(rest)
    seals = [mark for mark in marks if isinstance(mark, Seal)]
    if seals:
        assert set(get_args(hint)) == {Sealed, Clear, types.NoneType}
        return ("optional", ("sealed", seals[0].key_class))
    if get_origin(hint) in (types.UnionType, Union):
        inner = [part for part in get_args(hint) if part is not types.NoneType]
        assert len(inner) == 1, f"no union but with None: {hint}"
        return ("optional", _of_hint(inner[0], kinds))
    if get_origin(hint) is tuple:
        return ("array", _of_hint(get_args(hint)[0], kinds))
    return _of_class(hint, marks, kinds)


def _of_class(hint: type, marks: tuple[Any, ...], kinds: Mapping[str, Kind]) -> Any:
    if hint is str:
        return ("string", _kind([mark for mark in marks if isinstance(mark, StringConstraints)], kinds))
    if hint is bool:
        return "boolean"
    if hint is int:
        return "int" if _limit(marks, "le") < 2**31 else "long"
    if hint is bytes:
        size = _limit(marks, "max_length")
        assert size == _limit(marks, "min_length")
        return ("fixed", size)
    if hint in (datetime, AwareDatetime):
        return "timestamp-millis"
    if issubclass(hint, StrEnum):
        return ("enum", hint.__name__, [symbol.value for symbol in hint])
    assert issubclass(hint, BaseModel), hint
    return shape_of_model(hint, kinds)


def _limit(marks: tuple[Any, ...], name: str) -> int:
    """The limit ``name`` among a field's marks."""
    for mark in marks:
        for part in mark.metadata if isinstance(mark, FieldInfo) else (mark,):
            found: int | None = getattr(part, name, None)
            if found is not None:
                return found
    raise AssertionError(f"{marks}: no {name}")


def _kind(rules: list[StringConstraints], kinds: Mapping[str, Kind]) -> str:
    assert len(rules) == 1, "a string without a kind"
    for name, kind in kinds.items():
        same_length = (rules[0].min_length, rules[0].max_length) == (kind.min_length, kind.max_length)
        if same_length and rules[0].pattern == f"^(?:{kind.pattern})$":
            return name
    raise AssertionError(f"{rules[0]} is no kind of kinds.yaml")


def shape_of_schema(node: Any, named: dict[str, Any] | None = None, seal: str | None = None) -> Any:
    """The shape an Avro schema describes."""
    named = {} if named is None else named
    if isinstance(node, list):
        return ("optional", shape_of_schema(node[1], named, seal))
    if isinstance(node, str):
        shape = named.get(node.rpartition(".")[2], node)
        return ("sealed", seal) if shape == "Sealed" else shape
    what = node["type"]
    if what == "string":
        return ("string", node["kind"])
    if what == "long":
        return node["logicalType"]
    if what == "array":
        return ("array", shape_of_schema(node["items"], named))
    if what == "record" and node["name"] == "Sealed":
        named["Sealed"] = "Sealed"
        return ("sealed", seal)
    if what == "record":
        fields = {
            field["name"]: (
                shape_of_schema(field["type"], named, field.get("seal")),
                field.get("default", NO_DEFAULT),
            )
            for field in node["fields"]
        }
        named[node["name"]] = ("record", node["name"], fields)
    elif what == "fixed":
        named[node["name"]] = ("fixed", node["size"])
    else:
        named[node["name"]] = ("enum", node["name"], node["symbols"])
    return named[node["name"]]
