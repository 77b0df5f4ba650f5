"""The catalogue on the topic ``_schemas``: as a registry writes it, and as an older program reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hutong.catalogue import Catalogue
from hutong.codec import Codec
from hutong.errors import InvalidEvent, SettingsError
from hutong.schemalog import SCHEMA_LOG, SchemaLog, publish, read
from hutong.testing import MemoryTransport
from hutong.transport import Outgoing, Producer, Record, TopicSpec
from tests.contract.bench import read_to_end
from tests.schemas.making import event, make_catalogue
from tests.schemas.test_revisions import CODE, FIRST, SECOND, Mood, Tried, mood, written

OF_TOMORROW = {"type": "string", "kind": "of_tomorrow"}
THIRD = event(
    {"name": "note", "type": ["null", CODE], "default": None},
    {"name": "mood", "type": mood("good", "bad", "mixed")},
    {"name": "reason", "type": CODE},
    {"name": "since", "type": ["null", CODE], "default": None},
)
TOMORROW = {**THIRD, "fields": [*THIRD["fields"][:-1], {**THIRD["fields"][-1], "type": ["null", OF_TOMORROW]}]}


@pytest.fixture
def transport() -> MemoryTransport:
    """A broker with the topic, and nothing on it."""
    made = MemoryTransport()
    made.create([TopicSpec(name="_schemas", partitions=1, replication=1, config={})])
    return made


@pytest.fixture
def producer(transport: MemoryTransport) -> Iterator[Producer]:
    made = transport.producer(client_id="test")
    yield made
    made.close()


@pytest.fixture
def small(tmp_path: Path) -> Catalogue:
    """Two revisions of one type, ids 1 and 2."""
    return make_catalogue(tmp_path, FIRST, SECOND)


def records(transport: MemoryTransport) -> list[Record]:
    consumer = transport.consumer(client_id="test")
    consumer.assign([SCHEMA_LOG])
    found = read_to_end(consumer, SCHEMA_LOG)
    consumer.close()
    return found


def put(producer: Producer, key: object, value: object) -> None:
    """One record as somebody else may write it."""
    pair = (json.dumps(each).encode() if each is not None else None for each in (key, value))
    name, content = pair
    producer.send([Outgoing(topic="_schemas", key=name, value=content, partition=0)], timeout=1)


def key_of(version: int, subject: str = "hutong.complaint.v1.Tried") -> dict[str, Any]:
    return {"keytype": "SCHEMA", "subject": subject, "version": version, "magic": 1}


def value_of(number: int, version: int, definition: object, **more: object) -> dict[str, Any]:
    place = {"subject": "hutong.complaint.v1.Tried", "version": version}
    return {**place, "id": number, "schema": json.dumps(definition), "deleted": False, **more}


def test_a_schema_is_written_as_the_registry_writes_it(transport: MemoryTransport, producer: Producer) -> None:
    """Key and value to the byte: the order of keys, no spaces, no ``schemaType``. Compaction keeps by the key."""
    publish(Catalogue.load(), transport, producer)
    [closed] = [each for each in records(transport) if b"disposition.v1.Closed" in (each.key or b"")]
    assert closed.key == b'{"keytype":"SCHEMA","subject":"hutong.disposition.v1.Closed","version":1,"magic":1}'
    head, _, schema = (closed.value or b"").partition(b',"schema":')
    assert head == b'{"subject":"hutong.disposition.v1.Closed","version":1,"id":10'
    assert schema.endswith(b',"deleted":false}')
    assert json.loads(json.loads(closed.value or b"")["schema"]) == Catalogue.load().schema(10).definition
    assert b'\\"namespace\\":\\"hutong.disposition.v1\\"' in schema


def test_the_whole_catalogue_is_published_once(
    transport: MemoryTransport, producer: Producer, catalogue: Catalogue
) -> None:
    """Every id; a second time writes nothing, and what a compaction or a deletion took away is written again."""
    assert [schema.id for schema in publish(catalogue, transport, producer)] == list(catalogue.schemas)
    assert {each.id: each.subject for each in read(transport)} == {
        schema.id: schema.subject for schema in catalogue.schemas.values()
    }
    assert publish(catalogue, transport, producer) == []
    assert len(records(transport)) == len(catalogue.schemas)
    name = records(transport)[9].key
    producer.send([Outgoing(topic="_schemas", key=name, value=None, partition=0)], timeout=1)
    assert [schema.id for schema in publish(catalogue, transport, producer)] == [10]


def test_a_later_revision_is_added_to_what_is_there(
    transport: MemoryTransport, producer: Producer, small: Catalogue, tmp_path: Path
) -> None:
    (tmp_path / "newer").mkdir()
    publish(small, transport, producer)
    newer = make_catalogue(tmp_path / "newer", FIRST, SECOND, THIRD)
    assert [schema.id for schema in publish(newer, transport, producer)] == [3]
    assert publish(small, transport, producer) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (key_of(1), value_of(1, 1, SECOND)),  # another schema under the name and the id
        (key_of(7), value_of(2, 7, FIRST)),  # under an id of ours
        (key_of(1), value_of(9, 1, FIRST)),  # under a name of ours
    ],
)
def test_what_says_otherwise_of_an_id_stops_publishing(
    transport: MemoryTransport, producer: Producer, small: Catalogue, key: object, value: object
) -> None:
    """Nothing is written then: somebody's bytes would mean two things."""
    put(producer, key, value)
    with pytest.raises(SettingsError, match=r"hutong\.complaint\.v1\.Tried [17] under id"):
        publish(small, transport, producer)
    assert len(records(transport)) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ({"keytype": "NOOP", "magic": 0}, None),
        ({"keytype": "CONFIG", "subject": None, "magic": 0}, {"compatibilityLevel": "NONE"}),
        ("rubbish", "rubbish"),
        (key_of(3), None),
        (key_of(3), "rubbish"),
        (key_of(3), value_of(3, 3, THIRD, deleted=True)),
        (key_of(3), value_of(3, 3, {**THIRD, "name": "Other"})),
        (key_of(3), value_of(3, 3, {"type": "record", "name": "Tried", "fields": 7})),
        (key_of(3), value_of(3, 3, {"type": "map", "values": "string"})),
        (key_of(3), value_of(3, 3, event({"name": "text", "type": "string"}))),
        (key_of(3), value_of(3, 3, None)),
    ],
)
def test_what_is_no_schema_of_the_bus_is_passed_over(
    transport: MemoryTransport, producer: Producer, key: object, value: object
) -> None:
    """A registry's own records, schemas taken back, and anybody's rubbish; it teaches nobody anything."""
    put(producer, key, value)
    assert read(transport) == []
    assert SchemaLog(transport).find(3) is None


