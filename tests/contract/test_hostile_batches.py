"""Batches as no client library makes them, on a real broker: read in bounded memory, or said to be unreadable."""

from __future__ import annotations

import tracemalloc

import pytest

from hutong.transport import Partition, Record
from hutong.transport.kafka.unpack import MAX_UNPACKED
from tests.contract.bench import Bench
from tests.hostile.raw import batch, pack, produce, record, varint, zstd_of_zeros

MB = 1024 * 1024


def send(bench: Bench, bootstrap: str, *batches: bytes) -> Partition:
    """A fresh topic that keeps batches as they came, with these on it."""
    topic = bench.topic(config={"compression.type": "producer", "max.message.bytes": str(MB)})
    for one in batches:
        assert produce(bootstrap, topic, 0, one).code == 0
    return Partition(topic, 0)


def read(bench: Bench, place: Partition, offset: int) -> list[Record]:
    """Everything up to an offset."""
    reader, found = bench.reader(place, strangers=True), list[Record]()
    while reader.position(place) <= offset:
        found += reader.poll(0.2).get(place, [])
    return found


LAST = batch(record(b"k", b"after"), 1)


@pytest.mark.parametrize("codec", ["none", "gzip", "lz4"])
def test_codecs_that_are_read(real: Bench, bootstrap: str, codec: str) -> None:
    """Batches of several records in each of our codecs are read as they are."""
    records = b"".join(record(b"k", b"v" * 300, [("a", b"1")], delta) for delta in range(3))
    place = send(real, bootstrap, batch(pack(records, codec), 3, codec), LAST)
    found = read(real, place, 3)
    assert [(r.offset, r.value, r.headers, r.unreadable) for r in found[:3]] == [
        (n, b"v" * 300, (("a", b"1"),), "") for n in range(3)
    ]
    assert found[3].value == b"after"


@pytest.mark.parametrize("codec", ["snappy", "zstd"])
def test_codecs_that_are_not_read(real: Bench, bootstrap: str, codec: str) -> None:
    """One record stands for the whole batch and says why; what comes behind it is read."""
    two = record(b"k", b"v") + record(b"k", b"w", delta=1)
    packed = zstd_of_zeros(two, 0) if codec == "zstd" else pack(two, codec)
    place = send(real, bootstrap, batch(packed, 2, codec), LAST)
    [stands, after] = read(real, place, 2)
    assert (stands.offset, stands.key, stands.value, stands.headers) == (1, None, None, ())
    assert "codec" in stands.unreadable
    assert (after.offset, after.value, after.unreadable) == (2, b"after", "")


@pytest.mark.parametrize("codec", ["gzip", "lz4"])
def test_a_bomb_is_unpacked_to_the_limit(real: Bench, bootstrap: str, codec: str) -> None:
    """200 MB in a packed megabyte cost a few times 8 MiB; records before the limit are read, the rest is one."""
    records = record(b"k", b"first") + record(b"k", bytes(200 * MB), delta=1) + record(b"k", b"third", delta=2)
    place = send(real, bootstrap, batch(pack(records, codec), 3, codec), LAST)
    del records
    tracemalloc.start()
    found = read(real, place, 3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(r.offset, r.value) for r in found] == [(0, b"first"), (2, None), (3, b"after")]
    assert found[1].unreadable == f"its batch unpacks to more than {MAX_UNPACKED} bytes"
    assert peak < 5 * MAX_UNPACKED


def test_a_poll_holds_few_large_records(real: Bench, bootstrap: str) -> None:
    """Forty records of 1 MB, packed to nothing, come in several polls of at most 8 MiB and a record each."""
    one = batch(pack(record(b"k", bytes(MB - 100)), "gzip"), 1, "gzip")
    place = send(real, bootstrap, *[one] * 40)
    reader, polls = real.reader(place, strangers=True), list[int]()
    while sum(polls) < 40:
        polls.append(len(reader.poll(0.2).get(place, [])))
    assert max(polls) <= 9


def test_a_claim_is_not_believed(real: Bench, bootstrap: str) -> None:
    """A length of 2 GB in a batch that the broker took costs nothing, and is no record."""
    body = b"\x00" + varint(0) + varint(0) + varint(1) + b"k" + varint(2**31 - 100) + b"v"
    claim = batch(pack(varint(2**31 - 80) + body, "gzip"), 1, "gzip")
    topic = real.topic(config={"compression.type": "producer"})
    code = produce(bootstrap, topic, 0, claim).code
    assert code != 0 or read(real, Partition(topic, 0), 0)[0].unreadable


def test_many_strange_names_in_one_batch(real: Bench, bootstrap: str) -> None:
    """20,000 header names that are not UTF-8 in one batch are read in the time of one copy of it, not of 20,000."""
    records = b"".join(record(b"k", b"v", [(b"\xff", b"")], delta) for delta in range(20_000))
    place = send(real, bootstrap, batch(records, 20_000))
    found = read(real, place, 19_999)
    assert {r.headers for r in found} == {((r"\xff", b""),)}
