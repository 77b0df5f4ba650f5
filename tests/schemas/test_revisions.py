"""Revisions of a schema meet in the newest model."""

from __future__ import annotations

from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from pydantic import Field

from hutong.codec import Codec
from hutong.events import EventData
from hutong.events.words import Code
from tests.schemas.making import event, make_catalogue

CODE = {"type": "string", "kind": "code"}


def mood(*symbols: str) -> dict[str, Any]:
    return {"type": "enum", "name": "Mood", "symbols": ["unknown", *symbols], "default": "unknown"}


FIRST = event({"name": "reason", "type": CODE}, {"name": "mood", "type": mood("good", "odd")})
SECOND = event(
    {"name": "note", "type": ["null", CODE], "default": None},
    {"name": "mood", "type": mood("good", "bad")},
    {"name": "reason", "type": CODE},
)


class Mood(StrEnum):
    """What the second revision knows; the first's ``odd`` is gone, ``bad`` is new."""

    UNKNOWN = "unknown"
    GOOD = "good"
    BAD = "bad"


class Tried(EventData):
    """The newest revision's model."""

    TYPE: ClassVar[str] = "complaint.tried.v1"

    note: Code | None = None
    mood: Annotated[Mood, Field(strict=False)]
    reason: Code


@pytest.fixture
def codec(tmp_path: Path) -> Codec:
    return Codec(make_catalogue(tmp_path, FIRST, SECOND), {"complaint.tried.v1": Tried})


def written(number: int, schema: dict[str, Any], value: dict[str, Any]) -> bytes:
    out = BytesIO()
    schemaless_writer(out, parse_schema(schema), value, strict=True)
    return b"\x00" + number.to_bytes(4, "big") + out.getvalue()


def test_an_old_event_comes_out_as_the_newest(codec: Codec) -> None:
    """What the first revision wrote gets the defaults and the order of the second."""
    old = written(1, FIRST, {"reason": "done", "mood": "good"})
    assert codec.decode(old) == ("complaint.tried.v1", Tried(mood=Mood.GOOD, reason="done"))


def test_a_symbol_the_reader_lacks_is_unknown(codec: Codec) -> None:
    """An enum's symbol that the newest revision lacks becomes ``unknown``."""
    old = written(1, FIRST, {"reason": "done", "mood": "odd"})
    assert codec.decode(old)[1] == Tried(mood=Mood.UNKNOWN, reason="done")


def test_writing_is_in_the_newest(codec: Codec) -> None:
    """What is encoded carries the newest revision's id, and an older reader reads it."""
    data = Tried(mood=Mood.BAD, reason="done", note="more")
    value = codec.encode(data)
    assert value[:5] == b"\x00\x00\x00\x00\x02"
    assert codec.decode(value) == ("complaint.tried.v1", data)
    read: Any = schemaless_reader(BytesIO(value[5:]), parse_schema(SECOND), parse_schema(FIRST))
    assert read == {"reason": "done", "mood": "unknown"}
