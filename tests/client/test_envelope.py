"""The author's headers, read strictly."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hutong.errors import InvalidEvent
from hutong.transport import Header
from hutong.wire.envelope import RESERVED, Attributes, Submission, format_time, parse_time

GOOD = Attributes(
    id="a",
    source="110000",
    type="complaint.filed.v1",
    subject="110000-20260101-0123456789",
    time=datetime(2026, 1, 1, tzinfo=UTC),
    causation="0" * 64,
    traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
).headers()


def read(headers: tuple[Header, ...]) -> Attributes:
    return Submission(key=b"k", value=b"v", headers=headers).attributes()


def changed(name: str, value: bytes) -> tuple[Header, ...]:
    return tuple((n, value if n == name else v) for n, v in GOOD)


def test_attributes_come_back_as_they_were_written() -> None:
    """Writing and reading are inverse, and the headers are sorted by name."""
    assert read(GOOD).headers() == GOOD
    assert [name for name, _ in GOOD] == sorted(name for name, _ in GOOD)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_an_author_cannot_write_what_the_city_writes(name: str) -> None:
    """Each of the city's headers is refused as reserved."""
    with pytest.raises(InvalidEvent, match=name) as caught:
        read((*GOOD, (name, b"x")))
    assert caught.value.code == "reserved_header"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ((*GOOD, ("ce_extra", b"x")), "unknown_header"),
        ((*GOOD, GOOD[0]), "repeated_header"),
        ((*GOOD, ("signature", b"a"), ("signature", b"b")), "repeated_header"),
        (tuple(h for h in GOOD if h[0] != "ce_time"), "missing_header"),
        (changed("ce_specversion", b"0.3"), "bad_header"),
        (changed("content-type", b"application/json"), "bad_header"),
        (changed("ce_id", b""), "bad_header"),
        (changed("ce_id", "é".encode()), "bad_header"),
        (changed("ce_time", b"2026-01-01T00:00:00Z"), "bad_header"),
        (changed("ce_time", b"2026-02-30T00:00:00.000Z"), "bad_header"),
        (changed("ce_causationid", b"0" * 63), "bad_header"),
        (changed("ce_traceparent", b"nonsense"), "bad_header"),
    ],
)
def test_each_fault_has_its_reason(headers: tuple[Header, ...], code: str) -> None:
    """Unknown, repeated, missing and malformed headers are told apart."""
    with pytest.raises(InvalidEvent) as caught:
        read(headers)
    assert caught.value.code == code


def test_times_are_utc_with_milliseconds() -> None:
    """An aware time survives to the millisecond; one without a zone never reaches the wire."""
    moment = datetime(2026, 7, 1, 8, 30, 0, 123456, tzinfo=UTC)
    assert format_time(moment) == "2026-07-01T08:30:00.123Z"
    assert parse_time(format_time(moment)) == moment.replace(microsecond=123000)
    with pytest.raises(ValueError, match="without a zone"):
        format_time(datetime(2026, 7, 1))  # noqa: DTZ001


def test_the_fingerprint_depends_on_every_part() -> None:
    """Key, value, a header's value, and the environment each change it; the order of headers does not."""
    event = Submission(key=b"k", value=b"v", headers=GOOD)
    others = [
        Submission(key=b"K", value=b"v", headers=GOOD),
        Submission(key=b"k", value=b"V", headers=GOOD),
        Submission(key=b"kv", value=b"", headers=GOOD),
        Submission(key=b"k", value=b"v", headers=changed("ce_id", b"b")),
    ]
    prints = {event.fingerprint("test"), event.fingerprint("production"), *(o.fingerprint("test") for o in others)}
    assert len(prints) == 6
    assert Submission(key=b"k", value=b"v", headers=GOOD[::-1]).fingerprint("test") == event.fingerprint("test")
