"""The catalogue: what all agreed under ``schemas/``, read into strict models.

An unknown, misspelt or repeated key in any of its files is an error that names the file and the key; so is a
file without an id, an id without its file, and an edited file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from hutong.avro import Definition, record_name
from hutong.avro.check import SchemaCheck
from hutong.errors import SettingsError

SCHEMAS = Path(__file__).parent / "schemas"
"""The catalogue that comes with this package."""

LOCAL_IDS = 1_000_000
"""Schema ids from here on are a city's own; they mean nothing elsewhere."""

T = TypeVar("T")

TopicSetting = Literal[
    "cleanup.policy",
    "compression.type",
    "delete.retention.ms",
    "max.compaction.lag.ms",
    "message.timestamp.type",
    "min.compaction.lag.ms",
    "retention.bytes",
    "retention.ms",
    "segment.ms",
]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _IdEntry(_Entry):
    file: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Kind(_Entry):
    """A kind of plain text; ``pattern`` matches the whole value, lengths count characters.

    ``families`` limits it to events of those families; empty: all may use it.
    """

    title: str
    description: str
    pattern: str
    min_length: int
    max_length: int
    examples: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    families: Annotated[tuple[str, ...], Field(strict=False)] = ()

    def allows(self, text: str) -> bool:
        """Whether ``text`` is of this kind."""
        return self.min_length <= len(text) <= self.max_length and re.fullmatch(self.pattern, text) is not None

    @model_validator(mode="after")
    def _examples_hold(self) -> Self:
        for example in self.examples:
            if not self.allows(example):
                raise ValueError(f"example {example!r} is not of this kind")
        return self