def test_an_older_program_reads_an_event_of_a_newer_revision(
    transport: MemoryTransport, producer: Producer, small: Catalogue
) -> None:
    """It looks the id up: fields it lacks are left out, also of a kind it never heard of, a symbol it lacks is
    ``unknown``. Admit does not look."""
    put(producer, key_of(3), value_of(3, 3, TOMORROW))
    value = written(3, TOMORROW, {"note": "more", "mood": "mixed", "reason": "done", "since": "then"})
    models = {"complaint.tried.v1": Tried}
    reading = Codec(small, models, lookup=SchemaLog(transport).find)
    assert reading.decode(value) == ("complaint.tried.v1", Tried(mood=Mood.UNKNOWN, reason="done", note="more"))
    with pytest.raises(InvalidEvent) as refused:
        Codec(small, models).decode(value)
    assert refused.value.code == "unknown_schema"
    with pytest.raises(InvalidEvent) as broken:
        reading.decode(value + b"\x00")  # as strictly as any other
    assert broken.value.code == "undecodable"


@pytest.mark.parametrize(
    ("subject", "definition"),
    [
        ("hutong.complaint.v1.Tried", event({"name": "reason", "type": "boolean"})),  # resolves to nothing we know
        ("hutong.complaint.v1.Tried", event({"name": "a-b", "type": "boolean"})),  # no Avro
        ("hutong.complaint.v1.Brought", {**event({"name": "reason", "type": CODE}), "name": "Brought"}),  # no model
    ],
)
def test_what_is_published_and_fits_no_model_stays_unknown(
    transport: MemoryTransport, producer: Producer, small: Catalogue, subject: str, definition: dict[str, Any]
) -> None:
    put(producer, key_of(3, subject), value_of(3, 3, definition))
    codec = Codec(small, {"complaint.tried.v1": Tried}, lookup=SchemaLog(transport).find)
    with pytest.raises(InvalidEvent) as refused:
        codec.decode(b"\x00\x00\x00\x00\x03\x01")
    assert refused.value.code == "unknown_schema"


def test_what_an_own_id_means_is_never_looked_up(
    transport: MemoryTransport, producer: Producer, small: Catalogue
) -> None:
    """Whoever can write to the topic changes nothing of what this program knows."""
    put(producer, key_of(1), value_of(1, 1, THIRD))

    def never(number: int) -> None:
        raise AssertionError(number)

    codec = Codec(small, {"complaint.tried.v1": Tried}, lookup=never)
    assert codec.decode(written(1, FIRST, {"reason": "done", "mood": "good"}))[1] == Tried(
        mood=Mood.GOOD, reason="done"
    )


def test_a_city_without_the_topic_teaches_nothing(small: Catalogue) -> None:
    """Then an unknown id is what it was before: unknown."""
    assert SchemaLog(MemoryTransport()).find(3) is None
