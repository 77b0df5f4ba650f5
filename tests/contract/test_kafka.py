"""What only a real broker, or none at all, can show."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kafka import KafkaProducer  # type: ignore[import-untyped]

from hutong import errors
from hutong.transport import Outgoing, Partition, Placed, kafka
from hutong.transport.confluent import admin
from tests.contract.bench import CLIENTS, Bench, Real, read, read_to_end


@pytest.fixture
def kafka_python(bootstrap: str) -> Iterator[Bench]:
    """A bench on the real broker, with kafka-python."""
    bench = Bench(Real(bootstrap, "kafka-python"))
    yield bench
    bench.close()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody answers."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{closed.getsockname()[1]}"


@contextmanager
def out_of_time(producer: Any) -> Iterator[None]:
    """Inside, a flush sends nothing: what is written waits in the buffer, as on a broker that does not answer."""
    sender = producer._sender
    sender.flush = lambda *args: None
    yield
    del sender.flush


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("what", ["producer", "transactional", "consumer", "topics"])
def test_no_broker(
    nobody: str, what: str, client: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a broker everything is Unavailable within CONNECT_TIMEOUT, names the address, and logs little."""
    for module in (kafka, admin):
        monkeypatch.setattr(module, "CONNECT_TIMEOUT", 1.0)
    transport = CLIENTS[client](nobody)
    calls: dict[str, Any] = {
        "producer": lambda: transport.producer(client_id="test"),
        "transactional": lambda: transport.transactional(client_id="test", transactional_id="id"),
        "consumer": lambda: transport.consumer(client_id="test"),
        "topics": transport.topics,
    }
    before = time.monotonic()
    with caplog.at_level(logging.WARNING), pytest.raises(errors.Unavailable, match=nobody):
        calls[what]()
    assert time.monotonic() - before < 2.0
    assert len(caplog.records) < 10
    assert not [r for r in caplog.records if r.exc_info]


def test_hostile_header_name(real: Bench, bootstrap: str) -> None:
    """A header name that is not UTF-8 stops nobody: its bytes are spelt out, the records around it are as ever."""

    class Hostile(str):
        def encode(self, *args: str) -> bytes:
            return b"ce_\xff\xfeid"

    topic = real.topic()
    raw = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=200)
    for headers in ([("诉求", b"0")], [("a", b"1"), (Hostile("x"), b"2"), ("b", b"3")], [("c", b"4")]):
        raw.send(topic, key=b"k", value=b"v", headers=headers)
    raw.flush(10)
    raw.close()
    found = read(real.reader(Partition(topic, 0), strangers=True), 3)
    assert [r.headers for r in found] == [
        (("诉求", b"0"),),
        (("a", b"1"), (r"ce_\xff\xfeid", b"2"), ("b", b"3")),
        (("c", b"4"),),
    ]
    producer = real.opened(real.transport.producer(client_id="test"))
    producer.send([Outgoing(topic=topic, key=r.key, value=r.value, headers=r.headers) for r in found], timeout=10)


def test_unconfirmed(real: Bench) -> None:
    """A send whose time runs out is Unconfirmed, says so, and the producer goes on to be of use."""
    topic = real.topic()
    producer: Any = real.opened(real.transport.producer(client_id="test"))
    producer.send([Outgoing(topic=topic, key=b"k", value=b"first")], timeout=10)
    with out_of_time(producer), pytest.raises(errors.Unconfirmed, match="send the same again"):
        producer.send([Outgoing(topic=topic, key=b"k", value=b"late")], timeout=0)
    producer.send([Outgoing(topic=topic, key=b"k", value=b"last")], timeout=10)
    assert [r.value for r in read(real.reader(Partition(topic, 0)), 3)] == [b"first", b"late", b"last"]


def test_given_up_producer(kafka_python: Bench) -> None:
    """A producer that kafka-python has given up on for good is replaced at the next send."""
    topic = kafka_python.topic()
    producer: Any = kafka_python.opened(kafka_python.transport.producer(client_id="test"))
    manager = producer._sender.raw._transaction_manager
    manager.transition_to_fatal_error(RuntimeError("given up"))
    assert producer.send([Outgoing(topic=topic, key=b"k", value=b"v")], timeout=10)[0].offset == 0


def test_a_producer_that_never_answers_is_replaced(kafka_python: Bench) -> None:
    """kafka-python may send nothing ever again, without an error: what is sent after that goes by a new producer."""
    topic = kafka_python.topic()
    producer: Any = kafka_python.opened(kafka_python.transport.producer(client_id="test"))
    records = [Outgoing(topic=topic, key=b"k", value=b"v")]
    producer.send(records, timeout=10)
    producer._sender.raw._sender.run_once = lambda: time.sleep(0.01)
    with pytest.raises(errors.Unconfirmed, match="no answer within 1 s"):
        producer.send(records, timeout=1)
    assert producer.send(records, timeout=10) == [Placed(partition=0, offset=1)]


def test_beyond_every_limit(real: Bench) -> None:
    """A record too large for any topic is refused before a byte of the whole send has left."""
    topic = real.topic()
    producer = real.opened(real.transport.producer(client_id="test"))
    records = [Outgoing(topic=topic, key=b"k", value=v) for v in (b"small", os.urandom(5 << 20))]
    with pytest.raises(errors.InvalidEvent) as raised:
        producer.send(records, timeout=10)
    assert raised.value.code == "too_large"
    assert real.reader().end(Partition(topic, 0)) == 0


def test_write_out_of_time(real: Bench) -> None:
    """A transaction whose time runs out is an UnknownOutcome; its records never appear once it is fenced."""
    topic, name = real.topic(), real.name("id")
    writer: Any = real.opened(real.transport.transactional(client_id="test", transactional_id=name))
    writer.write([Outgoing(topic=topic, key=b"k", value=b"first")], timeout=10)
    with out_of_time(writer), pytest.raises(errors.UnknownOutcome, match=name):
        writer.write([Outgoing(topic=topic, key=b"k", value=b"late")], timeout=0)
    real.opened(real.transport.transactional(client_id="test", transactional_id=name))
    assert [r.value for r in read_to_end(real.reader(Partition(topic, 0)), Partition(topic, 0))] == [b"first"]


def test_hanging_commit(kafka_python: Bench) -> None:
    """A commit of kafka-python that never returns is an UnknownOutcome at the deadline."""
    topic = kafka_python.topic()
    writer: Any = kafka_python.opened(
        kafka_python.transport.transactional(client_id="test", transactional_id=kafka_python.name("id"))
    )
    hang = threading.Event()
    writer._sender.raw.commit_transaction = hang.wait
    before = time.monotonic()
    with pytest.raises(errors.UnknownOutcome, match="commit"):
        writer.write([Outgoing(topic=topic, key=b"k", value=b"v")], timeout=1)
    assert 0.9 < time.monotonic() - before < 2.0
    hang.set()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("address", ["a:b:c", "host:", ":9092", "", "host:port", "one:9092,,two:9092"])
def test_an_address_that_is_none_is_said(address: str, client: str) -> None:
    """What is no host:port is a SettingsError before anything is tried."""
    with pytest.raises(errors.SettingsError, match="no address of a Kafka"):
        CLIENTS[client](address)
