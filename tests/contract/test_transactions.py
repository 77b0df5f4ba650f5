"""A transaction is visible whole or not at all, and only its id's latest owner writes."""

from __future__ import annotations

import os

import pytest

from hutong import errors
from hutong.transport import Bounds, Outgoing, Partition, Placed, Position, TopicSpec, TransactionalProducer
from tests.contract.bench import Bench, read, read_to_end, until


def owner(bench: Bench, transactional_id: str) -> TransactionalProducer:
    """A producer that owns this id from now on."""
    producer: TransactionalProducer = bench.opened(
        bench.transport.transactional(client_id="test", transactional_id=transactional_id)
    )
    return producer


def test_whole(bench: Bench) -> None:
    """All records of a write are visible to committed readers, over topics and partitions."""
    ledger, refusals = bench.topic(2), bench.topic()
    where = [Partition(ledger, 0), Partition(ledger, 1), Partition(refusals, 0)]
    owner(bench, bench.name("id")).write(
        [Outgoing(topic=p.topic, key=b"k", value=b"%d" % i, partition=p.number) for i, p in enumerate(where)],
        timeout=10,
    )
    assert {r.value for r in read(bench.reader(*where), 3)} == {b"0", b"1", b"2"}


def test_markers_take_offsets(bench: Bench) -> None:
    """Each transaction takes up one more offset than it has records: readers must not count on dense offsets."""
    topic = bench.topic()
    writer = owner(bench, bench.name("id"))
    placed = [writer.write([Outgoing(topic=topic, key=b"k", value=value)], timeout=10) for value in (b"a", b"b")]
    assert [r.offset for r in read(bench.reader(Partition(topic, 0)), 2)] == [0, 2]
    assert placed == [[Placed(partition=0, offset=0)], [Placed(partition=0, offset=2)]]


def test_where_it_must_begin(bench: Bench) -> None:
    """A write whose first record does not lie where its writer knows it must is not committed, and its producer is of
    no use any more. What the writer says of partitions it does not write to does not matter."""
    topic, name = bench.topic(2), bench.name("id")
    a, b = Partition(topic, 0), Partition(topic, 1)
    record = Outgoing(topic=topic, key=b"k", value=b"v", partition=0)
    writer = owner(bench, name)
    writer.write([record, record], begins={a: 0, b: 7}, timeout=10)
    writer.write([record], begins={a: 3}, timeout=10)
    with pytest.raises(errors.UnknownOutcome, match=f"{topic}/0 goes on at 5, but was read to its end at 4"):
        writer.write([record], begins={a: 4}, timeout=10)
    with pytest.raises(errors.UnknownOutcome):
        writer.write([record], timeout=10)
    owner(bench, name).write([record], begins={a: 7}, timeout=10)
    assert [r.offset for r in read_to_end(bench.reader(a), a)] == [0, 1, 3, 7]


def test_nothing(bench: Bench) -> None:
    """A write of nothing does nothing."""
    topic = bench.topic()
    assert owner(bench, bench.name("id")).write([], timeout=10) == []
    assert bench.reader().end(Partition(topic, 0)) == 0


def test_open_one_is_hidden(bench: Bench) -> None:
    """Records of an open transaction are hidden from committed readers, and so is all that comes after them."""
    topic = bench.topic()
    a = Partition(topic, 0)
    bench.send(topic, b"before")
    bench.hang(topic, b"hanging")
    bench.send(topic, b"after")
    committed = bench.reader(a)
    assert [r.value for r in read(committed, 1)] == [b"before"]
    assert committed.poll(0.3) == {}
    assert [r.value for r in read(bench.reader(a, committed=False), 3)] == [b"before", b"hanging", b"after"]


def test_high_watermark(bench: Bench) -> None:
    """The end is the high watermark behind an open transaction too, for committed readers as for others."""
    topic = bench.topic()
    a = Partition(topic, 0)
    bench.send(topic, b"before")
    bench.hang(topic, b"x", b"y")
    assert bench.reader(a).end(a) == 3
    assert bench.reader(a, committed=False).end(a) == 3
    assert bench.reader(a, start="latest").position(a) == 1


