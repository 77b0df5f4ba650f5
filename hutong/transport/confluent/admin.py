"""What a transport on confluent-kafka asks of the cluster for its readers and writers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from hutong import errors
from hutong.transport import Partition, Start
from hutong.transport.confluent.fates import asked, asking, reason, refuses_for_good
from hutong.transport.confluent.settings import EVERY, user_of

CONNECT_TIMEOUT = 5.0
"""Seconds after which a broker that does not answer is :class:`~hutong.errors.Unavailable`."""

TIMEOUT = 8.0
"""Seconds for a question."""

ROUND = 0.05
"""Seconds between two looks."""

_TOPIC_WAIT = 5.0  # seconds a topic may take to become known, longer than a new one needs to spread
_OLD_LEADERS = (
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
)
_SPECS: Mapping[Start, Any] = {
    "earliest": OffsetSpec.earliest(),  # type: ignore[no-untyped-call]
    "latest": OffsetSpec.latest(),  # type: ignore[no-untyped-call]
}


class ConfluentAdmin:
    """One connection for questions, made when the first is asked. Safe to share between threads."""

    def __init__(self, settings: Mapping[str, object], log: logging.Logger) -> None:
        self.user = user_of(settings)
        self._settings: dict[str, Any] = {**EVERY, **settings}
        self._log = log
        self._lock = threading.Lock()
        self._client: AdminClient | None = None
        self._there: set[str] = set()

    def client(self) -> AdminClient:
        """The connection. Raises SettingsError where the broker, or this side, does not take the other, Unavailable."""
        with self._lock:
            if self._client is None:
                heard: list[KafkaError] = []
                settings: dict[str, Any] = {**self._settings, "error_cb": heard.append}
                made = AdminClient(settings, logger=self._log)
                with asking(f"connecting to {self._settings['bootstrap.servers']}", user=self.user):
                    _greet(made, heard)
                self._client = made
            return self._client

    def know(self, topics: set[str]) -> None:
        """Wait until these topics are there. Raises SettingsError where one does not come, or is closed to us."""
        deadline = time.monotonic() + _TOPIC_WAIT
        while missing := topics - self._there:
            with asking("looking for topics", user=self.user):
                found = self.client().list_topics(timeout=TIMEOUT).topics
            self._there |= {name for name, topic in found.items() if topic.partitions}
            if topics <= self._there:
                return
            self.check_open(topics - self._there)
            if time.monotonic() > deadline:
                raise errors.SettingsError(
                    f"topic {min(missing - self._there)} does not exist on the broker: create the city's topics first"
                )
            time.sleep(ROUND)

    def closed(self, topics: Collection[str]) -> frozenset[str]:
        """Those of these topics that are closed to us: a list of topics leaves such out."""
        if not topics:
            return frozenset()
        with asking("looking for topics", user=self.user):
            found = self.client().describe_topics(TopicCollection(sorted(topics)), request_timeout=TIMEOUT)
            return frozenset(name for name, future in found.items() if _is_denied(future))

    def check_open(self, topics: Collection[str]) -> None:
        """Raises SettingsError where one of these topics is closed to us."""
        if closed := self.closed(topics):
            denial = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
            raise asked(denial, "looking for topics", user=self.user, names=", ".join(sorted(closed)))

    def edges(self, partitions: Collection[Partition], edge: Start, committed: bool) -> dict[Partition, int]:
        """First or last offsets of partitions; the last ones as committed readers see them, or the high watermarks."""
        topics = {p.topic for p in partitions}
        names = ", ".join(sorted(topics)[:5])
        with asking(f"asking for the bounds of {names}", user=self.user, names=names), self._leaderless(topics):
            deadline = time.monotonic() + TIMEOUT
            while True:
                found = self.client().list_offsets(
                    {TopicPartition(*p): _SPECS[edge] for p in partitions},
                    isolation_level=IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED,
                    request_timeout=TIMEOUT,
                )
                try:
                    return {Partition(tp.topic, tp.partition): int(f.result().offset) for tp, f in found.items()}
                except KafkaException as raised:
                    if reason(raised).code() not in _OLD_LEADERS or time.monotonic() >= deadline:
                        raise
                # By itself it would go by what it knows of the leaders for a quarter of an hour.
                self.client().list_topics(timeout=TIMEOUT)
                time.sleep(ROUND)

    @contextmanager
    def _leaderless(self, topics: set[str]) -> Iterator[None]:
        """librdkafka's own error where no partition has a leader says nothing of why."""
        try:
            yield
        except KafkaException as raised:
            if reason(raised).code() != KafkaError._NOENT:
                raise
            self._there -= topics
            self.know(topics)
            raise errors.Unavailable(f"no broker leads {', '.join(sorted(topics)[:5])}; try again later") from raised

    def close(self) -> None:
        with self._lock:
            self._client = None


def _greet(client: AdminClient, heard: list[KafkaError]) -> None:
    """Wait for the first answer. librdkafka tries on for ever where one side does not take the other for who it says;
    it only mentions why."""
    answer = client.describe_cluster(request_timeout=CONNECT_TIMEOUT)
    while not answer.done():
        client.poll(ROUND)
        for error in heard:
            if refuses_for_good(error):
                raise KafkaException(error)
    answer.result()


def _is_denied(future: Any) -> bool:
    try:
        future.result()
    except KafkaException as raised:
        code = reason(raised).code()
        if code not in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART):
            raise
        return code == KafkaError.TOPIC_AUTHORIZATION_FAILED
    return False
