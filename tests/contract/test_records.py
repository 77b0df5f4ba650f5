"""What is sent is what is read: order, partitions, headers, placement, bounds."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hutong import errors
from hutong.transport import Outgoing, Partition, Placed
from hutong.transport.partition import partition_of
from tests.contract.bench import Bench, read, read_to_end, until


def test_order(bench: Bench) -> None:
    """Records of one partition are read in the order they were sent, over any number of sends."""
    topic = bench.topic()
    producer = bench.opened(bench.transport.producer(client_id="test"))
    values = [b"%d" % i for i in range(300)]
    for at in range(0, 300, 100):
        producer.send([Outgoing(topic=topic, key=b"k", value=v) for v in values[at : at + 100]], timeout=10)
    found = read(bench.reader(Partition(topic, 0)), 300)
    assert [r.value for r in found] == values
    assert [r.offset for r in found] == list(range(300))


def test_placement(bench: Bench) -> None:
    """The result of a send says where each record lies, in the order given."""
    topic = bench.topic(3)
    producer = bench.opened(bench.transport.producer(client_id="test"))
    keys = [b"ticket-%d" % i for i in range(20)]
    placed = producer.send([Outgoing(topic=topic, key=k, value=k) for k in keys], timeout=10)
    assert [p.partition for p in placed] == [partition_of(k, 3) for k in keys]
    assert {p.partition for p in placed} == {0, 1, 2}
    found = read(bench.reader(*[Partition(topic, n) for n in range(3)]), 20)
    assert {(r.partition, r.offset): r.value for r in found} == {
        (p.partition, p.offset): k for p, k in zip(placed, keys, strict=True)
    }


def test_named_partition(bench: Bench) -> None:
    """A record that names its partition goes there, whatever its key says."""
    topic = bench.topic(4)
    producer = bench.opened(bench.transport.producer(client_id="test"))
    elsewhere = (partition_of(b"k", 4) + 1) % 4
    placed = producer.send([Outgoing(topic=topic, key=b"k", value=b"v", partition=elsewhere)], timeout=10)
    assert placed == [Placed(partition=elsewhere, offset=0)]


def test_headers(bench: Bench) -> None:
    """Headers keep their order, and names may repeat."""
    topic = bench.topic()
    headers = (("b", b"1"), ("a", b"\x00\xff"), ("b", b""), ("诉求", b"2"))
    producer = bench.opened(bench.transport.producer(client_id="test"))
    producer.send([Outgoing(topic=topic, key=b"k", value=b"v", headers=headers)], timeout=10)
    assert read(bench.reader(Partition(topic, 0)), 1)[0].headers == headers


def test_names_that_end_in_c(bench: Bench) -> None:
    """A NUL in a header's name ends nothing: it is spelt out, and what follows it is there."""
    topic = bench.topic()
    producer = bench.opened(bench.transport.producer(client_id="test"))
    producer.send([Outgoing(topic=topic, key=b"k", value=b"v", headers=(("a\0b", b"1"), ("c", b"2")))], timeout=10)
    assert read(bench.reader(Partition(topic, 0)), 1)[0].headers == ((r"a\x00b", b"1"), ("c", b"2"))


def test_nulls(bench: Bench) -> None:
    """A null key and a null value are read as None, empty ones as empty."""
    topic = bench.topic()
    producer = bench.opened(bench.transport.producer(client_id="test"))
    pairs = [(None, b"v"), (b"k", None), (b"", b"")]
    producer.send([Outgoing(topic=topic, key=k, value=v, partition=0) for k, v in pairs], timeout=10)
    assert [(r.key, r.value) for r in read(bench.reader(Partition(topic, 0)), 3)] == pairs


def test_keyless_needs_partition(bench: Bench) -> None:
    """A record with neither key nor partition has nowhere to go: an error of the caller, nothing is sent."""
    topic = bench.topic()
    producer = bench.opened(bench.transport.producer(client_id="test"))
    records = [Outgoing(topic=topic, key=b"k", value=b"v"), Outgoing(topic=topic, key=None, value=b"v")]
    with pytest.raises(ValueError, match="key or a partition"):
        producer.send(records, timeout=10)
    assert producer.send(records[:1], timeout=10)[0].offset == 0