def test_fencing_unblocks(bench: Bench) -> None:
    """The successor's creation aborts what its killed predecessor left open, and readers go on."""
    topic = bench.topic()
    a = Partition(topic, 0)
    name = bench.hang(topic, b"hanging")
    bench.send(topic, b"after")
    reader = bench.reader(a)
    assert reader.poll(0.2) == {}
    owner(bench, name)
    assert [r.value for r in read(reader, 1)] == [b"after"]
    assert reader.end(a) == 3


def test_fenced(bench: Bench) -> None:
    """The former owner's write raises Fenced, nothing of it ever appears, and it stays fenced."""
    topic = bench.topic()
    a = Partition(topic, 0)
    name = bench.name("id")
    former = owner(bench, name)
    former.write([Outgoing(topic=topic, key=b"k", value=b"first")], timeout=10)
    successor = owner(bench, name)
    for _ in range(2):
        with pytest.raises(errors.Fenced, match=name):
            former.write([Outgoing(topic=topic, key=b"k", value=b"zombie")], timeout=10)
    successor.write([Outgoing(topic=topic, key=b"k", value=b"second")], timeout=10)
    assert [r.value for r in read_to_end(bench.reader(a), a)] == [b"first", b"second"]


def test_ids_are_apart(bench: Bench) -> None:
    """Owners of different ids do not fence each other."""
    topic = bench.topic()
    one, other = owner(bench, bench.name("id")), owner(bench, bench.name("id"))
    for writer in (one, other, one):
        writer.write([Outgoing(topic=topic, key=b"k", value=b"v")], timeout=10)
    read(bench.reader(Partition(topic, 0)), 3)


@pytest.mark.parametrize("bad", ["missing", "oversized"])
def test_refused_record(bench: Bench, bad: str) -> None:
    """One record that cannot be written spoils the transaction: UnknownOutcome, nothing visible, no further use."""
    good = bench.topic()
    small = bench.topic(config={"max.message.bytes": "50000"})
    topic = small if bad == "oversized" else bench.name("missing")
    name = bench.name("id")
    writer = owner(bench, name)
    records = [
        Outgoing(topic=good, key=b"k", value=b"good"),
        Outgoing(topic=topic, key=b"k", value=os.urandom(60_000)),
    ]
    with pytest.raises(errors.UnknownOutcome, match=name):
        writer.write(records, timeout=3)
    with pytest.raises(errors.UnknownOutcome, match="of no use"):
        writer.write(records[:1], timeout=3)
    owner(bench, name).write([Outgoing(topic=good, key=b"k", value=b"next")], timeout=10)
    assert [r.value for r in read_to_end(bench.reader(Partition(good, 0)), Partition(good, 0))] == [b"next"]


def test_positions(bench: Bench) -> None:
    """Positions written in a transaction are the group's, with their metadata, also without any record."""
    topic, out = bench.topic(), bench.topic()
    a, group = Partition(topic, 0), bench.name("group")
    bench.send(topic, b"a", b"b")
    reader = bench.reader(group=group)
    reader.subscribe([topic])
    read(reader, 2)
    writer = owner(bench, bench.name("id"))
    writer.write(
        [Outgoing(topic=out, key=b"k", value=b"v")],
        positions={a: Position(offset=1, metadata="one")},
        consumer=reader,
        timeout=10,
    )
    assert reader.committed(a) == Position(offset=1, metadata="one")
    writer.write([], positions={a: Position(offset=2)}, consumer=reader, timeout=10)
    until(lambda: bench.transport.groups(group) == {a: Position(offset=2)}, "the second position")
    assert [r.value for r in read(bench.reader(Partition(out, 0)), 1)] == [b"v"]


