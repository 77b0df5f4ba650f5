"""The city's interface as an AsyncAPI 3 document, from the catalogue alone: topics, events, what a record carries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hutong.catalogue import Catalogue, Schema, Topic
from hutong.wire.envelope import CONTENT_TYPE, OPTIONAL, REQUIRED, SIGNATURE

AVRO = "application/vnd.apache.avro+json;version=1.9.0"
BINDING = "0.5.0"
WIRE_VERSION = "1"
"""The version of docs/wire.md that this describes."""

_OF_TICKETS = ("submissions", "ledger", "deliveries.<org>", "deadletters.<org>")
_OF_DIRECTORY = ("directory",)
_NUMBERS = frozenset({"delete.retention.ms", "retention.bytes", "retention.ms"})


def document(catalogue: Catalogue) -> dict[str, Any]:
    """The document as JSON values. It is written for an organisation's program: ``send`` is what that sends."""
    events = [catalogue.revisions(type_)[-1] for type_ in sorted(catalogue.types)]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Hutong 互通",
            "version": WIRE_VERSION,
            "description": (
                "The bus between a city's hotline and everyone who handles its tickets. A program of an organisation "
                "sends to submissions, signed, and receives from deliveries.{org}. docs/wire.md has the bytes; each "
                "event is shown in its newest revision."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {_key(topic): _channel(topic, events) for topic in catalogue.topics.values()},
        "operations": dict(_operations()),
        "components": {
            "schemas": {"AuthorsHeaders": _headers()},
            "messages": {schema.type: _message(schema) for schema in events}
            | {_key(topic): _other(topic) for topic in catalogue.topics.values() if not _carried(topic, events)},
        },
    }


def _key(topic: Topic) -> str:
    return topic.name.removesuffix(".<org>")


def _carried(topic: Topic, events: list[Schema]) -> list[str]:
    """The types of the events that a topic holds as they are."""
    of_directory = topic.name in _OF_DIRECTORY
    if not of_directory and topic.name not in _OF_TICKETS:
        return []
    return [schema.type for schema in events if schema.type.startswith("directory.") == of_directory]


def _channel(topic: Topic, events: list[Schema]) -> dict[str, Any]:
    kafka: dict[str, Any] = {"topicConfiguration": dict(_settings(topic)), "bindingVersion": BINDING}
    if isinstance(topic.partitions, int):
        kafka["partitions"] = topic.partitions
    channel: dict[str, Any] = {
        "address": topic.named("{org}"),
        "title": topic.title,
        "description": topic.description,
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in _carried(topic, events) or [_key(topic)]
        },
        "bindings": {"kafka": kafka},
    }
    if "<org>" in topic.name:
        channel["parameters"] = {"org": {"description": "The organisation's id.", "examples": ["110000.water"]}}
    return channel


def _settings(topic: Topic) -> Iterator[tuple[str, Any]]:
    for name, value in sorted(topic.config.items()):
        if name == "cleanup.policy":
            yield name, [value]
        else:
            yield name, int(value) if name in _NUMBERS else value
    yield "max.message.bytes", topic.max_message_bytes


def _operations() -> Iterator[tuple[str, Any]]:
    for name, action, channel in (
        ("submit", "send", "submissions"),
        ("subscribe", "receive", "deliveries"),
        ("replay", "receive", "ledger"),
        ("readDirectory", "receive", "directory"),
        ("readKeys", "receive", "keys"),
        ("readSchemas", "receive", "_schemas"),
    ):
        yield name, {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _message(schema: Schema) -> dict[str, Any]:
    return {
        "name": schema.type,
        "title": schema.type,
        "summary": schema.definition.get("doc", schema.type),
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": "#/components/schemas/AuthorsHeaders"},
        "payload": {"schemaFormat": AVRO, "schema": schema.definition},
        "bindings": {
            "kafka": {
                "key": {"type": "string"},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "schemaLookupStrategy": "RecordNameStrategy",
                "bindingVersion": BINDING,
            }
        },
    }


def _other(topic: Topic) -> dict[str, Any]:
    """What a topic holds besides events, in words."""
    return {
        "name": _key(topic),
        "summary": topic.value,
        "contentType": "application/json" if topic.value.startswith("{") else "application/octet-stream",
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": BINDING}},
    }


def _headers() -> dict[str, Any]:
    """The author's headers; those of the city stand beside them (docs/wire.md)."""
    text = {name: {"type": "string"} for name in (*REQUIRED, *OPTIONAL)}
    return {
        "type": "object",
        "required": [*REQUIRED, SIGNATURE],
        "properties": {**text, SIGNATURE: {"type": "string", "format": "binary"}},
    }
