"""Hostile values: whatever stands behind a good signature, admit says which rule it breaks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hutong.catalogue import SCHEMAS, Catalogue
from hutong.codec import Codec
from hutong.events import MODELS
from hutong.wire.envelope import MAX_EVENT_BYTES
from tests.hostile.raw import varint
from tests.hostile.town import DISPATCHED, FILED, Town

CATALOGUE = Catalogue.load()
CODEC = Codec(CATALOGUE)


def example_of(number: int) -> bytes:
    schema = CATALOGUE.schema(number)
    text = (SCHEMAS / schema.file).with_name("example.json").read_text(encoding="utf-8")
    return CODEC.encode(MODELS[schema.type].model_validate(json.loads(text)))


VALID = {number: example_of(number) for number in CATALOGUE.schemas}
numbers = st.sampled_from(sorted(VALID))
many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

HEAD = VALID[3][:5] + varint(12) + b"110000.water"
"""A dispatch up to its array of assistants."""
TAIL = b"\x02\x00"
GOOD = varint(1) + varint(6) + b"110000" + b"\x00"


def code_of(town: Town, number: int, value: bytes, **parts: Any) -> str:
    """What admit says of the value under a good signature; it says so again of the same bytes."""
    wish = town.wish(value=value, **({"type": CATALOGUE.schema(number).type} | parts))
    event = town.signed(wish)
    [first] = town.throw(event)
    [again] = town.throw(event)
    assert again.code == ("known" if first.code == "admitted" else first.code)
    assert again.returned_to == ""
    return first.code


@many
@given(number=numbers, drawn=st.data())
def test_a_truncated_value_is_undecodable(town: Town, number: int, drawn: st.DataObject) -> None:
    """An event of any type, cut anywhere."""
    cut = drawn.draw(st.integers(0, len(VALID[number]) - 1))
    assert code_of(town, number, VALID[number][:cut]) == "undecodable"


@many
@given(number=numbers, more=st.binary(min_size=1, max_size=50))
@example(number=1, more=b"\x00")
def test_bytes_left_over_are_undecodable(town: Town, number: int, more: bytes) -> None:
    """Whatever stands behind a whole value."""
    assert code_of(town, number, VALID[number] + more) == "undecodable"


@pytest.mark.parametrize("size", [MAX_EVENT_BYTES, 700_000])
def test_an_oversized_value_is_too_large(town: Town, size: int) -> None:
    """Before anybody looks into it; its author is told."""
    [outcome] = town.throw(town.wish(value=bytes(size)))
    assert (outcome.code, outcome.returned_to) == ("too_large", "110000")


@many
@given(number=st.integers(0, 2**32 - 1).filter(lambda number: number not in VALID), body=st.binary(max_size=30))
def test_an_unknown_schema_id(town: Town, number: int, body: bytes) -> None:
    """It may come to be known, so nothing is said of the body, and nothing binds."""
    wish = town.wish(value=b"\x00" + number.to_bytes(4, "big") + body)
    [outcome] = town.throw(wish)
    assert outcome.code == "unknown_schema"
    assert outcome.refusal is not None
    assert outcome.refusal.refusal is not None
    assert not outcome.refusal.refusal.binding


@many
@given(number=numbers, other=numbers)
def test_a_wrong_schema_id(town: Town, number: int, other: int) -> None:
    """The bytes of one type under the id of another are never taken for either."""
    if number == other:
        return
    value = VALID[other][:5] + VALID[number][5:]
    assert code_of(town, number, value) in {"undecodable", "invalid_data", "wrong_type"}
    assert code_of(town, other, VALID[number]) == "wrong_type"


ARRAYS = {
    "a negative count without its block size": varint(-1),
    "a negative count that is too large": varint(-(2**62)) + varint(4) + b"\x00",
    "the smallest count there is": b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + GOOD,
    "a giant count": varint(2**62),
    "a giant count of nothing": varint(2**31) + b"\x00" * 1000,
    "a count one too large": varint(2) + varint(6) + b"110000\x00",
    "a block size that does not hold": varint(-1) + varint(3) + varint(6) + b"110000\x00",
    "a negative block size": varint(-1) + varint(-8) + varint(6) + b"110000\x00",
    "a giant block size": varint(-1) + varint(2**40) + varint(6) + b"110000\x00",
    "blocks without end": (varint(1) + varint(6) + b"110000") * 900,
    "an overlong count": b"\x82\x80\x00" + varint(6) + b"110000\x00",
    "a count of eleven bytes": b"\x82" + b"\x80" * 10 + b"\x00",
    "an overlong length": varint(1) + b"\x8c\x00" + b"110000\x00",
    "a negative length": varint(1) + varint(-6) + b"110000\x00",
    "a giant length": varint(1) + varint(2**60) + b"110000\x00",
    "nested as deep as there are bytes": b"\x02" * 200_000,
    "too many items": varint(1001) + (varint(6) + b"110000") * 1001 + b"\x00",
    "items of nothing": varint(200_000) + b"\x00" * 200_000 + b"\x00",
    "no UTF-8": varint(1) + varint(6) + b"11\xff000\x00",
    "a surrogate": varint(1) + varint(6) + b"\xed\xa0\x80000\x00",
}


@pytest.mark.parametrize("what", ARRAYS)
def test_arrays_that_lie(town: Town, what: str) -> None:
    """Counts, lengths and sizes are believed no further than the bytes that are there."""
    assert code_of(town, 3, HEAD + ARRAYS[what] + TAIL) == "undecodable"


STRANGE = [
    "\x00",
    "\x1b[2J",
    "\u202e",
    "\u2066",
    "\u061c",
    "\u200b",
    "\ufeff",
    "\u2028",
    "\x7f",
    "\x85",
    "\n",
    "\U000e0041",
]


@pytest.mark.parametrize("strange", STRANGE, ids=ascii)
def test_characters_that_act_are_invalid_data(town: Town, strange: str) -> None:
    """Controls, bidi overrides, invisible characters and NUL in any plain text, wherever they stand in it."""
    for text in (strange, f"ab{strange}", f"{strange}ab", f"a{strange}b"):
        raw = text.encode()
        value = VALID[3][:5] + varint(len(raw)) + raw + GOOD + TAIL
        assert code_of(town, 3, value) == "invalid_data"


@many
@given(text=st.text(max_size=80))
def test_any_text_where_a_code_belongs(town: Town, text: str) -> None:
    """It is taken, or it is invalid data; the refusal does not repeat it."""
    raw = text.encode()
    number = CATALOGUE.id_of("disposition.closed.v1")
    event = town.signed(town.wish(type="disposition.closed.v1", value=VALID[number][:5] + varint(len(raw)) + raw))
    [outcome] = town.throw(event)
    assert outcome.code in {"invalid_data", "unknown_ticket"}
    if outcome.code == "invalid_data" and len(text) > 8:
        assert outcome.refusal is not None
        assert text not in str(outcome.refusal.refusal)


def test_a_type_that_is_none_of_a_tickets(town: Town) -> None:
    """A directory event on submissions is no step of a ticket, whoever signed it."""
    for number, schema in CATALOGUE.schemas.items():
        if schema.type.startswith("directory."):
            assert code_of(town, number, VALID[number]) == "unknown_type"


def test_a_value_of_another_type_than_it_says(town: Town) -> None:
    """ce_type and the schema id must agree."""
    assert code_of(town, 1, CODEC.encode(FILED), type="complaint.answered.v1") == "wrong_type"
    assert code_of(town, 3, CODEC.encode(DISPATCHED), type="complaint.filed.v1") == "wrong_type"