def test_timestamp(bench: Bench) -> None:
    """A record's timestamp is the time of sending, in milliseconds."""
    topic = bench.topic()
    before = int(time.time() * 1000)
    bench.send(topic, b"v")
    assert before <= read(bench.reader(Partition(topic, 0)), 1)[0].timestamp_ms <= time.time() * 1000


def test_oversized(bench: Bench) -> None:
    """A record larger than its topic takes is an InvalidEvent of code too_large, and is not written."""
    topic = bench.topic(config={"max.message.bytes": "50000"})
    producer = bench.opened(bench.transport.producer(client_id="test"))
    with pytest.raises(errors.InvalidEvent, match=topic) as raised:
        producer.send([Outgoing(topic=topic, key=b"k", value=os.urandom(60_000))], timeout=10)
    assert raised.value.code == "too_large"
    assert producer.send([Outgoing(topic=topic, key=b"k", value=b"small")], timeout=10)[0].offset == 0


def test_missing_topic(bench: Bench) -> None:
    """Sending to a topic that does not exist is a SettingsError that names it; none is made by the way."""
    missing = bench.name("missing")
    producer = bench.opened(bench.transport.producer(client_id="test"))
    with pytest.raises(errors.SettingsError, match=missing):
        producer.send([Outgoing(topic=missing, key=b"k", value=b"v")], timeout=1)
    assert missing not in bench.transport.topics()


def test_missing_partition(bench: Bench) -> None:
    """Sending to a partition that its topic does not have is a SettingsError."""
    topic = bench.topic(2)
    producer = bench.opened(bench.transport.producer(client_id="test"))
    with pytest.raises(errors.SettingsError, match="no partition 2"):
        producer.send([Outgoing(topic=topic, key=b"k", value=b"v", partition=2)], timeout=10)


def test_send_nothing(bench: Bench) -> None:
    """Sending no records gives no places."""
    assert bench.opened(bench.transport.producer(client_id="test")).send([], timeout=10) == []


def test_poll_limit(bench: Bench) -> None:
    """A poll gives at most max_records, the next one goes on where it stopped."""
    topic = bench.topic()
    bench.send(topic, *[b"%d" % i for i in range(10)])
    reader = bench.reader(Partition(topic, 0))
    sizes: list[int] = []
    while sum(sizes) < 10:
        sizes += [len(records) for records in reader.poll(5.0, max_records=4).values()]
    assert sizes == [4, 4, 2]


def test_poll_waits(bench: Bench) -> None:
    """A poll of an empty partition waits its time and gives nothing."""
    reader = bench.reader(Partition(bench.topic(), 0))
    before = time.monotonic()
    assert reader.poll(0.3) == {}
    assert time.monotonic() - before >= 0.29


def test_seek_pause_resume(bench: Bench) -> None:
    """A seek sets what is read next; a paused partition is left out until it is resumed."""
    topic = bench.topic(2)
    bench.send(topic, b"a0", b"a1", partition=0)
    bench.send(topic, b"b0", b"b1", partition=1)
    a, b = Partition(topic, 0), Partition(topic, 1)
    reader = bench.reader(a, b)
    reader.pause(a)
    assert [r.value for r in read(reader, 2)] == [b"b0", b"b1"]
    assert reader.position(a) == 0
    assert reader.assignment() == {a, b}
    reader.resume(a)
    reader.seek(b, 1)
    assert {r.value for r in read(reader, 3)} == {b"a0", b"a1", b"b1"}
    assert (reader.position(a), reader.position(b)) == (2, 2)


def test_seek_while_paused(bench: Bench) -> None:
    """A partition that is sought in a pause stays paused, and goes on from there when it is resumed."""
    topic = bench.topic()
    bench.send(topic, b"0", b"1", b"2")
    a = Partition(topic, 0)
    reader = bench.reader(a)
    read(reader, 3)
    reader.pause(a)
    reader.seek(a, 1)
    assert reader.poll(0.3) == {}
    reader.seek(a, 2)
    reader.resume(a)
    assert [r.value for r in read(reader, 1)] == [b"2"]


def test_pause_keeps_fetched(bench: Bench) -> None:
    """Records fetched before a pause come after the resume, none twice."""
    topic = bench.topic()
    bench.send(topic, *[b"%d" % i for i in range(6)])
    a = Partition(topic, 0)
    reader = bench.reader(a)
    first = reader.poll(10.0, max_records=2)[a]
    reader.pause(a)
    assert reader.poll(0.1) == {}
    reader.resume(a)
    assert [r.offset for r in first + read(reader, 4)] == [0, 1, 2, 3, 4, 5]


