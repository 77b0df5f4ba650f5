"""Every row of the table of confluent-kafka's errors, as a commit, a send and a transaction meet it."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from hutong import errors
from hutong.transport import Bounds, Outgoing, Partition, Position, TopicSpec
from hutong.transport.confluent import ConfluentTransport
from hutong.transport.confluent.admin import ConfluentAdmin
from hutong.transport.confluent.consumer import ConfluentReader
from hutong.transport.confluent.fates import FATES, asked, fate_of
from hutong.transport.confluent.fencing import FencingProducer
from hutong.transport.confluent.producer import IdempotentProducer
from hutong.transport.confluent.sender import Sender
from hutong.transport.fates import Fate
from hutong.transport.kafka.fates import FATES as KAFKA_PYTHON
from hutong.transport.transactions import OneLife

ASKED = {
    Fate.AWAY: errors.Unavailable,
    Fate.MOOT: errors.Unavailable,
    Fate.FENCED: errors.Fenced,
    Fate.WRONG: errors.SettingsError,
    Fate.TOO_LARGE: errors.SettingsError,
    Fate.UNKNOWN: errors.UnknownOutcome,
}
SENT = {Fate.WRONG: errors.SettingsError, Fate.TOO_LARGE: errors.InvalidEvent}
ROWS = pytest.mark.parametrize(("code", "fate"), [*FATES.items(), (KafkaError.INVALID_MSG, Fate.UNKNOWN)])
RECORDS = [Outgoing(topic="t", key=b"k", value=v) for v in (b"good", b"bad")]
A = Partition("t", 0)


class Raw:
    """A Producer on which one call fails, or one record of two."""

    def __init__(self, error: KafkaError, calls: str = "") -> None:
        self._error = error
        self._calls = calls
        self.called: Counter[str] = Counter()

    def produce(self, topic: str, *, value: bytes, on_delivery: Any, **record: object) -> None:
        bad = value == b"bad" and not self._calls
        on_delivery(self._error if bad else None, SimpleNamespace(partition=lambda: 0, offset=lambda: 0))

    def __getattr__(self, name: str) -> Any:
        def call(*args: object) -> None:
            self.called[name] += 1
            if name == self._calls:
                raise KafkaException(self._error)

        return call


def sender(raw: Any) -> Sender:
    made = object.__new__(Sender)
    made.raw, made.fatal, made._partitions, made._until = raw, None, {"t": 1}, float("inf")
    return made


def writer(raw: Raw) -> FencingProducer:
    made = object.__new__(FencingProducer)
    made._id, made._life, made._sender = "id", OneLife("id"), sender(raw)
    return made


def reader(**raw: object) -> ConfluentReader:
    made = object.__new__(ConfluentReader)
    made.group, made._raw, made._between = "g", SimpleNamespace(**raw), False
    return made


@ROWS
def test_asked(code: int, fate: Fate) -> None:
    """A question that fails so raises the error of its fate, with the reason in its text."""
    raised = asked(KafkaError(code, "why"), "asking")
    assert type(raised) is ASKED[fate]
    assert "asking" in str(raised)
    assert "why" in str(raised)


@ROWS
def test_commit(code: int, fate: Fate) -> None:
    """A commit that fails so is moot, or raises the error of its fate."""

    def commit(**kwargs: object) -> None:
        raise KafkaException(KafkaError(code))

    positions = {A: Position(offset=1)}
    if fate is Fate.MOOT:
        assert reader(commit=commit).commit(positions) is False
    else:
        with pytest.raises(ASKED[fate]):
            reader(commit=commit).commit(positions)


def test_commit_after_fencing() -> None:
    """librdkafka names the cause of a fatal error once; a consumer has but one."""

    def commit(**kwargs: object) -> None:
        raise KafkaException(KafkaError(KafkaError._FATAL))

    with pytest.raises(errors.Fenced):
        reader(commit=commit).commit({A: Position(offset=1)})


def committed(*errors: KafkaError | None) -> ConfluentReader:
    """A reader whose commits are answered so, partition by partition."""
    return reader(commit=lambda **kwargs: [SimpleNamespace(error=error) for error in errors])


@ROWS
def test_commit_of_one_partition(code: int, fate: Fate) -> None:
    """What is said against one partition counts as if it were said of the whole commit."""
    one = committed(None, KafkaError(code))
    if fate is Fate.MOOT:
        assert one.commit({A: Position(offset=1)}) is False
    else:
        with pytest.raises(ASKED[fate]):
            one.commit({A: Position(offset=1)})


def test_commit_moot_and_wrong() -> None:
    """A partition that is moot hides nothing that is said of another; all well is True."""
    with pytest.raises(errors.SettingsError):
        committed(KafkaError(KafkaError.ILLEGAL_GENERATION), KafkaError(KafkaError.OFFSET_METADATA_TOO_LARGE)).commit(
            {A: Position(offset=1)}
        )
    assert committed(None, None).commit({A: Position(offset=1)}) is True


def test_topic_refused() -> None:
    """A topic that the broker does not make is named, with the broker's reason."""
    made: Future[object] = Future()
    made.set_exception(KafkaException(KafkaError(KafkaError.INVALID_PARTITIONS, "too few")))
    transport: Any = ConfluentTransport("nobody:1")
    transport._admin._client = SimpleNamespace(create_topics=lambda wanted, **settings: {"t": made})
    with pytest.raises(errors.SettingsError, match=r"topic t was not created: .*too few"):
        transport.create([TopicSpec(name="t", partitions=0, replication=1, config={})])


