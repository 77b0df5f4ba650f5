"""Hostile headers, keys and times: repeated, missing, foreign, not text, far away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hutong.event import STAMPS_OF_A_REFUSAL
from hutong.transport.kafka.records import MAX_HEADERS
from hutong.transport.partition import partition_of
from hutong.wire.envelope import OPTIONAL, REQUIRED, RESERVED, SIGNATURE
from hutong.wire.stamps import MAX_KEPT_HEADERS
from tests.hostile.forging import CITY, GONE, WATER, add, drop, fresh_ticket, put
from tests.hostile.raw import batch, pack, record, zstd_of_zeros
from tests.hostile.test_values import STRANGE
from tests.hostile.town import FILED, Town

many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refused(town: Town, code: str, returned_to: str = CITY, **parts: object) -> None:
    """The good complaint with these parts is refused so, twice, and told once."""
    event = town.signed(town.wish(FILED, **parts))
    for told in (returned_to, ""):
        [outcome] = town.throw(event)
        assert (outcome.code, outcome.returned_to) == (code, told)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_headers_that_only_the_city_writes(town: Town, name: str) -> None:
    """Whatever they say, before or behind the author's own."""
    refused(town, "reserved_header", edit=add((name, b"")))
    refused(town, "reserved_header", edit=lambda headers: [(name, bytes(64)), *headers])


@pytest.mark.parametrize(
    "name", ["system", "deadletter", "control", "Signature", "ce_ID", "ce_id ", "", "ce_dataschema"]
)
def test_headers_that_are_not_of_the_format(town: Town, name: str) -> None:
    """Those of dead letters, too, and names that only look like ours."""
    refused(town, "unknown_header", edit=add((name, b"{}")))


@pytest.mark.parametrize("name", [*REQUIRED, *OPTIONAL])
def test_repeated_headers(town: Town, name: str) -> None:
    """With the same content or another; the first source is the one that must have signed."""
    again = b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00" if name == "ce_traceparent" else b"0" * 64
    once = add((name, again)) if name in OPTIONAL else tuple
    refused(town, "repeated_header", edit=lambda headers: [*once(headers), (name, again)])


@pytest.mark.parametrize("name", REQUIRED)
def test_missing_headers(town: Town, name: str) -> None:
    """Without a source nobody can be told."""
    refused(town, "missing_header", "" if name == "ce_source" else CITY, edit=drop(name))


@many
@given(name=st.binary(min_size=1, max_size=20).filter(lambda raw: raw.decode("utf-8", "ignore").encode() != raw))
@example(name=b"\xff")
@example(name=b"\xed\xa0\x80")
@example(name=b"ce_id\xc0\x80")
def test_header_names_that_are_no_utf8(town: Town, name: bytes) -> None:
    """Nobody could sign them: they are read escaped, and kept so."""
    event = town.signed(town.wish(FILED))
    packed = record(event.key, event.value, [*event.headers, (name, b"1")])
    [outcome] = town.throw_bytes(batch(packed, 1))
    assert outcome.code == "unknown_header"
    assert outcome.returned_to == ""


@many
@given(name=st.sampled_from([*REQUIRED, *OPTIONAL]), raw=st.binary(max_size=100))
@example(name="ce_source", raw=b"\xff")
@example(name="ce_time", raw=b"\xd9\xa2026-01-31T00:00:00.000Z")
@example(name="ce_id", raw=b"")
@example(name="ce_id", raw=b"a\x00b")
@example(name="ce_id", raw="a\u202eb".encode())
@example(name="content-type", raw=b"application/json")
def test_any_bytes_as_a_headers_content(town: Town, name: str, raw: bytes) -> None:
    """One of few reasons, each for its header."""
    possible = {
        "ce_source": {"foreign_author", "unknown_organisation", "unknown_key", "bad_header", "missing_header"},
        "ce_subject": {"wrong_key", "bad_header"},
        "ce_type": {"wrong_type", "bad_header"},
    }.get(name, {"bad_header"})
    [outcome] = town.throw(town.wish(FILED, edit=put(name, raw)))
    assert outcome.code in possible or (outcome.code == "admitted" and name == "ce_id")


