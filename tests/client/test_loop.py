"""Reading a log to its end: what a poll brings beyond it is not lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from hutong.errors import Unavailable
from hutong.loop import Loop, read_to
from hutong.testing import MemoryTransport
from hutong.transport import Consumer, Outgoing, Partition, TopicSpec

A, B = Partition("a", 0), Partition("b", 0)


@pytest.fixture
def broker() -> MemoryTransport:
    transport = MemoryTransport()
    transport.create([TopicSpec(name=name, partitions=1, replication=1, config={}) for name in "ab"])
    return transport


def reader(broker: MemoryTransport) -> Consumer:
    consumer = broker.consumer(client_id="test")
    consumer.assign([A, B])
    return consumer


def write(broker: MemoryTransport, *values: str, topic: str = "a") -> None:
    producer = broker.producer(client_id="test")
    producer.send([Outgoing(topic=topic, key=b"k", value=value.encode(), partition=0) for value in values], timeout=1)
    producer.close()


def values(consumer: Consumer, **ends: int) -> list[bytes | None]:
    return [record.value for record in read_to(consumer, {Partition(topic, 0): end for topic, end in ends.items()})]


def test_what_came_after_the_end_was_asked_for_is_given_at_the_next_call(broker: MemoryTransport) -> None:
    write(broker, "1", "2")
    consumer = reader(broker)
    end = consumer.end(A)
    write(broker, "3", "4")
    write(broker, "5", topic="b")
    assert values(consumer, a=end) == [b"1", b"2"]
    assert values(consumer, a=consumer.end(A), b=consumer.end(B)) == [b"3", b"4", b"5"]
    assert values(consumer, a=consumer.end(A)) == []


def test_nothing_is_lost_where_an_end_cannot_be_reached(broker: MemoryTransport) -> None:
    write(broker, "1", "2")
    consumer = reader(broker)
    records = read_to(consumer, {A: 1, B: 1}, patience=0.05)
    assert next(records).value == b"1"
    with pytest.raises(Unavailable, match="b/0 stays at offset 0 before its end 1"):
        next(records)
    assert values(consumer, a=2) == [b"2"]


def test_the_heartbeat_is_touched_at_each_poll_and_at_no_other_time(broker: MemoryTransport, tmp_path: Path) -> None:
    """Idle or waiting, the loop touches it; while a batch is in hand, or hangs, it grows old."""
    heartbeat = tmp_path / "heartbeat"
    loop = Loop(
        broker.consumer(client_id="test", group="test"),
        ["a"],
        lambda owned: dict.fromkeys(owned, 0),
        idle=0.01,
        heartbeat=heartbeat,
    )
    rounds = loop.rounds()
    for _ in range(2):
        next(rounds)
        assert heartbeat.exists()
        heartbeat.unlink()
    loop.wait(0)
    assert heartbeat.exists()


def test_a_heartbeat_that_cannot_be_touched_stops_nothing(broker: MemoryTransport, tmp_path: Path) -> None:
    consumer = broker.consumer(client_id="test", group="test")
    missing = tmp_path / "missing" / "heartbeat"
    loop = Loop(consumer, ["a"], lambda owned: dict.fromkeys(owned, 0), idle=0.01, heartbeat=missing)
    assert next(loop.rounds()) == {}
