"""What the models promise to those who write and those who log events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from hutong.events import Clear, EventData, Sealed
from hutong.events.complaint import Filed, Kind
from hutong.events.directory import PublicKey
from hutong.events.disposition import Accepted, CalledBack, Dispatched, Urgency
from hutong.events.words import Instant

SECRET = "张三 13800000000"
SEALED = Sealed(suite=1, key_id=bytes(16), nonce=bytes(12), ciphertext=b"cipher")


def filed(**fields: Any) -> Filed:
    return Filed.model_validate(
        {"kind": "help", "channel": "phone", "category": "housing", "area": "110105026"} | fields
    )


@pytest.mark.parametrize("content", [SECRET, {"name": SECRET}, [SECRET]])
def test_clear_shows_nothing(content: Any) -> None:
    """Text that awaits sealing shows in no repr and no string, of itself or of its event."""
    data = filed(narrative=content)
    assert data.narrative == Clear(content)
    assert repr(data.narrative) == str(data.narrative) == "Clear(…)"
    assert SECRET not in repr(data) + str(data)


def test_clear_is_never_written_out() -> None:
    """An event with clear content can neither be dumped nor written as JSON, and the error is silent about it."""
    for write in (Filed.model_dump, Filed.model_dump_json):
        with pytest.raises(Exception, match="not sealed yet") as raised:
            write(filed(narrative=SECRET))
        assert SECRET not in str(raised.value)


@pytest.mark.parametrize("field", ["category", "kind", "area", "source", "narrative", "enterprise"])
def test_errors_do_not_quote(field: str) -> None:
    """What a model refuses does not show in the error."""
    with pytest.raises(ValidationError) as raised:
        filed(**{field: {1: SECRET} if field == "narrative" else SECRET})
    assert field in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "content", [{1: "a"}, float("nan"), float("inf"), {"a"}, ("a",), b"a", "\ud800", {"a": ("b",)}]
)
def test_clear_takes_json_only(content: Any) -> None:
    """What JSON cannot carry unchanged is refused when it is given, not when it is sealed."""
    with pytest.raises(ValueError, match="JSON can carry"):
        Clear(content)


def test_clear_is_a_copy() -> None:
    """Changing an object after giving it changes nothing in the event."""
    place = {"address": "1"}
    data = filed(place=place)
    place["address"] = "2"
    assert data.place == Clear({"address": "1"})


def test_sealed_in_its_json_form_is_sealed() -> None:
    """An object with exactly a sealed field's names is taken as sealed, with bytes in hexadecimal."""
    assert Accepted.model_validate({"contact": SEALED.model_dump(mode="json")}).contact == SEALED


def test_nothing_unknown_and_nothing_converted() -> None:
    """Unknown fields, and values of another type, are errors."""
    for wrong in ({"x": 1}, {"enterprise": 1}, {"channel": 1}, {"kind": "unheard_of"}, {"narrative": 1}):
        with pytest.raises(ValidationError):
            filed(**wrong)


def test_frozen_and_hashable() -> None:
    """An event's data never changes, so two that are equal are one in a set."""
    with pytest.raises(ValidationError, match="frozen"):
        filed().kind = Kind.REPORT  # type: ignore[misc]
    assert len({Dispatched(lead="nyc.dep"), Dispatched(lead="nyc.dep", assistants=())}) == 1


def test_keys_are_exactly_32_bytes() -> None:
    """A public key has 32 bytes, given raw or in hexadecimal."""
    adapter = TypeAdapter(PublicKey)
    assert adapter.validate_python("00" * 32) == adapter.validate_python(bytes(32)) == bytes(32)
    for wrong in (bytes(31), bytes(33), "00" * 31, "zz" * 32):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


def test_moments() -> None:
    """A moment without a time zone is refused; others become UTC, cut off at the millisecond."""
    adapter = TypeAdapter(Instant)
    with pytest.raises(ValidationError, match="timezone"):
        adapter.validate_python(datetime(2023, 11, 15, 8))  # noqa: DTZ001
    beijing = datetime(2023, 11, 15, 8, 0, 0, 123999, tzinfo=timezone(timedelta(hours=8)))
    moment = adapter.validate_python(beijing)
    assert moment == datetime(2023, 11, 15, 0, 0, 0, 123000, tzinfo=UTC)
    assert moment.utcoffset() == timedelta(0)


def test_defaults_say_the_least() -> None:
    """What is left out is the ordinary case, and never a claim."""
    assert Dispatched(lead="110000.water").urgency is Urgency.ORDINARY
    assert CalledBack(contacted=False).resolved is None
    assert filed().enterprise is False


def test_only_marked_fields_are_sealed() -> None:
    """The base has none, so a model without marks seals nothing."""
    assert dict(EventData.sealed_fields()) == {}
