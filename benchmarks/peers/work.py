"""The same work: what every peer does with an event where it does what admit does, as lean as it can be done.

Verifies the author's signature (one check for a batch: good roots are remembered), decodes the Avro of its schema,
validates the model. No directory, no rights, no lifecycle, no audience, no refusals: those are admit's alone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastavro import parse_schema, schemaless_reader

from hutong.catalogue import Catalogue
from hutong.events import MODELS, EventData
from hutong.transport import Header
from hutong.wire.envelope import SIGNATURE, Submission, label
from hutong.wire.merkle import root_of
from hutong.wire.signing import SUITE, Signature

_PREFIX = 5
_REMEMBERED = 10_000


class Reading:
    """Decodes values into the models."""

    def __init__(self) -> None:
        catalogue = Catalogue.load()
        self._known: dict[bytes, tuple[Any, type[EventData]]] = {
            b"\x00" + schema.id.to_bytes(4, "big"): (parse_schema(schema.definition), MODELS[type_])
            for type_ in catalogue.types
            for schema in catalogue.revisions(type_)
        }

    def read(self, value: bytes) -> EventData:
        """The event in a value of the newest revision of its schema."""
        schema, model = self._known[value[:_PREFIX]]
        return model.model_validate(schemaless_reader(BytesIO(value[_PREFIX:]), schema))


class Checking:
    """Verifies signatures by the keys in a file."""

    def __init__(self, keys: Path) -> None:
        told = json.loads(keys.read_text(encoding="utf-8"))
        self._keys = {
            bytes.fromhex(id_): Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)) for id_, key in told.items()
        }
        self._good: set[tuple[bytes, bytes]] = set()

    def verify(self, key: bytes, value: bytes, headers: Iterable[Header]) -> str:
        """The event's id, where its author signed it. Raises KeyError or InvalidSignature otherwise."""
        headers = tuple(headers)
        by_name = dict(headers)
        signature = Signature.from_bytes(by_name[SIGNATURE])
        fingerprint = Submission(key=key, value=value, headers=headers).fingerprint("test")
        root = root_of(fingerprint, signature.index, signature.size, signature.path)
        text = label("test") + bytes([SUITE]) + signature.size.to_bytes(4, "big") + root
        if (text, signature.signature) not in self._good:
            self._keys[signature.key_id].verify(signature.signature, text)
            if len(self._good) >= _REMEMBERED:
                self._good.clear()
            self._good.add((text, signature.signature))
        return by_name["ce_id"].decode()


class Seen:
    """The ids that came before, for peers that bring no state of their own: SQLite, kept batch by batch."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "seen.sqlite", isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.execute("create table seen (id text primary key) without rowid, strict")
        self._db.execute("begin")

    def is_new(self, id_: str) -> bool:
        """Whether the id did not come before; it has now."""
        return self._db.execute("insert or ignore into seen values (?)", (id_,)).rowcount == 1

    def keep(self) -> None:
        """Keep what came so far."""
        self._db.execute("commit")
        self._db.execute("begin")


class Work:
    """All of it, for one event."""

    def __init__(self, keys: Path) -> None:
        self._checking = Checking(keys)
        self._reading = Reading()

    def do(self, key: bytes, value: bytes, headers: Iterable[Header]) -> str:
        """The id of a good event; an exception for another."""
        id_ = self._checking.verify(key, value, headers)
        self._reading.read(value)
        return id_