@pytest.mark.parametrize("strange", STRANGE, ids=ascii)
@pytest.mark.parametrize("name", ["ce_id", "ce_causationid", "ce_traceparent", "ce_specversion", "content-type"])
def test_characters_that_act_in_a_header(town: Town, name: str, strange: str) -> None:
    """Refused, and the text that says so shows none of them (the town looks)."""
    refused(town, "bad_header", edit=put(name, b"a" + strange.encode() + b"b"))


@pytest.mark.parametrize("strange", STRANGE, ids=ascii)
def test_characters_that_act_in_the_name_of_a_header(town: Town, strange: str) -> None:
    """The same. A NUL comes spelt out, for want of a client library in C that tells it, so what was signed is not what
    is read, and nobody is known whom to tell."""
    refused(town, "unknown_header", "" if strange == "\0" else CITY, edit=add((f"a{strange}b", b"")))


@pytest.mark.parametrize(
    "time",
    [b"0000-01-01T00:00:00.000Z", b"2026-02-30T00:00:00.000Z", b"2026-01-31T24:00:00.000Z", b"2026-01-31T23:59:60.000Z",
     b"2026-01-31T00:00:00.000+00:00", b"2026-01-31T00:00:00Z", b"20260131T000000.000Z", b"99999-01-01T00:00:00.000Z"],
)  # fmt: skip
def test_times_that_are_none(town: Town, time: bytes) -> None:
    """Not of our form, or on no clock; the same on every Python."""
    refused(town, "bad_header", edit=put("ce_time", time))


def test_times_that_are_far_away(town: Town) -> None:
    """The end and the beginning of all years, and just beyond the limits."""
    now = datetime.now(UTC)
    for time in (datetime.max.replace(tzinfo=UTC), now + timedelta(minutes=6)):
        refused(town, "time_ahead", time=time)
    for time in (datetime.min.replace(tzinfo=UTC), now - timedelta(days=7, minutes=1)):
        refused(town, "time_past", time=time)


TICKETS = [
    "120000-20260131-0123456789", "nyc-20260131-0123456789", "110000-20260131-012345678", "110000-20260131-01234567890",
    "110000-20260231-0123456789", "110000-20260131-ILOU456789", "110000-20260131-0123456789\n", "110000.water", "", "-",
    "110105-20260131-0123456789", "a" * 60_000, "-" * 60_000, "1" * 60_000 + "-20260131-0123456789",
]  # fmt: skip


@pytest.mark.parametrize("ticket", TICKETS, ids=lambda ticket: ascii(ticket[:30]))
def test_tickets_of_other_cities_and_of_none(town: Town, ticket: str) -> None:
    """Well signed, in the partition of their key, and not ours."""
    [outcome] = town.throw(town.wish(FILED, subject=ticket))
    assert outcome.code == "bad_ticket"


@pytest.mark.parametrize("key", [None, b"", b"x", b"110000-20260131-0123456789", b"\xff" * 100])
def test_keys_that_are_not_the_ticket(town: Town, key: bytes | None) -> None:
    """Also none at all, under which Kafka would spread a ticket over partitions."""
    refused(town, "wrong_key", key=key)


def test_a_record_of_nothing(town: Town) -> None:
    """Neither key nor value, yet signed: its author is told, and deliver lives. (It once could not send that.)"""
    refused(town, "wrong_key", key=None, value=None)
    town.deliver()
    [outcome] = town.throw_bytes(batch(record(None, None), 1))
    assert (outcome.code, outcome.returned_to) == ("missing_header", "")
    assert town.throw_bytes(batch(record(None, None, [(b"", None)]), 1))[0].code == "unknown_header"


def test_another_partition_than_the_keys(town: Town) -> None:
    """In each that is not its own, told once in each."""
    event = town.signed(town.wish(FILED))
    codes = {town.throw(event, partition=number)[0].code for number in range(2)}
    assert codes == {"wrong_partition", "admitted"}


