"""Which schemas are allowed, so that nothing misspelt passes and no text or place escapes sealing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hutong.avro import Definition, full_name

SEALED = "hutong.v1.Sealed"

_PRIMITIVES = frozenset({"boolean", "int", "long"})
_KEYS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {  # type: (needed, allowed besides)
    "record": (frozenset({"type", "name", "fields"}), frozenset({"namespace", "doc"})),
    "field": (frozenset({"name", "type"}), frozenset({"default", "doc", "seal"})),
    "enum": (frozenset({"type", "name", "symbols", "default"}), frozenset({"namespace", "doc"})),
    "fixed": (frozenset({"type", "name", "size"}), frozenset({"namespace", "doc"})),
    "array": (frozenset({"type", "items"}), frozenset()),
    "string": (frozenset({"type", "kind"}), frozenset()),
    "long": (frozenset({"type", "logicalType"}), frozenset()),
}


def _keys(node: Any, what: str, where: str) -> None:
    if not isinstance(node, dict):
        raise ValueError(f"{where}: this is no {what}")
    needed, allowed = _KEYS[what]
    for key in node.keys() - needed - allowed:
        raise ValueError(f"{where}: unknown key {key!r}")
    for key in needed - node.keys():
        raise ValueError(f"{where}: missing key {key!r}")


class SchemaCheck:
    """Checks one schema: nothing unknown in it, and no text or place that escapes sealing.

    ``kinds`` are the kinds of strings this schema may use; None: any, as of a catalogue that is newer than ours.
    """

    def __init__(self, kinds: frozenset[str] | None) -> None:
        self._kinds = kinds
        self._names: set[str] = set()

    def check(self, definition: Definition) -> None:
        """Check a whole event's record. Raises ``ValueError`` naming the place and the key."""
        if not isinstance(definition, dict) or definition.get("type") != "record":
            raise ValueError("an event's schema is a record")
        self._record(definition, "", definition.get("name", "?"), top=True)

    def _type(self, node: Definition, namespace: str, where: str) -> None:
        if isinstance(node, list):
            if len(node) != 2 or node[0] != "null" or isinstance(node[1], list):
                raise ValueError(f'{where}: a union is ["null", X]')
            self._type(node[1], namespace, where)
        elif isinstance(node, str):
            if node not in _PRIMITIVES and full_name(node, namespace) not in self._names:
                raise ValueError(f"{where}: {node!r} is no type here (a string needs a kind; bytes are sealed)")
        elif not isinstance(node, dict) or node.get("type") not in _KEYS:
            raise ValueError(f"{where}: this is no type here")
        elif node["type"] == "record":
            self._record(node, namespace, where, top=False)
        else:
            self._simple(node, namespace, where)

    def _record(self, node: Definition, namespace: str, where: str, *, top: bool) -> None:
        _keys(node, "record", where)
        namespace = node.get("namespace", namespace)
        name = full_name(node["name"], namespace)
        if name == SEALED:
            if [_plain(field) for field in node["fields"]] != _SEALED_FIELDS:
                raise ValueError(f"{where}: {SEALED} has its fixed fields: suite, key_id, nonce, ciphertext")
        elif not node["fields"] and not top:
            raise ValueError(f"{where}: a record without fields takes no bytes")
        else:
            for field in node["fields"]:
                self._field(field, namespace, where, top=top)
        self._names.add(name)

    def _field(self, field: Definition, namespace: str, where: str, *, top: bool) -> None:
        _keys(field, "field", where)
        where = f"{where}.{field['name']}"
        kind = field["type"]
        nullable = isinstance(kind, list)
        inner = kind[-1] if nullable and kind else kind
        self._type(kind, namespace, where)
        if nullable and ("default" not in field or field["default"] is not None):
            raise ValueError(f"{where}: a nullable field has the default null")
        if _is_sealed(inner, namespace):
            if field.get("seal") not in ("identity", "content") or not nullable or not top:
                raise ValueError(f"{where}: a sealed field is [\"null\", {SEALED}] of the event, with a key 'seal'")
        elif "seal" in field:
            raise ValueError(f"{where}: 'seal' stands on sealed fields only")

    def _simple(self, node: Definition, namespace: str, where: str) -> None:
        what = node["type"]
        _keys(node, what, where)
        if what == "enum" and (node["default"] != "unknown" or "unknown" not in node["symbols"]):
            raise ValueError(f"{where}: an enum has the symbol and default 'unknown'")
        if what == "string" and self._kinds is not None and node["kind"] not in self._kinds:
            raise ValueError(f"{where}: no kind {node['kind']!r} here")
        if what == "long" and node["logicalType"] != "timestamp-millis":
            raise ValueError(f"{where}: times are timestamp-millis")
        if what == "fixed" and not (isinstance(node["size"], int) and node["size"] > 0):
            raise ValueError(f"{where}: a fixed has a size")
        if what == "array":
            if _is_sealed(node["items"], namespace):
                raise ValueError(f"{where}: a sealed field is [\"null\", {SEALED}] of the event, with a key 'seal'")
            self._type(node["items"], namespace, where)
        if what in ("enum", "fixed"):
            self._names.add(full_name(node["name"], node.get("namespace", namespace)))


def _is_sealed(node: Definition, namespace: str) -> bool:
    if isinstance(node, dict):
        return node.get("type") == "record" and full_name(node["name"], node.get("namespace", namespace)) == SEALED
    return isinstance(node, str) and full_name(node, namespace) == SEALED


def _plain(node: Definition) -> Definition:
    return {key: value for key, value in node.items() if key != "doc"}


_SEALED_FIELDS = [
    {"name": "suite", "type": "int"},
    {"name": "key_id", "type": {"type": "fixed", "name": "KeyId", "size": 16}},
    {"name": "nonce", "type": {"type": "fixed", "name": "Nonce", "size": 12}},
    {"name": "ciphertext", "type": "bytes"},
]
