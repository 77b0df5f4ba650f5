"""What the city writes beside an event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong.errors import InvalidEvent
from hutong.transport import Header
from hutong.wire.stamps import (
    AudienceStamp,
    DeliveryStamp,
    LedgerStamp,
    RefusalStamp,
    SubmissionStamp,
    pack_record,
    unpack_record,
)

STAMPS = [
    SubmissionStamp(generation=1, partition=2, offset=3),
    LedgerStamp(generation=1, partition=2, sequence=3, admitted_ms=4, directory=5, audience_hash=b"h" * 32),
    AudienceStamp(salt=b"s" * 16, participants=("110000", "110105"), matches=("110000.audit",)),
    RefusalStamp(code="bad_header", text="标题 'x'", returned_to="110000.water", binding=True),
    DeliveryStamp(stream="refusals", partition=2, n=7),
]
Stamp = SubmissionStamp | LedgerStamp | AudienceStamp | RefusalStamp | DeliveryStamp


@pytest.mark.parametrize("stamp", STAMPS, ids=lambda stamp: type(stamp).__name__)
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