class Topic(_Entry):
    """A topic of a city, or, with ``<org>`` in its name, of each of its organisations.

    ``partitions`` is a number, ``city`` (fixed when it is founded) or ``organisation`` (its directory entry
    says).
    """

    name: Annotated[str, Field(pattern=r"^[a-z_]+(?:\.<org>)?$")]
    title: str
    description: str
    key: str
    value: str
    producers: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    consumers: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    partitions: Literal["city", "organisation"] | Annotated[int, Field(ge=1)]
    max_message_bytes: Annotated[int, Field(ge=1)]
    config: Mapping[TopicSetting, str | int]

    def named(self, organisation: str) -> str:
        """The topic's name with ``<org>`` filled in."""
        return self.name.replace("<org>", organisation)

    def kafka_config(self) -> dict[str, str]:
        """The settings to create the topic with."""
        settings = {str(key): str(value) for key, value in self.config.items()}
        return settings | {"max.message.bytes": str(self.max_message_bytes)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One revision of an event's schema; ``type`` is the CloudEvents type (``complaint.filed.v1``)."""

    id: int
    type: str
    revision: int
    file: str
    text: str
    definition: Definition

    @property
    def subject(self) -> str:
        """Its name in a registry: the record's full name, whose version there is the revision."""
        return record_name(self.definition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Schemas by id, topics by name (``deliveries.<org>``), kinds of text by name."""

    schemas: Mapping[int, Schema]
    topics: Mapping[str, Topic]
    kinds: Mapping[str, Kind]

    @classmethod
    def load(cls, root: Path | None = None) -> Catalogue:
        """Read and check a catalogue, by default the one that comes with this package.

        Raises:
            SettingsError: something in it is unknown, missing, repeated or edited; it names file and key.
        """
        root = root or SCHEMAS
        kinds = read_file(root / "kinds.yaml", TypeAdapter(dict[str, Kind]), strict_yaml)
        ids = read_file(root / "ids.json", TypeAdapter(dict[str, _IdEntry]), _json)
        schemas = {}
        for number, (text, entry) in enumerate(ids.items(), 1):
            if text != str(number):
                raise SettingsError(f"{root / 'ids.json'}: {text!r}: ids go from 1 without gaps")
            schemas[number] = _schema(root, number, entry, kinds)
        _no_orphans(root, schemas)
        topics = {}
        for path in sorted((root / "topics").iterdir()):
            topic = read_file(path, TypeAdapter(Topic), strict_yaml)
            if path.name != topic.name.removesuffix(".<org>") + ".yaml":
                raise SettingsError(f"{path}: name: the file's name and the topic's differ")
            topics[topic.name] = topic
        return cls(schemas=MappingProxyType(schemas), topics=MappingProxyType(topics), kinds=MappingProxyType(kinds))

    def schema(self, number: int) -> Schema:
        """The schema with this id. Raises ``KeyError`` where there is none."""
        return self.schemas[number]

    @property
    def types(self) -> frozenset[str]:
        """All CloudEvents types with a schema here."""
        return frozenset(schema.type for schema in self.schemas.values())

    def revisions(self, type_: str) -> tuple[Schema, ...]:
        """The revisions of a type, oldest first. Raises ``KeyError`` for an unknown type."""
        found = sorted((s for s in self.schemas.values() if s.type == type_), key=lambda schema: schema.revision)
        if not found:
            raise KeyError(type_)
        return tuple(found)

    def id_of(self, type_: str) -> int:
        """The id of a type's newest revision. Raises ``KeyError`` for an unknown type."""
        return self.revisions(type_)[-1].id


class _StrictYaml(yaml.SafeLoader):
    """YAML in which a key may stand only once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        pairs = [(self.construct_object(key, deep=True), value) for key, value in node.value]
        _once([key for key, _ in pairs])
        return super().construct_mapping(node, deep)


def _once(keys: list[Any]) -> None:
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"key {key!r} stands there twice")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _once([key for key, _ in pairs])
    return dict(pairs)


def strict_yaml(text: str) -> Any:
    """The content of a YAML text. Raises ValueError or YAMLError; a key that stands twice is a ValueError."""
    return yaml.load(text, _StrictYaml)  # a SafeLoader


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_pairs)


def read_file(path: Path, shape: TypeAdapter[T], parse: Callable[[str], Any]) -> T:
    """A data file as ``shape``. Raises SettingsError, naming the file and every fault in it."""
    try:
        return shape.validate_python(parse(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}".removeprefix(": ") for e in error.errors()]
        raise SettingsError(f"{path}: {'; '.join(faults)}") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, yaml.YAMLError) as error:
        language = "YAML" if parse is strict_yaml else "JSON"
        raise SettingsError(f"{path} is no {language}: {' '.join(str(error).split())}") from None


_FILE = re.compile(r"([a-z]+)/([a-z]+(?:_[a-z]+)*)\.v([1-9][0-9]*)/([1-9][0-9]*)\.avsc")


def _schema(root: Path, number: int, entry: _IdEntry, kinds: Mapping[str, Kind]) -> Schema:
    path = root / entry.file
    named = _FILE.fullmatch(entry.file)
    if named is None:
        raise SettingsError(f"{root / 'ids.json'}: {number}: {entry.file!r} is not <family>/<event>.v1/1.avsc")
    if not path.exists():
        raise SettingsError(f"{root / 'ids.json'}: {number}: there is no file {entry.file}")
    family, event, version, revision = named.groups()
    definition = read_file(path, TypeAdapter(dict[str, Any]), _json)
    raw = path.read_bytes()
    if sha256(raw).hexdigest() != entry.sha256:
        raise SettingsError(f"{path}: its bytes are not those of ids.json: {number} (a released schema never changes)")
    name = "".join(part.capitalize() for part in event.split("_"))
    if (definition.get("namespace"), definition.get("name")) != (f"hutong.{family}.v{version}", name):
        raise SettingsError(f"{path}: name: the record is hutong.{family}.v{version}.{name}")
    try:
        SchemaCheck(frozenset(k for k, kind in kinds.items() if family in (kind.families or (family,)))).check(
            definition
        )
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None
    return Schema(
        id=number,
        type=f"{family}.{event}.v{version}",
        revision=int(revision),
        file=entry.file,
        text=raw.decode(),
        definition=definition,
    )


def _no_orphans(root: Path, schemas: Mapping[int, Schema]) -> None:
    files = [schema.file for schema in schemas.values()]
    for file in files:
        if files.count(file) > 1:
            raise SettingsError(f"{root / 'ids.json'}: {file} has two ids")
        if not (root / file).with_name("example.json").exists():
            raise SettingsError(f"{(root / file).parent}: no example.json")
    for path in sorted(root.glob("*/*/*")):
        if path.name != "example.json" and path.relative_to(root).as_posix() not in files:
            raise SettingsError(f"{path}: no id in ids.json")
    for folder in sorted(root.glob("*/*.v*")):
        if not list(folder.glob("*.avsc")):
            raise SettingsError(f"{folder}: no schema")
