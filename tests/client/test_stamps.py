"""What the city writes beside an event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong.errors import InvalidEvent
from hutong.transport import Header
from hutong.wire.stamps import (
    MAX_KEPT_BYTES,
    AudienceStamp,
    DeliveryStamp,
    LedgerStamp,
    RefusalStamp,
    SubmissionStamp,
    kept_of_record,
    pack_record,
    unpack_record,
)

STAMPS = [
    SubmissionStamp(generation=1, partition=2, offset=3),
    LedgerStamp(generation=1, partition=2, sequence=3, admitted_ms=4, directory=5, audience_hash=b"h" * 32),
    AudienceStamp(salt=b"s" * 16, participants=("110000", "110105"), matches=("110000.audit",)),
    RefusalStamp(code="bad_header", text="标题 'x'", returned_to="110000.water", binding=True),
    DeliveryStamp(stream="refusals", partition=2, n=7),
    RefusalStamp(code="too_large", text="x", cut=True),
]
Stamp = SubmissionStamp | LedgerStamp | AudienceStamp | RefusalStamp | DeliveryStamp


@pytest.mark.parametrize("stamp", STAMPS, ids=str)
def test_a_stamp_comes_back_and_every_cut_of_it_is_refused(stamp: Stamp) -> None:
    """Bytes are read back whole; cut short anywhere, or with a byte left over, they are no stamp."""
    raw = stamp.to_bytes()
    assert type(stamp).from_bytes(raw) == stamp
    for wrong in (*(raw[:end] for end in range(len(raw))), raw + b"\x00"):
        with pytest.raises(InvalidEvent, match="bad_stamp"):
            type(stamp).from_bytes(wrong)


def test_an_unknown_stream_is_refused() -> None:
    """A delivery from a stream that nobody knows is no delivery."""
    with pytest.raises(InvalidEvent, match="unknown stream 9"):
        DeliveryStamp.from_bytes(b"\x09" + bytes(12))


_bytes = st.binary(max_size=20)
_names = st.text(max_size=8)


@given(st.none() | _bytes, st.none() | _bytes, st.lists(st.tuples(_names, _bytes), max_size=4))
def test_any_record_is_kept_whole(key: bytes | None, value: bytes | None, headers: list[Header]) -> None:
    """Key, value and headers of any record come back as they stood, null or empty as they may be."""
    assert unpack_record(pack_record(key, value, headers)) == (key, value, tuple(headers))


def test_what_is_too_large_is_kept_in_part_and_everything_else_whole() -> None:
    """Whatever decompresses to much more than the topic takes is cut to something small; up to there nothing is."""
    whole: tuple[bytes, bytes, tuple[Header, ...]] = (b"k", bytes(MAX_KEPT_BYTES - 100), (("a", b"b"),))
    assert kept_of_record(*whole) == whole
    bombs: list[tuple[bytes | None, bytes | None, tuple[Header, ...]]] = [
        (b"k", bytes(8 * 1024 * 1024), ()),
        (bytes(8 * 1024 * 1024), b"v", ()),
        (None, None, (("", b""),) * 500_000),
        (b"k", b"v", (("\\xff" * 400_000, b""),)),
    ]
    for bomb in bombs:
        kept = kept_of_record(*bomb)
        assert kept != bomb
        assert len(pack_record(*kept)) < 150_000
