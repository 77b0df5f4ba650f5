"""Topics are created as asked, once."""

from __future__ import annotations

import pytest

from hutong import errors
from hutong.transport import Outgoing, Partition, TopicSpec
from tests.contract.bench import Bench, read


def test_create(bench: Bench) -> None:
    """A created topic is listed with its partitions and can be written to at once."""
    topic = bench.name("topic")
    bench.transport.create([TopicSpec(name=topic, partitions=3, replication=1, config={"retention.ms": "1000000"})])
    assert bench.transport.topics()[topic] == 3
    bench.send(topic, b"v", partition=2)
    read(bench.reader(Partition(topic, 2)), 1)


def test_create_again(bench: Bench) -> None:
    """A topic that exists is left as it is, with its records."""
    topic = bench.topic(2)
    bench.send(topic, b"v")
    bench.transport.create([TopicSpec(name=topic, partitions=5, replication=1, config={})])
    assert bench.transport.topics()[topic] == 2
    assert bench.reader().end(Partition(topic, 0)) == 1


def test_nothing_is_closed_where_nobody_is_asked_who_he_is(bench: Bench) -> None:
    """Neither what is there nor what is not."""
    assert bench.transport.closed([bench.topic(), bench.name("missing")]) == frozenset()


def test_configs(bench: Bench) -> None:
    """A topic is held to what it was created with; of a topic that is missing nothing can be told."""
    given = {"retention.ms": "1000000", "cleanup.policy": "delete", "max.message.bytes": "2000000"}
    topic, other = bench.topic(config=given), bench.topic(config={"cleanup.policy": "compact"})
    told = bench.transport.configs([topic, other])
    assert told[topic].items() >= given.items()
    assert told[other]["cleanup.policy"] == "compact"
    assert int(told[other]["max.message.bytes"]) > 1_000_000
    assert bench.transport.configs([]) == {}
    with pytest.raises(errors.SettingsError, match="missing"):
        bench.transport.configs([topic, bench.name("missing")])


def test_create_nothing(bench: Bench) -> None:
    """Creating no topics is no error."""
    bench.transport.create([])


def test_internal_topics_are_hidden(bench: Bench) -> None:
    """Kafka's own topics are not listed."""
    bench.opened(bench.transport.transactional(client_id="test", transactional_id=bench.name("id")))
    assert not [name for name in bench.transport.topics() if name.startswith("__")]


def test_refused_config(real: Bench) -> None:
    """A topic whose config the broker refuses is a SettingsError that names it."""
    spec = TopicSpec(name="refused", partitions=1, replication=1, config={"retention.ms": "soon"})
    with pytest.raises(errors.SettingsError, match="refused"):
        real.transport.create([spec])


def test_missing_topic_bounds(bench: Bench) -> None:
    """Asking for the bounds of a topic that does not exist is a SettingsError."""
    with pytest.raises(errors.SettingsError):
        bench.reader().end(Partition(bench.name("missing"), 0))


def test_missing_topic_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a topic that does not exist is a SettingsError that names it, not silence."""
    for module in ("kafka.consumer", "confluent.admin"):
        monkeypatch.setattr(f"hutong.transport.{module}._TOPIC_WAIT", 0.5)
    there, missing = bench.topic(), bench.name("missing")
    with pytest.raises(errors.SettingsError, match=missing):
        bench.reader(group=bench.name("group")).subscribe([there, missing])
    with pytest.raises(errors.SettingsError, match=missing):
        bench.reader(Partition(there, 0), Partition(missing, 0))


def test_unsent_is_unsent(bench: Bench) -> None:
    """When one record of a send has no topic, none of the others is written."""
    topic = bench.topic()
    producer = bench.opened(bench.transport.producer(client_id="test"))
    records = [Outgoing(topic=t, key=b"k", value=b"v") for t in (topic, bench.name("missing"))]
    with pytest.raises(errors.SettingsError):
        producer.send(records, timeout=1)
    assert bench.reader().end(Partition(topic, 0)) == 0
