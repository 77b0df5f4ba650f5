"""Small catalogues with the shipped kinds and topics, and schemas of a test's own."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

from hutong.catalogue import SCHEMAS, Catalogue


def event(*fields: dict[str, Any], name: str = "Tried", family: str = "complaint") -> dict[str, Any]:
    """The schema of an event with these fields."""
    return {"type": "record", "name": name, "namespace": f"hutong.{family}.v1", "fields": list(fields)}


def make_catalogue(root: Path, *revisions: dict[str, Any], family: str = "complaint") -> Catalogue:
    """A catalogue with one event type, ``<family>.tried.v1``, of these revisions."""
    shutil.copy(SCHEMAS / "kinds.yaml", root)
    shutil.copytree(SCHEMAS / "topics", root / "topics")
    folder = root / family / "tried.v1"
    folder.mkdir(parents=True)
    (folder / "example.json").write_text("{}")
    ids = {}
    for number, definition in enumerate(revisions, 1):
        raw = json.dumps(definition).encode()
        (folder / f"{number}.avsc").write_bytes(raw)
        ids[str(number)] = {"file": f"{family}/tried.v1/{number}.avsc", "sha256": sha256(raw).hexdigest()}
    (root / "ids.json").write_text(json.dumps(ids))
    return Catalogue.load(root)