def test_positions_after_rebalance(bench: Bench) -> None:
    """Positions of a group that has rebalanced meanwhile fail the transaction: no records, no positions."""
    topic, out = bench.topic(), bench.topic()
    a, group = Partition(topic, 0), bench.name("group")
    settings = {"group": group, "instance": "same"}
    former = bench.reader(**settings)
    former.subscribe([topic])
    until(lambda: not former.poll(0.05) and bool(former.assignment()), "the first member's partition")
    successor = bench.reader(**settings)
    successor.subscribe([topic])
    until(lambda: not successor.poll(0.05) and bool(successor.assignment()), "the second member's partition")
    name = bench.name("id")
    with pytest.raises((errors.Fenced, errors.UnknownOutcome)):
        owner(bench, name).write(
            [Outgoing(topic=out, key=b"k", value=b"v")],
            positions={a: Position(offset=0)},
            consumer=former,
            timeout=10,
        )
    owner(bench, name)
    assert read_to_end(bench.reader(Partition(out, 0)), Partition(out, 0)) == []
    assert successor.committed(a) is None


def test_sweep(bench: Bench) -> None:
    """It shows nothing, moves no position, knows where its partitions end, and is not for whom another has fenced."""
    topic, name, group = bench.topic(2), bench.name("id"), bench.name("group")
    a, b = Partition(topic, 0), Partition(topic, 1)
    reader, record = bench.reader(group=group), Outgoing(topic=topic, key=b"k", value=b"v", partition=0)
    former = owner(bench, name)
    former.write([record], timeout=10)
    assert former.sweep([a, b], inputs=[a], consumer=reader, timeout=10) == {a: 4, b: 2}
    ends = former.sweep([a, b], inputs=[a], consumer=reader, timeout=10)
    former.write([record], begins=ends, timeout=10)
    assert [r.value for r in read_to_end(bench.reader(a), a)] == [b"v", b"v"]
    assert read_to_end(bench.reader(b), b) == []
    assert reader.committed(a) is None
    owner(bench, name)
    with pytest.raises(errors.Fenced, match=name):
        former.sweep([a], timeout=10)
    with pytest.raises(errors.Fenced, match="of no use"):
        former.write([record], timeout=10)


def test_positions_need_a_consumer(bench: Bench) -> None:
    """Positions without the consumer that read them are an error of the caller."""
    with pytest.raises(ValueError, match="consumer"):
        owner(bench, bench.name("id")).write([], positions={Partition("t", 0): Position(offset=1)}, timeout=10)


def test_many_new_topics(bench: Bench) -> None:
    """The first write to a hundred topics learns all of them at once."""
    names = [bench.name("many") for _ in range(100)]
    bench.transport.create([TopicSpec(name=name, partitions=1, replication=1, config={}) for name in names])
    writer = owner(bench, bench.name("id"))
    writer.write([Outgoing(topic=name, key=b"k", value=b"v") for name in names], timeout=5)
    reader = bench.reader()  # a broker writes the last topics' markers a moment after the commit
    until(lambda: reader.end(Partition(names[-1], 0)) == 2, "the record and its marker")


def test_bounds_show_an_open_transaction(bench: Bench) -> None:
    """Its first offset is the end of what is stable; once it is ended, stable and end are one again."""
    topic = bench.topic(2)
    a, b = Partition(topic, 0), Partition(topic, 1)
    bench.send(topic, b"before")
    name = bench.hang(topic, b"x", b"y")
    bench.send(topic, b"after")
    found = bench.transport.bounds([a, b])
    assert found == {a: Bounds(begin=0, stable=1, end=4), b: Bounds(begin=0, stable=0, end=0)}
    owner(bench, name)
    until(lambda: bench.transport.bounds([a])[a] == Bounds(begin=0, stable=5, end=5), "the transaction's end")
    bench.backend.truncate(a, 1)
    assert bench.transport.bounds([a])[a].begin == 1


def test_bounds_of_what_is_not_there(bench: Bench) -> None:
    """A partition that does not exist, or must not be known, is an error of the settings."""
    with pytest.raises(errors.SettingsError, match="no-such-topic"):
        bench.transport.bounds([Partition("no-such-topic", 0)])
