"""Topics as the design lists them: what is kept, how long, how large."""

from __future__ import annotations

import pytest

from hutong.catalogue import Catalogue, Topic

DAY = 24 * 3600 * 1000
MIB = 1024 * 1024
TOPICS = Catalogue.load().topics


def kept(topic: Topic) -> int:
    return int(topic.kafka_config()["retention.ms"])


def test_these_and_no_others() -> None:
    """A city has the design's nine topics."""
    of_the_city = {"submissions", "ledger", "refusals", "directory", "checkpoints", "_schemas"}
    assert TOPICS.keys() == of_the_city | {"deliveries.<org>", "deadletters.<org>", "keys.<org>"}


@pytest.mark.parametrize(
    ("name", "size"),
    [("submissions", MIB), ("ledger", 2 * MIB), ("refusals", 2 * MIB), ("deliveries.<org>", 2 * MIB)],
)
def test_room_grows_along_the_way(name: str, size: int) -> None:
    """Whatever fits submissions fits, with headers and wrapping added, everything after it."""
    assert TOPICS[name].kafka_config()["max.message.bytes"] == str(size)


def test_one_mapping_of_tickets() -> None:
    """Submissions, ledger and refusals have the city's n partitions; the directory has one, for one order."""
    assert {TOPICS[name].partitions for name in ("submissions", "ledger", "refusals")} == {"city"}
    assert TOPICS["directory"].partitions == TOPICS["_schemas"].partitions == 1
    assert TOPICS["deliveries.<org>"].partitions == "organisation"


def test_retention_floors() -> None:
    """Submissions stay 30 days, deliveries 90, by the broker's clock; the truth stays for ever."""
    assert kept(TOPICS["submissions"]) >= 30 * DAY
    assert kept(TOPICS["deliveries.<org>"]) >= 90 * DAY
    for name in ("submissions", "deliveries.<org>"):
        assert TOPICS[name].config["message.timestamp.type"] == "LogAppendTime"
    for name in ("ledger", "refusals", "directory", "checkpoints"):
        assert kept(TOPICS[name]) == -1


def test_no_size_limit_undoes_them() -> None:
    """No topic loses records because it grew."""
    for topic in TOPICS.values():
        assert topic.config.get("retention.bytes", -1) == -1


def test_what_is_compacted() -> None:
    """Keys and the schema log are compacted, nothing else: history has no later value."""
    compacted = {name for name, topic in TOPICS.items() if topic.config["cleanup.policy"] == "compact"}
    assert compacted == {"keys.<org>", "_schemas"}


def test_an_erased_key_is_gone_within_a_day() -> None:
    """Rolling a segment and compacting it take no more than a day together."""
    config = TOPICS["keys.<org>"].kafka_config()
    assert int(config["segment.ms"]) + int(config["max.compaction.lag.ms"]) < DAY
    assert int(config["min.compaction.lag.ms"]) == 0


def test_names_are_filled_in() -> None:
    """A topic of an organisation carries its id; a topic of the city has one name."""
    assert TOPICS["deliveries.<org>"].named("110000.water") == "deliveries.110000.water"
    assert TOPICS["ledger"].named("110000.water") == "ledger"


def test_the_broker_unpacks_nothing_that_others_packed() -> None:
    """Where several write, batches are kept as they came, or unpacked where the broker compacts (ADR 0013)."""
    for name in ("submissions", "deadletters.<org>", "directory", "checkpoints"):
        assert TOPICS[name].kafka_config()["compression.type"] == "producer"
    assert TOPICS["keys.<org>"].kafka_config()["compression.type"] == "uncompressed"
