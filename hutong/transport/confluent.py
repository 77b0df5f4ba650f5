"""The transport on a real Kafka, with confluent-kafka: a C library, several times faster; the extra ``hutong[fast]``.

What strangers wrote is read with kafka-python all the same, see
``docs/decisions/0019-a-fast-transport-beside-kafka-python.md``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec  # type: ignore[attr-defined]

from hutong import errors
from hutong.transport import Bounds, Consumer, Partition, Position, Start, TopicSpec, Transport
from hutong.transport.access import AccessControl
from hutong.transport.addresses import addresses
from hutong.transport.calm import calm
from hutong.transport.confluent_consumer import ConfluentReader
from hutong.transport.confluent_errors import asked, asking, fate_of, reason, told
from hutong.transport.confluent_fencing import FencingProducer
from hutong.transport.confluent_producer import IdempotentProducer
from hutong.transport.confluent_records import positions_of
from hutong.transport.confluent_settings import EVERY, security
from hutong.transport.fates import Fate
from hutong.transport.login import Login

CONNECT_TIMEOUT = 5.0
"""Seconds after which a broker that does not answer is :class:`~hutong.errors.Unavailable`."""

_TIMEOUT = 8.0  # seconds for a question
_TOPIC_WAIT = 5.0  # seconds a topic may take to become known, longer than a new one needs to spread
_NEW_TOPICS_WAIT = 30.0  # seconds for new topics to have leaders
_ROUND = 0.05  # seconds between two looks
_AT_ONCE = 50  # topics created by one request: a busy broker makes some ten a second
_SPECS: Mapping[Start, Any] = {
    "earliest": OffsetSpec.earliest(),  # type: ignore[no-untyped-call]
    "latest": OffsetSpec.latest(),  # type: ignore[no-untyped-call]
}


class ConfluentTransport:
    """:class:`hutong.transport.Transport` on the cluster at ``bootstrap`` (``host:port[,host:port]``).

    ``login``: who this is to the brokers; None where they do not ask.
    Nothing is connected before it is needed; a broker that does not answer within :data:`CONNECT_TIMEOUT`
    is Unavailable. Safe to share between threads; producers may be shared too, consumers may not.
    """

    def __init__(self, bootstrap: str, login: Login | None = None) -> None:
        self._bootstrap = addresses(bootstrap)
        self._login = login
        self._settings: dict[str, Any] = {**security(login), "bootstrap.servers": ",".join(self._bootstrap)}
        self._log = calm("confluent_kafka")
        self._lock = threading.Lock()
        self._admin: AdminClient | None = None
        self._there: set[str] = set()
        self._other: Transport | None = None

    def producer(self, *, client_id: str) -> IdempotentProducer:
        self._client()
        return IdempotentProducer({**self._settings, "client.id": client_id}, self._log)

    def transactional(self, *, client_id: str, transactional_id: str, timeout: float = 10.0) -> FencingProducer:
        self._client()
        return FencingProducer(
            {**self._settings, "client.id": client_id}, self._log, transactional_id=transactional_id, timeout=timeout
        )

    def consumer(
        self,
        *,
        client_id: str,
        group: str | None = None,
        instance: str | None = None,
        committed: bool = True,
        start: Start = "earliest",
        session_timeout: float = 6.0,
        max_poll_interval: float = 60.0,
        strangers: bool = False,
    ) -> Consumer:
        if strangers:
            return self._beside().consumer(
                client_id=client_id,
                group=group,
                instance=instance,
                committed=committed,
                start=start,
                session_timeout=session_timeout,
                max_poll_interval=max_poll_interval,
            )
        self._client()
        return ConfluentReader(
            {**self._settings, "client.id": client_id},
            self._log,
            group=group,
            instance=instance,
            committed=committed,
            start=start,
            session_timeout=session_timeout,
            max_poll_interval=max_poll_interval,
            edges=self._edges,
            know=self._know,
        )

    def _beside(self) -> Transport:
        """kafka-python: for strangers, whose unpacking is ours to bound (ADR 0013, ADR 0019), and for what is asked so
        seldom that one way to ask it is enough."""
        from hutong.transport.kafka import KafkaTransport  # loaded only where it is used

        with self._lock:
            self._other = self._other or KafkaTransport(",".join(self._bootstrap), self._login)
            return self._other

    def topics(self) -> dict[str, int]:
        with asking("listing topics"):
            names = list(self._client().list_topics(timeout=_TIMEOUT).topics)
            found = self._client().describe_topics(TopicCollection(names), request_timeout=_TIMEOUT) if names else {}
        described = [_answer(future) for future in found.values()]
        return {t.name: len(t.partitions) for t in described if t is not None and not t.is_internal}

    def create(self, topics: Sequence[TopicSpec]) -> None:
        for at in range(0, len(topics), _AT_ONCE):
            some = topics[at : at + _AT_ONCE]
            wanted = [NewTopic(t.name, t.partitions, t.replication, config=dict(t.config)) for t in some]
            with asking("creating topics"):
                made = self._client().create_topics(wanted, operation_timeout=_TIMEOUT, request_timeout=_TIMEOUT)
            for name, future in made.items():
                _made(name, future)
            self._wait_for_leaders({t.name for t in some})

    def _wait_for_leaders(self, names: set[str]) -> None:
        deadline = time.monotonic() + _NEW_TOPICS_WAIT
        while True:
            with asking("waiting for new topics"):
                found = self._client().list_topics(timeout=_TIMEOUT).topics
            led = {n for n, t in found.items() if t.partitions and all(p.leader >= 0 for p in t.partitions.values())}
            if names <= led:
                return
            if time.monotonic() > deadline:
                raise errors.Unavailable(f"waiting for new topics: {min(names - led)} has no leader; try again later")
            time.sleep(_ROUND)

    def _know(self, topics: set[str]) -> None:
        """Wait until these topics are there. Raises SettingsError where one does not come."""
        deadline = time.monotonic() + _TOPIC_WAIT
        while missing := topics - self._there:
            with asking("looking for topics"):
                found = self._client().list_topics(timeout=_TIMEOUT).topics
            self._there |= {name for name, topic in found.items() if topic.partitions}
            if topics <= self._there:
                return
            if time.monotonic() > deadline:
                raise errors.SettingsError(
                    f"topic {min(missing - self._there)} does not exist on the broker: create the city's topics first"
                )
            time.sleep(_ROUND)

    def configs(self, topics: Sequence[str]) -> dict[str, dict[str, str]]:
        return self._beside().configs(topics)

    def access(self) -> AccessControl:
        return self._beside().access()

    def groups(self, group: str) -> dict[Partition, Position]:
        with asking(f"asking for the positions of {group}"):
            [future] = (
                self._client()
                .list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=_TIMEOUT)
                .values()
            )
            return positions_of(future.result().topic_partitions or [])

    def members(self) -> dict[str, int]:
        with asking("listing groups"):
            listed = self._client().list_consumer_groups(request_timeout=_TIMEOUT).result()
            names = [group.group_id for group in listed.valid]
            found = self._client().describe_consumer_groups(names, request_timeout=_TIMEOUT) if names else {}
            return {name: len(future.result().members) for name, future in found.items()}

    def bounds(self, partitions: Sequence[Partition]) -> dict[Partition, Bounds]:
        if not partitions:
            return {}
        begins = self._edges(partitions, "earliest", False)
        stables = self._edges(partitions, "latest", True)
        ends = self._edges(partitions, "latest", False)
        return {p: Bounds(begin=begins[p], stable=stables[p], end=ends[p]) for p in partitions}

    def _edges(self, partitions: Collection[Partition], edge: Start, committed: bool) -> dict[Partition, int]:
        topics = {p.topic for p in partitions}
        with asking(f"asking for the bounds of {', '.join(sorted(topics)[:5])}"), self._leaderless(topics):
            found = self._client().list_offsets(
                {TopicPartition(*p): _SPECS[edge] for p in partitions},
                isolation_level=IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED,
                request_timeout=_TIMEOUT,
            )
            return {Partition(tp.topic, tp.partition): int(f.result().offset) for tp, f in found.items()}

    @contextmanager
    def _leaderless(self, topics: set[str]) -> Iterator[None]:
        """librdkafka's own error where no partition has a leader says nothing of why."""
        try:
            yield
        except KafkaException as raised:
            if reason(raised).code() != KafkaError._NOENT:
                raise
            self._there -= topics
            self._know(topics)
            raise errors.Unavailable(f"no broker leads {', '.join(sorted(topics)[:5])}; try again later") from raised

    def _client(self) -> AdminClient:
        with self._lock:
            if self._admin is None:
                admin = AdminClient({**dict[str, Any](EVERY), **self._settings}, logger=self._log)
                with asking(f"connecting to {self._bootstrap}"):
                    admin.describe_cluster(request_timeout=CONNECT_TIMEOUT).result()
                self._admin = admin
            return self._admin

    def close(self) -> None:
        with self._lock:
            self._admin = None
            if self._other is not None:
                self._other.close()
                self._other = None


def _answer(future: Any) -> Any:
    """What a topic's description says; None for one that is gone, or closed to this client."""
    try:
        return future.result()
    except KafkaException as raised:
        if reason(raised).code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED):
            return None
        raise


def _made(name: str, future: Any) -> None:
    """Wait for a topic's creation. Raises SettingsError where the broker refuses it."""
    try:
        future.result()
    except KafkaException as raised:
        error = reason(raised)
        if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        if fate_of(error) is Fate.AWAY:
            raise asked(error, "creating topics") from raised
        raise errors.SettingsError(f"topic {name} was not created: {told(error)}") from raised
