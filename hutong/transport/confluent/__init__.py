"""The transport on a real Kafka, with confluent-kafka: a C library, several times faster; the extra ``hutong[fast]``.

What strangers wrote is read with kafka-python all the same, see
``docs/decisions/0019-a-fast-transport-beside-kafka-python.md``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicCollection,
)
from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

from hutong.errors import SettingsError, Unavailable
from hutong.transport import Bounds, Consumer, Partition, Position, Start, TopicSpec, Transport
from hutong.transport.access import AccessControl
from hutong.transport.addresses import addresses
from hutong.transport.calm import calm
from hutong.transport.confluent.admin import ROUND, TIMEOUT, ConfluentAdmin
from hutong.transport.confluent.consumer import ConfluentReader
from hutong.transport.confluent.fates import asked, asking, explained, fate_of, reason
from hutong.transport.confluent.fencing import FencingProducer
from hutong.transport.confluent.producer import IdempotentProducer
from hutong.transport.confluent.records import positions_of
from hutong.transport.confluent.settings import security
from hutong.transport.fates import Fate
from hutong.transport.login import Login

_NEW_TOPICS_WAIT = 30.0  # seconds for new topics to have leaders
_AT_ONCE = 50  # topics created by one request: a busy broker makes some ten a second


class ConfluentTransport:
    """:class:`hutong.transport.Transport` on the cluster at ``bootstrap`` (``host:port[,host:port]``).

    ``login``: who this is to the brokers; None where they do not ask.
    Nothing is connected before it is needed; a broker that does not answer within
    :data:`~hutong.transport.confluent.admin.CONNECT_TIMEOUT` seconds is Unavailable. Safe to share between threads;
    producers may be shared too, consumers may not.
    """

    def __init__(self, bootstrap: str, login: Login | None = None) -> None:
        self._bootstrap = addresses(bootstrap)
        self._login = login
        self._settings: dict[str, Any] = {**security(login), "bootstrap.servers": ",".join(self._bootstrap)}
        self._log = calm("confluent_kafka")
        self._lock = threading.Lock()
        self._admin = ConfluentAdmin(self._settings, self._log)
        self._other: Transport | None = None

    def producer(self, *, client_id: str) -> IdempotentProducer:
        self._admin.client()
        return IdempotentProducer({**self._settings, "client.id": client_id}, self._log, self._admin)

    def transactional(self, *, client_id: str, transactional_id: str, timeout: float = 10.0) -> FencingProducer:
        self._admin.client()
        return FencingProducer(
            {**self._settings, "client.id": client_id},
            self._log,
            self._admin,
            transactional_id=transactional_id,
            timeout=timeout,
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
        self._admin.client()
        return ConfluentReader(
            {**self._settings, "client.id": client_id},
            self._log,
            group=group,
            instance=instance,
            committed=committed,
            start=start,
            session_timeout=session_timeout,
            max_poll_interval=max_poll_interval,
            admin=self._admin,
        )

    def _beside(self) -> Transport:
        """kafka-python: for strangers, whose unpacking is ours to bound (ADR 0013, ADR 0019), and for what is asked so
        seldom that one way to ask it is enough."""
        from hutong.transport.kafka import KafkaTransport  # loaded only where it is used

        with self._lock:
            self._other = self._other or KafkaTransport(",".join(self._bootstrap), self._login)
            return self._other

    def topics(self) -> dict[str, int]:
        with asking("listing topics", user=self._admin.user):
            names = list(self._admin.client().list_topics(timeout=TIMEOUT).topics)
            found = (
                self._admin.client().describe_topics(TopicCollection(names), request_timeout=TIMEOUT) if names else {}
            )
        described = [_answer(future) for future in found.values()]
        return {t.name: len(t.partitions) for t in described if t is not None and not t.is_internal}

    def create(self, topics: Sequence[TopicSpec]) -> None:
        for at in range(0, len(topics), _AT_ONCE):
            some = topics[at : at + _AT_ONCE]
            wanted = [NewTopic(t.name, t.partitions, t.replication, config=dict(t.config)) for t in some]
            with asking("creating topics", user=self._admin.user):
                made = self._admin.client().create_topics(wanted, operation_timeout=TIMEOUT, request_timeout=TIMEOUT)
            for name, future in made.items():
                _made(name, future, self._admin.user)
            self._wait_for_leaders({t.name for t in some})

    def _wait_for_leaders(self, names: set[str]) -> None:
        deadline = time.monotonic() + _NEW_TOPICS_WAIT
        while True:
            with asking("waiting for new topics", user=self._admin.user):
                found = self._admin.client().list_topics(timeout=TIMEOUT).topics
            led = {n for n, t in found.items() if t.partitions and all(p.leader >= 0 for p in t.partitions.values())}
            if names <= led:
                return
            if time.monotonic() > deadline:
                raise Unavailable(f"waiting for new topics: {min(names - led)} has no leader; try again later")
            time.sleep(ROUND)

    def closed(self, topics: Sequence[str]) -> frozenset[str]:
        return self._admin.closed(topics)

    def configs(self, topics: Sequence[str]) -> dict[str, dict[str, str]]:
        return self._beside().configs(topics)

    def access(self) -> AccessControl:
        return self._beside().access()

    def groups(self, group: str) -> dict[Partition, Position]:
        with asking(f"asking for the positions of {group}", user=self._admin.user):
            [future] = (
                self._admin.client()
                .list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=TIMEOUT)
                .values()
            )
            return positions_of(future.result().topic_partitions or [])

    def members(self) -> dict[str, int]:
        with asking("listing groups", user=self._admin.user):
            listed = self._admin.client().list_consumer_groups(request_timeout=TIMEOUT).result()
            if listed.errors:  # a broker that did not answer, whose groups are missing
                raise listed.errors[0]
            names = [group.group_id for group in listed.valid]
            found = self._admin.client().describe_consumer_groups(names, request_timeout=TIMEOUT) if names else {}
            return {name: len(future.result().members) for name, future in found.items()}

    def bounds(self, partitions: Sequence[Partition]) -> dict[Partition, Bounds]:
        if not partitions:
            return {}
        begins = self._admin.edges(partitions, "earliest", False)
        stables = self._admin.edges(partitions, "latest", True)
        ends = self._admin.edges(partitions, "latest", False)
        return {p: Bounds(begin=begins[p], stable=stables[p], end=ends[p]) for p in partitions}

    def close(self) -> None:
        self._admin.close()
        with self._lock:
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


def _made(name: str, future: Any, user: str | None) -> None:
    """Wait for a topic's creation. Raises SettingsError where the broker refuses it."""
    try:
        future.result()
    except KafkaException as raised:
        error = reason(raised)
        if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        if fate_of(error) is Fate.AWAY:
            raise asked(error, "creating topics", user=user) from raised
        raise SettingsError(f"topic {name} was not created: {explained(error, user, name)}") from raised
