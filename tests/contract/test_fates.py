"""Every row of the table of kafka-python's errors, as a commit, a send and a transaction meet it."""

from __future__ import annotations

import threading
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import errors as kafka  # type: ignore[import-untyped]

from hutong import errors
from hutong.transport import Outgoing, Partition, Position
from hutong.transport.fates import Fate
from hutong.transport.kafka.consumer import KafkaReader
from hutong.transport.kafka.fates import FATES, asked, fate_of
from hutong.transport.kafka.fencing import FencingProducer
from hutong.transport.kafka.producer import IdempotentProducer
from hutong.transport.kafka.sender import Sender
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
ROWS = pytest.mark.parametrize(("error", "fate"), [*FATES.items(), (kafka.CorruptRecordError, Fate.UNKNOWN)])


class Future:
    """A record's future that has failed, or not."""

    def __init__(self, exception: BaseException | None) -> None:
        self.exception = exception
        self.value = SimpleNamespace(partition=0, offset=0)

    def failed(self) -> bool:
        return self.exception is not None

    def succeeded(self) -> bool:
        return self.exception is None


class Raw:
    """A KafkaProducer on which one call fails, or one record of two."""

    def __init__(self, error: BaseException, calls: str = "") -> None:
        self._error = error
        self._calls = calls
        self.called: Counter[str] = Counter()
        self._metadata = SimpleNamespace(partitions_for_topic=lambda topic: {0})
        self._transaction_manager = SimpleNamespace(
            has_fatal_error=lambda: False, last_error=None, producer_id_and_epoch=(1, 1)
        )

    def send(self, topic: str, **record: Any) -> Future:
        return Future(self._error if record["value"] == b"bad" and not self._calls else None)

    def __getattr__(self, name: str) -> Any:
        def call(*args: object) -> None:
            self.called[name] += 1
            if name == self._calls:
                raise self._error

        return call


def sender(raw: Raw) -> Sender:
    made = object.__new__(Sender)
    made.raw = raw
    return made


RECORDS = [Outgoing(topic="t", key=b"k", value=v) for v in (b"good", b"bad")]


@ROWS
def test_asked(error: type[Exception], fate: Fate) -> None:
    """A question that fails so raises the error of its fate, with the reason in its text."""
    raised = asked(error("why"), "asking")
    assert type(raised) is ASKED[fate]
    assert "asking" in str(raised)
    assert "why" in str(raised)


@ROWS
def test_commit(error: type[Exception], fate: Fate) -> None:
    """A commit that fails so is moot, or raises the error of its fate."""

    def commit(*args: object, **kwargs: object) -> None:
        raise error

    reader = object.__new__(KafkaReader)
    reader.group, reader._fenced, reader._raw = "g", False, SimpleNamespace(commit=commit)
    positions = {Partition("t", 0): Position(offset=1)}
    if fate is Fate.MOOT:
        assert reader.commit(positions) is False
    else:
        with pytest.raises(ASKED[fate]):
            reader.commit(positions)


@ROWS
def test_send(error: type[Exception], fate: Fate) -> None:
    """A record that fails so was refused if that is certain, else the send is Unconfirmed, whatever the others did."""
    producer = object.__new__(IdempotentProducer)
    producer._sender, producer._lock = sender(Raw(error())), threading.Lock()
    producer._stuck = None
    with pytest.raises(SENT.get(fate, errors.Unconfirmed), match="1 of 2"):
        producer.send(RECORDS, timeout=1)


@ROWS
@pytest.mark.parametrize("calls", ["", "flush", "send_offsets_to_transaction", "commit_transaction"])
def test_write(error: type[Exception], fate: Fate, calls: str) -> None:
    """A transaction in which anything fails so is Fenced or UnknownOutcome, and a failed record is never committed."""
    raw = Raw(error(), calls)
    producer = object.__new__(FencingProducer)
    producer._id, producer._life, producer._sender = "id", OneLife("id"), sender(raw)
    reader = object.__new__(KafkaReader)
    reader._raw = SimpleNamespace(group_metadata=lambda: None)
    if calls == "flush" and error is kafka.KafkaTimeoutError:
        return  # the deadline's own error: the futures tell what came of it
    with pytest.raises(errors.Fenced if fate is Fate.FENCED else errors.UnknownOutcome):
        producer.write(RECORDS, positions={Partition("t", 0): Position(offset=1)}, consumer=reader, timeout=1)
    assert raw.called["commit_transaction"] == (1 if calls == "commit_transaction" else 0)


def test_hidden_fencing() -> None:
    """Fencing is seen also where kafka-python hides it behind a general error."""
    raw = Raw(kafka.KafkaError("in an error state"), "begin_transaction")
    raw._transaction_manager.last_error = kafka.ProducerFencedError()
    producer = object.__new__(FencingProducer)
    producer._id, producer._life, producer._sender = "id", OneLife("id"), sender(raw)
    with pytest.raises(errors.Fenced):
        producer.write(RECORDS, timeout=1)


def test_replaced_producer() -> None:
    """A producer whose epoch changes between begin and commit does not commit: kafka-python aborted what it had."""
    raw = Raw(kafka.KafkaError())
    replace = {"flush": lambda timeout: setattr(raw._transaction_manager, "producer_id_and_epoch", (1, 2))}
    vars(raw).update(replace)
    producer = object.__new__(FencingProducer)
    producer._id, producer._life, producer._sender = "id", OneLife("id"), sender(raw)
    with pytest.raises(errors.UnknownOutcome, match="replaced"):
        producer.write(RECORDS[:1], timeout=1)
    assert raw.called["commit_transaction"] == 0


def test_table_is_complete() -> None:
    """Whatever kafka-python calls retriable and can meet us has a row; subclasses are not guessed at."""
    elsewhere = {
        "RetriableError", "InvalidMetadataError", "ConcurrentTransactionsError", "FetchSessionIdNotFoundError",
        "InvalidFetchSessionEpochError", "FetchSessionTopicIdError", "ListenerNotFoundError", "UnknownTopicIdError",
        "InconsistentTopicIdError", "PreferredLeaderNotAvailableError", "EligibleLeadersNotAvailableError",
        "ElectionNotNeededError", "ShareSessionNotFoundError", "InvalidShareSessionEpochError",
    }  # fmt: skip
    retriable = {
        c
        for c in vars(kafka).values()
        if isinstance(c, type) and issubclass(c, kafka.RetriableError) and c not in FATES
    }
    assert {c.__name__ for c in retriable} <= elsewhere

    cousin = type("Cousin", (kafka.KafkaTimeoutError,), {})
    assert fate_of(cousin()) is Fate.UNKNOWN
