"""Models and Avro schemas say the same, in both directions."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from hutong.catalogue import SCHEMAS, Catalogue
from hutong.codec import Codec
from hutong.events import MODELS, EventData
from tests.schemas.shapes import shape_of_model, shape_of_schema
from tests.schemas.values import values

CATALOGUE = Catalogue.load()
TYPES = sorted(CATALOGUE.types | MODELS.keys())


def newest(type_: str) -> Any:
    return CATALOGUE.schema(CATALOGUE.id_of(type_)).definition


def example(type_: str) -> Any:
    path = (SCHEMAS / CATALOGUE.schema(CATALOGUE.id_of(type_)).file).with_name("example.json")
    return json.loads(path.read_text(encoding="utf-8"))


def through_plain_fastavro(data: EventData, codec: Codec) -> Any:
    return schemaless_reader(BytesIO(codec.encode(data)[5:]), parse_schema(newest(data.TYPE)), None)


def test_every_type_has_a_schema_and_a_model() -> None:
    """Every schema has a model, and every model a schema."""
    assert CATALOGUE.types == MODELS.keys()


@pytest.mark.parametrize("type_", TYPES)
def test_shapes_are_equal(type_: str) -> None:
    """Fields, their order, types, kinds, nullability, defaults and seals of a model are those of its schema."""
    model, schema = shape_of_model(MODELS[type_], CATALOGUE.kinds), shape_of_schema(newest(type_))
    assert model == schema
    assert list(model[2]) == list(schema[2])


@pytest.mark.parametrize("type_", TYPES)
def test_sealed_fields_are_those_of_the_schema(type_: str) -> None:
    """A model names its sealed fields with the class of key that the schema gives them."""
    seals = {field["name"]: field["seal"] for field in newest(type_)["fields"] if "seal" in field}
    assert MODELS[type_].sealed_fields() == seals


@pytest.mark.parametrize("type_", TYPES)
def test_the_example_goes_round(type_: str, codec: Codec) -> None:
    """A type's example makes a model that survives Avro and JSON, and uses every field."""
    data = MODELS[type_].model_validate(example(type_))
    assert codec.decode(codec.encode(data)) == (type_, data)
    assert json.loads(data.model_dump_json(exclude_unset=True)) == example(type_)
    assert MODELS[type_].model_validate_json(data.model_dump_json()) == data
    assert data.model_fields_set == MODELS[type_].model_fields.keys()


@pytest.mark.parametrize("type_", TYPES)
@settings(max_examples=25, deadline=None)
@given(drawn=st.data())
def test_what_the_schema_allows_the_model_takes(type_: str, drawn: st.DataObject, codec: Codec) -> None:
    """Any value of the schema whose strings are of their kinds is decoded, unchanged."""
    value = drawn.draw(values(shape_of_schema(newest(type_)), CATALOGUE.kinds))
    out = BytesIO()
    schemaless_writer(out, parse_schema(newest(type_)), value, strict=True)
    framed = b"\x00" + CATALOGUE.id_of(type_).to_bytes(4, "big") + out.getvalue()
    decoded_type, data = codec.decode(framed)
    assert decoded_type == type_
    assert through_plain_fastavro(data, codec) == value
    assert codec.encode(data) == framed


@pytest.mark.parametrize("type_", TYPES)
@settings(max_examples=25, deadline=None)
@given(drawn=st.data())
def test_what_the_model_allows_the_schema_takes(type_: str, drawn: st.DataObject, codec: Codec) -> None:
    """Any instance of the model, also with fields left to their defaults, is encoded and decoded as it was."""
    shape = shape_of_model(MODELS[type_], CATALOGUE.kinds)
    data = MODELS[type_].model_validate(drawn.draw(values(shape, CATALOGUE.kinds, leave_out=True)))
    assert codec.decode(codec.encode(data)) == (type_, data)
