"""Bytes to events and back: nothing passes that another reader might read otherwise."""

from __future__ import annotations

import resource
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hutong.codec import Codec
from hutong.errors import InvalidEvent
from hutong.events import Clear, EventData, Sealed
from hutong.events.complaint import Filed, Kind
from hutong.events.directory import Level, OrganisationEntry, Registered
from hutong.events.disposition import Accepted, CalledBack, Closed, Dispatched
from hutong.events.words import Instant
from tests.schemas.making import event, make_catalogue

SEALED = Sealed(suite=1, key_id=bytes(16), nonce=bytes(12), ciphertext=b"cipher")


class Tried(EventData):
    """An event of this test alone."""

    TYPE: ClassVar[str] = "complaint.tried.v1"

    at: Instant


def code(codec: Codec, value: bytes) -> str:
    with pytest.raises(InvalidEvent) as raised:
        codec.decode(value)
    return raised.value.code


def framed(codec: Codec, model: EventData, body: bytes) -> bytes:
    return codec.encode(model)[:5] + body


def dispatched(codec: Codec, assistants: bytes) -> bytes:
    """A dispatch to ``nyc`` whose array of assistants is these bytes; ordinary, no instruction."""
    return framed(codec, Dispatched(lead="nyc"), b"\x06nyc" + assistants + b"\x02\x00")


def test_the_frame(codec: Codec) -> None:
    """A value is a zero byte, the schema's id as four bytes, big-endian, and the Avro body, no more."""
    assert codec.encode(Closed(reason="done")) == b"\x00\x00\x00\x00\x0a\x08done"