def test_unassigned(bench: Bench) -> None:
    """Seeking, pausing or asking the position of a partition that is not assigned is an error of the caller."""
    topic = bench.topic(2)
    reader = bench.reader(Partition(topic, 0))
    for call in (reader.pause, reader.resume, reader.position, lambda p: reader.seek(p, 0)):
        with pytest.raises(ValueError, match="not assigned"):
            call(Partition(topic, 1))


def test_assign_counts(bench: Bench) -> None:
    """Each assign replaces the assignment, keeps the position of what stays, and counts as a generation."""
    topic = bench.topic(2)
    bench.send(topic, b"a", b"b")
    a, b = Partition(topic, 0), Partition(topic, 1)
    reader = bench.reader(a)
    generation = reader.generation
    read(reader, 2)
    reader.assign([a, b])
    assert reader.generation == generation + 1
    assert reader.assignment() == {a, b}
    assert reader.position(a) == 2


@pytest.mark.parametrize(("start", "expected"), [("earliest", 0), ("latest", 2)])
def test_start(bench: Bench, start: str, expected: int) -> None:
    """Where nothing is committed, a consumer begins where it was told to."""
    topic = bench.topic()
    bench.send(topic, b"a", b"b")
    reader = bench.reader(Partition(topic, 0), group=bench.name("group"), start=start)
    assert reader.position(Partition(topic, 0)) == expected


@pytest.mark.parametrize("offset", [1, 99])
def test_out_of_range(bench: Bench, offset: int) -> None:
    """A position before the beginning or after the end is reported with the bounds, again and again, never reset."""
    topic = bench.topic()
    a = Partition(topic, 0)
    bench.send(topic, *[b"%d" % i for i in range(6)])
    bench.backend.truncate(a, 3)
    reader = bench.reader(a)
    assert (reader.beginning(a), reader.end(a)) == (3, 6)
    reader.seek(a, offset)
    for _ in range(2):
        with pytest.raises(errors.OutOfRange) as raised:
            read(reader, 1)
        assert (raised.value.offset, raised.value.begin, raised.value.end) == (offset, 3, 6)
    reader.seek(a, 3)
    assert [r.offset for r in read(reader, 3)] == [3, 4, 5]


def test_start_after_retention(bench: Bench) -> None:
    """Earliest means the first record still there."""
    topic = bench.topic()
    bench.send(topic, b"a", b"b", b"c")
    bench.backend.truncate(Partition(topic, 0), 2)
    assert [r.value for r in read(bench.reader(Partition(topic, 0)), 1)] == [b"c"]


def test_read_to_end(bench: Bench) -> None:
    """Position reaches the high watermark also where the last thing in the log is a transaction's marker."""
    topic = bench.topic()
    writer = bench.opened(bench.transport.transactional(client_id="test", transactional_id=bench.name("id")))
    writer.write([Outgoing(topic=topic, key=b"k", value=b"v")], timeout=10)
    reader = bench.reader(Partition(topic, 0))
    until(lambda: reader.end(Partition(topic, 0)) == 2, "the record and its marker")
    assert [r.value for r in read_to_end(reader, Partition(topic, 0))] == [b"v"]
    assert reader.position(Partition(topic, 0)) == reader.end(Partition(topic, 0)) == 2


def test_threads(bench: Bench) -> None:
    """Threads may share a producer: each learns where its own records lie."""
    topic = bench.topic()
    producer = bench.opened(bench.transport.producer(client_id="test"))

    def send(thread: int) -> dict[int, bytes]:
        placed: dict[int, bytes] = {}
        for i in range(10):
            values = [b"%d-%d-%d" % (thread, i, j) for j in range(3)]
            records = [Outgoing(topic=topic, key=b"k", value=v) for v in values]
            placed.update(zip((p.offset for p in producer.send(records, timeout=10)), values, strict=True))
        return placed

    with ThreadPoolExecutor(4) as pool:
        placed = {offset: value for each in pool.map(send, range(4)) for offset, value in each.items()}
    assert {r.offset: r.value for r in read(bench.reader(Partition(topic, 0)), 120)} == placed
