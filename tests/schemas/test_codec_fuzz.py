"""Whatever the bytes: an event comes out, or InvalidEvent."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from fastavro import parse_schema, schemaless_reader
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hutong.catalogue import SCHEMAS, Catalogue
from hutong.codec import Codec
from hutong.errors import InvalidEvent
from hutong.events import MODELS

CATALOGUE = Catalogue.load()
CODEC = Codec(CATALOGUE)
CODES = {"unknown_schema", "undecodable", "invalid_data"}


def valid(number: int) -> bytes:
    schema = CATALOGUE.schema(number)
    path = (SCHEMAS / schema.file).with_name("example.json")
    return CODEC.encode(MODELS[schema.type].model_validate(json.loads(path.read_text(encoding="utf-8"))))


VALID = {number: valid(number) for number in CATALOGUE.schemas}
numbers = st.sampled_from(sorted(VALID))


def holds(value: bytes) -> None:
    """Decode ``value``; what is accepted is what plain fastavro reads, to the last byte."""
    try:
        type_, data = CODEC.decode(value)
    except InvalidEvent as error:
        assert error.code in CODES  # noqa: PT017
        return
    body = BytesIO(value[5:])
    schema = CATALOGUE.schema(int.from_bytes(value[1:5], "big"))
    plain = schemaless_reader(body, parse_schema(schema.definition), None)
    assert body.read() == b""
    assert (type_, data) == (schema.type, MODELS[schema.type].model_validate(plain))
    assert CODEC.decode(CODEC.encode(data)) == (type_, data)


@settings(max_examples=300, deadline=None)
@given(value=st.binary(max_size=200))
@example(value=b"\x00\x00\x00\x00\x01")
def test_any_bytes(value: bytes) -> None:
    """Random bytes raise nothing but InvalidEvent."""
    holds(value)


@settings(max_examples=500, deadline=None)
@given(number=numbers, body=st.binary(max_size=200))
def test_any_body_under_a_known_id(number: int, body: bytes) -> None:
    """Random bytes under a true frame raise nothing but InvalidEvent."""
    holds(b"\x00" + number.to_bytes(4, "big") + body)


@settings(max_examples=1000, deadline=None)
@given(number=numbers, drawn=st.data())
def test_mutated_events(number: int, drawn: st.DataObject) -> None:
    """A valid event with bytes changed, cut, doubled or put in raises nothing but InvalidEvent."""
    value = bytearray(VALID[number])
    for _ in range(drawn.draw(st.integers(1, 3))):
        at = drawn.draw(st.integers(5, max(len(value) - 1, 5)))
        upto = drawn.draw(st.integers(at, min(at + 4, len(value))))
        value[at:upto] = drawn.draw(st.binary(max_size=4) | st.just(bytes(value[at:upto]) * 2))
    holds(bytes(value))


@pytest.mark.parametrize("number", sorted(VALID))
def test_every_cut(number: int) -> None:
    """An event cut anywhere is undecodable."""
    for end in range(len(VALID[number])):
        with pytest.raises(InvalidEvent) as raised:
            CODEC.decode(VALID[number][:end])
        assert raised.value.code == "undecodable"