@pytest.mark.parametrize("value", [b"", b"\x00", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00\x0a\x08done", b"{}hello"])
def test_no_frame(codec: Codec, value: bytes) -> None:
    """What does not begin with the frame is undecodable."""
    assert code(codec, value) == "undecodable"


def test_an_unknown_id(codec: Codec) -> None:
    """An id of no schema here is said to be unknown, not undecodable: the schema may yet come."""
    assert code(codec, b"\x00\x00\x00\x03\xe7\x08done") == "unknown_schema"


@pytest.mark.parametrize("body", [b"\x08done\x00", b"\x08done" * 2, b"\x08don", b"\x08", b""])
def test_too_many_or_too_few_bytes(codec: Codec, body: bytes) -> None:
    """Left-over and missing bytes are undecodable."""
    assert code(codec, framed(codec, Closed(reason="done"), body)) == "undecodable"


@pytest.mark.parametrize(
    "body",
    [
        b"\x07done",  # a negative length
        b"\x88\x00done",  # a length longer than need be
        b"\x08d\xffne",  # no UTF-8
        b"\x08\xed\xa0\x80a",  # a surrogate
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01done",  # 2**63 - 1 bytes
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7fdone",  # beyond 64 bits
        b"\x80" * 60,
    ],
)
def test_lengths_and_text(codec: Codec, body: bytes) -> None:
    """A length that is negative, overlong or beyond the bytes there are, and text that is no UTF-8, is refused."""
    assert code(codec, framed(codec, Closed(reason="done"), body)) == "undecodable"


def test_booleans_enums_and_branches(codec: Codec) -> None:
    """A boolean is 0 or 1; an enum's index has a symbol; a union's index has a branch."""
    model = CalledBack(contacted=True)
    good = [1, 0, 0, 0]
    assert codec.decode(framed(codec, model, bytes(good))) == (model.TYPE, model)
    for place, wrong in ((0, 2), (2, 8), (2, 1), (1, 4), (1, 1), (3, 3)):
        body = bytes([*good[:place], wrong, *good[place + 1 :]])
        assert code(codec, framed(codec, model, body)) == "undecodable"
    for branch in (1, 3, 4):  # the bytes of a boolean follow
        assert code(codec, framed(codec, model, bytes([1, branch, 1, 0, 0]))) == "undecodable"


def test_numbers_stay_in_range(codec: Codec) -> None:
    """An int has 32 bits, and a number no more bytes than it needs."""
    entry = OrganisationEntry(id="nyc", names=(), level=Level.CITY, signing_keys=(), rights=())
    model = Registered(number=1, entry=entry)
    good = codec.encode(model)
    assert good[-1:] == b"\x02"  # partitions = 1 stands last
    for number in (b"\x80\x80\x80\x80\x10", b"\x82\x00", b"\x80" * 10 + b"\x01"):
        assert code(codec, good[:-1] + number) == "undecodable"
    assert code(codec, good[:-1] + b"\x00") == "invalid_data"


def test_arrays_as_other_writers_write_them(codec: Codec) -> None:
    """Blocks with their size in bytes, and several blocks, are Avro as good as one block."""
    expected = Dispatched(lead="nyc", assistants=("nyc.a", "nyc.b"))
    a, b = b"\x0anyc.a", b"\x0anyc.b"
    for array in (b"\x04" + a + b + b"\x00", b"\x03\x18" + a + b + b"\x00", b"\x02" + a + b"\x01\x0c" + b + b"\x00"):
        assert codec.decode(dispatched(codec, array))[1] == expected


@pytest.mark.parametrize(
    "array",
    [
        b"\x03\x1a\x0anyc.a\x0anyc.b\x00",  # a size that does not hold
        b"\x03\x19\x0anyc.a\x0anyc.b\x00",  # a negative size
        b"\x04\x0anyc.a\x00",  # fewer items than counted
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x0anyc.a\x00",  # 2**63 - 1 items
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x0anyc.a\x00",  # -2**63 items
        b"\x02\x0anyc.a",  # no end
    ],
)
def test_counts_and_sizes(codec: Codec, array: bytes) -> None:
    """A count beyond the bytes there are, or a block size that does not hold, is refused."""
    assert code(codec, dispatched(codec, array)) == "undecodable"


def test_an_array_has_at_most_a_thousand_items(codec: Codec) -> None:
    """Over all its blocks; neither read nor written. An item of one byte would cost its reader a thousand."""
    a = b"\x06nyc"
    full = b"\x80\x0f" + a * 960 + b"\x50" + a * 40 + b"\x00"
    assert len(codec.decode(dispatched(codec, full))[1].assistants) == 1000  # type: ignore[attr-defined]
    for array in (b"\x80\x0f" + a * 960 + b"\x52" + a * 41 + b"\x00", b"\xa0\x8d\x06" + b"\x00" * 50_000 + b"\x00"):
        assert code(codec, dispatched(codec, array)) == "undecodable"
    with pytest.raises(InvalidEvent, match="more than 1000 items"):
        codec.encode(Dispatched(lead="nyc", assistants=("nyc",) * 1001))


def test_endless_numbers_and_arrays_end(codec: Codec) -> None:
    """A number or an array that claims to go on for ever is given up at once, not when time or memory is."""
    with pytest.raises(InvalidEvent, match="too long"):
        codec.decode(framed(codec, Closed(reason="done"), b"\x80" * 200_000))
    entry = OrganisationEntry(id="nyc", names=(), level=Level.CITY, signing_keys=(bytes(32),), rights=())
    good = codec.encode(Registered(number=1, entry=entry))
    one_key = b"\x02" + bytes(32)
    assert one_key in good
    endless = good.replace(one_key, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" + bytes(32))
    assert code(codec, endless) == "undecodable"


def test_giants_allocate_nothing(codec: Codec) -> None:
    """Lengths and counts of a gigabyte and more are refused without taking memory for them."""
    giant = b"\x80\x80\x80\x80\x08"  # 2**30
    values = [
        framed(codec, Closed(reason="done"), giant + b"x" * 1000),
        dispatched(codec, giant + b"\x00" * 1000),
        dispatched(codec, b"\x81\x80\x80\x80\x08" + giant + b"\x00" * 1000),
        framed(codec, Accepted(contact=SEALED), b"\x02\x02" + bytes(28) + giant + b"x" * 1000),
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    try:
        for value in values:
            assert code(codec, value) == "undecodable"
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


def test_rules_of_the_model_hold_for_bytes(codec: Codec) -> None:
    """Avro that breaks a kind is invalid data, and the error names the field without quoting it."""
    with pytest.raises(InvalidEvent) as raised:
        codec.decode(framed(codec, Closed(reason="done"), b"\x10My Notes"))
    assert raised.value.code == "invalid_data"
    assert "reason" in raised.value.text
    assert "Notes" not in raised.value.text


def test_clear_content_is_never_encoded(codec: Codec) -> None:
    """A field that is not sealed yet cannot become bytes."""
    data = Accepted(contact=Clear("张三"))
    with pytest.raises(InvalidEvent, match="contact") as raised:
        codec.encode(data)
    assert raised.value.code == "not_sealed"
    assert "张三" not in str(raised.value)


def test_what_was_built_past_the_checks_is_not_encoded(codec: Codec) -> None:
    """pydantic's ways around validation end at the codec."""
    for data in (
        Closed(reason="done").model_copy(update={"reason": "My Notes"}),
        Closed.model_construct(reason="My Notes"),
        Closed(reason="done").model_copy(update={"note": "more"}),
    ):
        with pytest.raises(InvalidEvent) as raised:
            codec.encode(data)
        assert raised.value.code == "invalid_data"
        assert "Notes" not in str(raised.value)


def test_no_event_of_the_catalogue(codec: Codec) -> None:
    """A model of another catalogue is refused, also if it calls itself by a known type."""

    class Other(EventData):
        TYPE: ClassVar[str] = "disposition.closed.v1"

        reason: str

    for data in (Other(reason="done"), Tried(at=datetime.now(UTC))):
        with pytest.raises(InvalidEvent) as raised:
            codec.encode(data)
        assert raised.value.code == "unknown_schema"


def test_moments_on_the_wire(tmp_path: Path) -> None:
    """A moment travels as UTC milliseconds, whatever this machine's time zone; absurd ones are refused."""
    schema = event({"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}})
    codec = Codec(make_catalogue(tmp_path, schema), {"complaint.tried.v1": Tried})
    data = Tried(at=datetime(2023, 11, 15, 0, 0, 0, 123456, tzinfo=UTC))
    assert codec.encode(data) == b"\x00\x00\x00\x00\x01" + zigzag(1700006400123)
    assert codec.decode(codec.encode(data))[1] == data
    for far in (2**63 - 1, -(2**63), 253402300800000):
        assert code(codec, b"\x00\x00\x00\x00\x01" + zigzag(far)) == "undecodable"
    naive = Tried.model_construct(at=datetime(2023, 11, 15))  # noqa: DTZ001
    with pytest.raises(InvalidEvent, match="timezone"):
        codec.encode(naive)


def zigzag(number: int) -> bytes:
    """Avro's variable-length form of a long."""
    folded = (number << 1) ^ (number >> 63)
    out = bytearray()
    while folded > 0x7F:
        out.append(folded & 0x7F | 0x80)
        folded >>= 7
    return bytes(out) + bytes([folded])


def test_decoded_types(codec: Codec) -> None:
    """What comes out are enums, tuples and sealed values, equal to what went in."""
    data: Any = Filed(kind=Kind.PRAISE, channel="phone", category="housing", area="110105", identity=SEALED, place=None)
    _, back = codec.decode(codec.encode(data))
    assert isinstance(back, Filed)
    assert back == data
    assert back.kind is Kind.PRAISE
    assert back.identity == SEALED
