"""The catalogue as everybody finds it on the broker: the topic ``_schemas``, in the log format of Confluent's registry.

The operator publishes, everybody reads. Nothing on this topic is signed: what an id of one's own catalogue means is
never asked of it, and who can write there decides what newer ids mean (docs/promises.md).
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Annotated, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hutong.avro import Definition, record_name
from hutong.avro.check import SchemaCheck
from hutong.catalogue import Catalogue, Schema
from hutong.errors import SettingsError
from hutong.loop import read_all
from hutong.transport import Outgoing, Partition, Producer, Record, Transport

_log = structlog.get_logger()

SCHEMA_LOG = Partition("_schemas", 0)


class _Written(BaseModel):
    """What a registry adds to its records, now or later, is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _Key(_Written):
    keytype: Literal["SCHEMA"]
    subject: str
    version: int


class _Value(_Written):
    id: int
    schema_: Annotated[str, Field(alias="schema")]
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A schema as it stands on the log: ``version`` of ``subject``, which is the record's full name."""

    id: int
    subject: str
    version: int
    definition: Definition


def compact(value: object) -> str:
    """JSON without spaces, 中文 as it is: how the registry writes it, byte for byte."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def record_of(schema: Schema) -> tuple[bytes, bytes]:
    """Key and value under which a schema is published; a compacted topic knows a key by its bytes."""
    place = {"subject": schema.subject, "version": schema.revision}
    key = {"keytype": "SCHEMA", **place, "magic": 1}
    value = {**place, "id": schema.id, "schema": compact(schema.definition), "deleted": False}
    return compact(key).encode(), compact(value).encode()


def publish(catalogue: Catalogue, transport: Transport, producer: Producer) -> list[Schema]:
    """Write what the log lacks of the catalogue; what was written, by id. Again writes nothing.

    Raises:
        SettingsError: the city has no such topic, or something else is published under an id or a name of this
            catalogue. Unavailable: the broker is away. Unconfirmed: some may have been written; run it again.
    """
    there = {(each.subject, each.version): each for each in read(transport)}
    for each in there.values():
        own = catalogue.schemas.get(each.id)
        if own is not None and own.definition != each.definition:
            raise _other(each, f"id {each.id} is {own.file}")
    absent = []
    for schema in catalogue.schemas.values():
        standing = there.get((schema.subject, schema.revision))
        if standing is None:
            absent.append(schema)
        elif standing.id != schema.id:
            raise _other(standing, f"{schema.file} has id {schema.id}")
    records = [
        Outgoing(topic=SCHEMA_LOG.topic, partition=SCHEMA_LOG.number, key=key, value=value)
        for key, value in map(record_of, absent)
    ]
    if records:
        producer.send(records, timeout=30.0)
    return absent


def _other(published: Published, here: str) -> SettingsError:
    return SettingsError(
        f"{SCHEMA_LOG.topic} has {published.subject} {published.version} under id {published.id}, but in this "
        f"catalogue {here}; an id means the same for ever: nothing was published, find out who wrote that"
    )


def read(transport: Transport) -> list[Published]:
    """Every schema that the log holds now and a codec can read by, whoever wrote it; by subject and revision the last.

    Raises:
        SettingsError: the topic is missing, or closed to this client. Unavailable: the broker is away.
    """
    found: dict[tuple[str, int], Published | None] = {}
    with contextlib.closing(transport.consumer(client_id="schemas")) as consumer:
        for record in read_all(consumer, [SCHEMA_LOG]):
            key = _key(record)
            if key is not None:
                found[key.subject, key.version] = _published(key, record)
    return [each for each in found.values() if each is not None]


class SchemaLog:
    """Finds the schemas that are newer than this program's catalogue. Safe to share between threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find(self, number: int) -> Published | None:
        """The schema that was published under this id; None where there is none, or the log is closed to this client.

        Raises:
            Unavailable: the broker is away (retriable).
        """
        try:
            return next((each for each in read(self._transport) if each.id == number), None)
        except SettingsError as error:
            _log.warning("published schemas cannot be read", id=number, error=str(error))
            return None


def _key(record: Record) -> _Key | None:
    """The key of a schema's record; None for what a registry writes there besides, and for anybody's rubbish."""
    try:
        return _Key.model_validate_json(record.key or b"")
    except ValidationError:
        return None


def _published(key: _Key, record: Record) -> Published | None:
    """The schema in a record; None where it was taken back, or is none that the bus could read by."""
    try:
        value = _Value.model_validate_json(record.value or b"")
        definition = json.loads(value.schema_)
        SchemaCheck(None).check(definition)
        named = record_name(definition)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if value.deleted or named != key.subject:
        return None
    return Published(id=value.id, subject=key.subject, version=key.version, definition=definition)
