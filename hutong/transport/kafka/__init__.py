"""The transport on a real Kafka, with kafka-python (pinned; its traps are named where they are met)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from kafka import IsolationLevel, KafkaAdminClient, OffsetSpec, TopicPartition  # type: ignore[import-untyped]
from kafka import errors as kafka
from kafka.admin import ConfigResource, ConfigResourceType  # type: ignore[import-untyped]

from hutong.errors import SettingsError
from hutong.transport import Bounds, Partition, Position, Start, TopicSpec
from hutong.transport.addresses import addresses
from hutong.transport.calm import calm
from hutong.transport.kafka.access import KafkaAccessControl
from hutong.transport.kafka.consumer import KafkaReader
from hutong.transport.kafka.fates import asking
from hutong.transport.kafka.fencing import FencingProducer
from hutong.transport.kafka.producer import IdempotentProducer
from hutong.transport.kafka.security import security
from hutong.transport.login import Login

CONNECT_TIMEOUT = 5.0
"""Seconds after which a broker that does not answer is :class:`~hutong.errors.Unavailable`."""

_ALREADY_EXISTS = kafka.TopicAlreadyExistsError.errno
_AT_ONCE = 50  # topics created by one request: a busy broker makes some ten a second


class KafkaTransport:
    """:class:`hutong.transport.Transport` on the cluster at ``bootstrap`` (``host:port[,host:port]``).

    ``login``: who this is to the brokers; None where they do not ask.
    Nothing is connected before it is needed; a broker that does not answer within :data:`CONNECT_TIMEOUT`
    is Unavailable. Safe to share between threads; producers may be shared too, consumers may not.
    """

    def __init__(self, bootstrap: str, login: Login | None = None) -> None:
        self._settings: dict[str, object] = {
            **security(login),
            "bootstrap_servers": addresses(bootstrap),
            "bootstrap_timeout_ms": int(CONNECT_TIMEOUT * 1000),
        }
        self._user = None if login is None else login.user
        self._lock = threading.Lock()
        self._admin: Any = None
        calm("kafka")

    def producer(self, *, client_id: str) -> IdempotentProducer:
        return IdempotentProducer({**self._settings, "client_id": client_id})

    def transactional(self, *, client_id: str, transactional_id: str, timeout: float = 10.0) -> FencingProducer:
        return FencingProducer(
            {**self._settings, "client_id": client_id}, transactional_id=transactional_id, timeout=timeout
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
    ) -> KafkaReader:
        return KafkaReader(
            {**self._settings, "client_id": client_id},
            group=group,
            instance=instance,
            committed=committed,
            start=start,
            session_timeout=session_timeout,
            max_poll_interval=max_poll_interval,
            edge=self._edge,
        )

    def topics(self) -> dict[str, int]:
        with asking("listing topics", user=self._user):
            found = self._client().describe_topics()
        return {t["name"]: len(t["partitions"]) for t in found if not t["is_internal"] and not t["error_code"]}

    def create(self, topics: Sequence[TopicSpec]) -> None:
        for at in range(0, len(topics), _AT_ONCE):
            some = topics[at : at + _AT_ONCE]
            wanted = {
                t.name: {
                    "num_partitions": t.partitions,
                    "replication_factor": t.replication,
                    "configs": dict(t.config),
                }
                for t in some
            }
            with asking("creating topics", user=self._user):
                made = self._client().create_topics(wanted, timeout_ms=8_000, raise_errors=False)
            for topic in made["topics"]:
                if topic["error_code"] not in (0, _ALREADY_EXISTS):
                    raise SettingsError(f"topic {topic['name']} was not created: {topic['error_message']}")
            with asking("waiting for new topics", user=self._user):
                self._client().wait_for_topics(list(wanted), timeout_ms=30_000)

    def closed(self, topics: Sequence[str]) -> frozenset[str]:
        with asking("looking for topics", user=self._user):
            found = self._client().describe_topics(list(topics)) if topics else []
        return frozenset(t["name"] for t in found if t["error_code"] == kafka.TopicAuthorizationFailedError.errno)

    def configs(self, topics: Sequence[str]) -> dict[str, dict[str, str]]:
        if not topics:
            return {}
        wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
        with asking(f"asking for the settings of {', '.join(topics[:5])}", user=self._user):
            found = self._client().describe_configs(wanted, config_filter="all").get("topic", {})
        if missing := [name for name in topics if not found.get(name)]:
            raise SettingsError(f"the settings of topic {missing[0]} cannot be read: is it there, and open to you?")
        return {name: {key: str(each["value"]) for key, each in found[name].items()} for name in topics}

    def groups(self, group: str) -> dict[Partition, Position]:
        with asking(f"asking for the positions of {group}", user=self._user):
            found = self._client().list_group_offsets(group)[group]
        return {
            Partition(*tp): Position(offset=at.offset, metadata=at.metadata or "")
            for tp, at in found.items()
            if at.offset >= 0
        }

    def members(self) -> dict[str, int]:
        with asking("listing groups", user=self._user):
            names = [group["group_id"] for group in self._client().list_groups()]
            found = self._client().describe_groups(names) if names else {}
        return {name: len(group["members"]) for name, group in found.items()}

    def bounds(self, partitions: Sequence[Partition]) -> dict[Partition, Bounds]:
        if not partitions:
            return {}
        begins = self._offsets(partitions, OffsetSpec.EARLIEST)
        stables = self._offsets(partitions, OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED)
        ends = self._offsets(partitions, OffsetSpec.LATEST)
        return {p: Bounds(begin=begins[p], stable=stables[p], end=ends[p]) for p in partitions}

    def access(self) -> KafkaAccessControl:
        return KafkaAccessControl(self._client, user=self._user)

    def _offsets(
        self, partitions: Sequence[Partition], spec: Any, isolation: Any = IsolationLevel.READ_UNCOMMITTED
    ) -> dict[Partition, int]:
        topics = sorted({p.topic for p in partitions})
        with asking(f"asking for the bounds of {', '.join(topics[:5])}", user=self._user):
            try:
                found = self._client().list_partition_offsets(
                    {TopicPartition(*p): spec for p in partitions}, isolation_level=isolation, timeout_ms=8_000
                )
            except kafka.UnknownTopicOrPartitionError as error:
                # to kafka-python a topic that is closed to us is one that does not exist
                if closed := self.closed(topics):
                    raise kafka.TopicAuthorizationFailedError(closed) from error
                raise
        return {Partition(*tp): int(at.offset) for tp, at in found.items()}

    def _edge(self, partition: Partition, edge: Start) -> int:
        return self._offsets([partition], OffsetSpec.EARLIEST if edge == "earliest" else OffsetSpec.LATEST)[partition]

    def _client(self) -> Any:
        with self._lock:
            if self._admin is None:
                with asking(f"connecting to {self._settings['bootstrap_servers']}", user=self._user):
                    self._admin = KafkaAdminClient(
                        **self._settings, request_timeout_ms=8_000, reconnect_backoff_max_ms=1_000
                    )
            return self._admin

    def close(self) -> None:
        with self._lock:
            if self._admin is not None:
                self._admin.close()
                self._admin = None
