"""The part of Avro that the bus speaks, checked strictly: schemas on loading, bytes before decoding.

A schema in ``schemas/`` may hold ``boolean int long bytes fixed enum array record``, ``["null", X]``, strings
of a declared kind and millisecond timestamps, and nothing else. No type takes zero bytes, so a count or
length can never ask for more than the bytes that are there: the scan refuses it before anything is allocated.
"""

from __future__ import annotations

from typing import Any

Definition = Any
"""A schema or a part of one, as parsed from JSON."""


def full_name(name: str, namespace: str) -> str:
    """The name with its namespace: ``hutong.v1.Sealed``."""
    return name if "." in name else f"{namespace}.{name}"


def record_name(definition: Definition) -> str:
    """The full name of an event's record (``hutong.complaint.v1.Filed``), which is its subject in a registry."""
    return full_name(definition["name"], definition["namespace"])