def test_sources_that_are_not_of_the_city(town: Town) -> None:
    """Other cities, nobody, the revoked, and names that look like ours."""
    for source, code in {
        "120000": "foreign_author",
        "nyc": "foreign_author",
        "": "foreign_author",
        "110000.nobody": "unknown_organisation",
        "110000 ": "foreign_author",
        "110000.": "unknown_organisation",
        GONE: "revoked_organisation",
    }.items():
        [outcome] = town.throw(town.wish(FILED, source=source, signer=GONE if source == GONE else "stranger"))
        assert (outcome.code, outcome.returned_to) == (code, "")


def test_many_headers(town: Town) -> None:
    """Of more than 128 a record is not even read, those around it are; of more than 100 it is kept in part."""
    event = town.signed(town.wish(FILED))
    place = partition_of(event.key or b"", 2)
    few, many = ([(b"x%d" % n, b"") for n in range(count)] for count in (110, 200_000))
    packed = [record(event.key, event.value, [*event.headers, *some], at) for at, some in enumerate((few, many, ()))]
    outcomes = town.throw_bytes(batch(b"".join(packed), 3), place)
    assert [outcome.code for outcome in outcomes] == ["unknown_header", "unreadable", "admitted"]
    cut = outcomes[0].refusal
    assert cut is not None
    assert cut.refusal is not None
    assert cut.refusal.cut


def test_what_comes_back_can_be_read(town: Town) -> None:
    """As many headers as are kept whole, with the city's and a dead letter's, are fewer than a reader takes."""
    more = [(f"x{n}", b"") for n in range(MAX_KEPT_HEADERS - 8)]
    [outcome] = town.throw(town.wish(FILED, edit=add(*more)))
    assert (outcome.code, outcome.returned_to) == ("unknown_header", CITY)
    assert MAX_KEPT_HEADERS + len(STAMPS_OF_A_REFUSAL) + len(("system", "deadletter")) <= MAX_HEADERS


def test_headers_beside_the_signature_are_not_its_business(town: Town) -> None:
    """A second signature header is refused, and told once, however many forgers add one to a good event."""
    event = town.signed(town.wish(FILED, source=WATER, signer=WATER, subject=fresh_ticket()))
    told = []
    for more in (b"", b"x", bytes(300)):
        [outcome] = town.throw(replace(event, headers=(*event.headers, (SIGNATURE, more))))
        assert outcome.code == "repeated_header"
        told.append(outcome.returned_to)
    assert told == [WATER, "", ""]


def test_a_flood_of_garbage_leaves_nothing_in_the_state(town: Town) -> None:
    """What binds nobody and was told nobody is on the refusals alone; and the directory is read once for a batch."""
    store = town.city._shifts[0].owner._store  # type: ignore[attr-defined]
    rows = "select count(*) from refusal"
    before = store.file.db.execute(rows).fetchone()
    reads: list[int] = []
    reader = town.city._shifts[0].owner._reader  # type: ignore[attr-defined]
    refresh = reader.refresh

    def counted() -> object:
        reads.append(1)
        return refresh()

    reader.refresh = counted
    garbage = [town.signed(town.wish(FILED, source="110000.nobody", signer="stranger")) for _ in range(200)]
    outcomes = town.throw(*garbage, partition=0)
    reader.refresh = refresh
    assert {outcome.code for outcome in outcomes} == {"unknown_organisation"}
    assert store.file.db.execute(rows).fetchone() == before
    assert len(reads) <= 1


@pytest.mark.parametrize("codec", ["zstd", "snappy", "gzip"])
def test_batches_that_cannot_be_read(town: Town, codec: str) -> None:
    """Another codec, or more than is unpacked: one refusal for the rest of the batch, which says so and is nobody's."""
    packed = zstd_of_zeros(b"", 1000) if codec == "zstd" else pack(record(b"k", bytes(9_000_000)), codec)
    [outcome] = town.throw_bytes(batch(packed, 1, codec))
    assert (outcome.code, outcome.returned_to) == ("unreadable", "")
    assert outcome.refusal is not None
    assert outcome.refusal.refusal is not None
    assert outcome.refusal.refusal.cut
