"""Hypothesis strategies for whatever a schema's shape (``shapes.py``) allows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from hutong.catalogue import Kind
from tests.schemas.shapes import NO_DEFAULT

SEALED = st.fixed_dictionaries(
    {
        "suite": st.integers(1, 255),
        "key_id": st.binary(min_size=16, max_size=16),
        "nonce": st.binary(min_size=12, max_size=12),
        "ciphertext": st.binary(max_size=300),
    }
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIMPLE: Mapping[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "int": st.integers(1, 2**31 - 1),
    "long": st.integers(1, 2**63 - 1),
    "timestamp-millis": st.integers(0, 250_000_000_000_000).map(lambda ms: _EPOCH + timedelta(milliseconds=ms)),
}


def values(shape: Any, kinds: Mapping[str, Kind], *, leave_out: bool = False) -> st.SearchStrategy[Any]:
    """Values of this shape, as fastavro reads and writes them; ``leave_out``: fields with defaults may lack."""
    if isinstance(shape, str):
        return _SIMPLE[shape]
    what, rest = shape[0], shape[1:]
    if what == "string":
        kind = kinds[rest[0]]
        return st.from_regex(kind.pattern, fullmatch=True).filter(kind.allows)
    if what == "enum":
        return st.sampled_from(rest[1])
    if what == "fixed":
        return st.binary(min_size=rest[0], max_size=rest[0])
    if what == "array":
        return st.lists(values(rest[0], kinds), max_size=4)
    if what == "optional":
        return st.none() | values(rest[0], kinds)
    if what == "sealed":
        return SEALED
    fields = {name: values(inner, kinds) for name, (inner, _) in rest[1].items()}
    may_lack = {name for name, (_, default) in rest[1].items() if default != NO_DEFAULT} if leave_out else set()
    needed = {name: strategy for name, strategy in fields.items() if name not in may_lack}
    return st.fixed_dictionaries(needed, optional={name: fields[name] for name in may_lack})