@ROWS
def test_members(code: int, fate: Fate) -> None:
    """A broker that does not tell its groups is an error, not a city without them."""
    listed: Future[object] = Future()
    listed.set_result(SimpleNamespace(valid=[], errors=[KafkaException(KafkaError(code))]))
    transport: Any = ConfluentTransport("nobody:1")
    transport._admin._client = SimpleNamespace(list_consumer_groups=lambda **settings: listed)
    with pytest.raises(ASKED[fate]):
        transport.members()


@ROWS
def test_send(code: int, fate: Fate) -> None:
    """A record that fails so was refused if that is certain, else the send is Unconfirmed, whatever the others did."""
    producer = object.__new__(IdempotentProducer)
    producer._sender, producer._lock = sender(Raw(KafkaError(code))), threading.Lock()
    with pytest.raises(SENT.get(fate, errors.Unconfirmed), match="1 of 2"):
        producer.send(RECORDS, timeout=1)


@pytest.mark.parametrize("taken", [0, 1])
def test_send_after_a_fatal_error(taken: int) -> None:
    """A producer that died between two sends is replaced by the next; its own send says what became of the records."""

    class Dead(Raw):
        def produce(self, topic: str, *, value: bytes, on_delivery: Any, **record: object) -> None:
            if value == b"bad" or not taken:
                raise KafkaException(KafkaError(KafkaError._FATAL, "out of order"))

    producer = object.__new__(IdempotentProducer)
    producer._settings, producer._log, producer._admin = (
        {},
        logging.getLogger(),
        ConfluentAdmin({}, logging.getLogger()),
    )
    dead: Any = Dead(KafkaError(KafkaError._FATAL))
    producer._lock, producer._sender = threading.Lock(), sender(dead)
    with pytest.raises(errors.Unconfirmed if taken else errors.Unavailable, match="out of order"):
        producer.send(RECORDS, timeout=1)
    assert producer._usable().raw is not dead
    assert dead.called["close"]


def test_partitions_are_never_forgotten() -> None:
    """While they are asked for anew, another thread may stand between its look and its record's place."""
    made: Any = sender(SimpleNamespace(list_topics=lambda timeout: look()))
    made._until = 0.0

    def look() -> object:
        assert made.partition(RECORDS[0]) == 0
        return SimpleNamespace(topics={"t": SimpleNamespace(topic="t", partitions={0: None, 1: None, 2: None})})

    made.know({"t"}, time.monotonic() + 1)
    assert made._partitions == {"t": 3}
    made.raw = None  # nobody is asked before they are old again
    made.know({"t"}, time.monotonic() + 1)


@ROWS
@pytest.mark.parametrize("calls", ["", "begin_transaction", "send_offsets_to_transaction", "commit_transaction"])
def test_write(code: int, fate: Fate, calls: str) -> None:
    """A transaction in which anything fails so is Fenced or UnknownOutcome, and a failed record is never committed."""
    raw = Raw(KafkaError(code), calls)
    member = reader(consumer_group_metadata=lambda: None)
    with pytest.raises(errors.Fenced if fate is Fate.FENCED else errors.UnknownOutcome):
        writer(raw).write(RECORDS, positions={A: Position(offset=1)}, consumer=member, timeout=1)
    assert raw.called["commit_transaction"] == (1 if calls == "commit_transaction" else 0)


def test_hidden_fencing() -> None:
    """Fencing is seen also where the records only say that they were thrown away."""
    made = writer(Raw(KafkaError(KafkaError._PURGE_QUEUE)))
    made._sender.fatal = KafkaError(KafkaError._FENCED)
    with pytest.raises(errors.Fenced):
        made.write(RECORDS, timeout=1)


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
    ],
)  # fmt: skip
def test_old_leaders(code: int) -> None:
    """A broker that says that leaders have changed is asked who they are, then the same again: librdkafka would go by
    the former ones for a quarter of an hour, so nobody could read on after a broker's restart."""
    answer: Future[object] = Future()

    def list_offsets(wanted: dict[object, object], **settings: object) -> dict[object, Future[object]]:
        old: Future[object] = Future()
        old.set_exception(KafkaException(KafkaError(code)))
        return dict.fromkeys(wanted, answer if answer.done() else old)

    def list_topics(timeout: float) -> None:
        answer.set_result(SimpleNamespace(offset=7))

    transport: Any = ConfluentTransport("nobody:1")
    transport._admin._client = SimpleNamespace(list_offsets=list_offsets, list_topics=list_topics)
    assert transport.bounds([A]) == {A: Bounds(begin=7, stable=7, end=7)}


def test_one_table() -> None:
    """What the broker says has one fate, whichever client library hears it."""
    known = {code for code in vars(KafkaError).values() if isinstance(code, int) and code > 0}
    heard = {getattr(error, "errno", -1): fate for error, fate in KAFKA_PYTHON.items()}
    assert {code: fate for code, fate in FATES.items() if code > 0} == {
        code: fate for code, fate in heard.items() if code in known
    }
    assert fate_of(KafkaError(KafkaError.UNKNOWN)) is Fate.UNKNOWN
