"""Asking a broker, as one user, for everything: what it answers says whether that is allowed, and nothing is changed.

Each request is one that the broker judges by its ACLs first, and then refuses or leaves empty for another reason: no
records in it, a heartbeat of nobody, a topic that is only to be validated. So all can be tried on a city that works.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from kafka import KafkaAdminClient  # type: ignore[import-untyped]
from kafka import errors as kafka
from kafka.admin import ConfigResource, ConfigResourceType  # type: ignore[import-untyped]
from kafka.protocol.admin import DeleteTopicsRequest  # type: ignore[import-untyped]
from kafka.protocol.admin.groups import DescribeGroupsRequest  # type: ignore[import-untyped]
from kafka.protocol.consumer import FetchRequest, HeartbeatRequest  # type: ignore[import-untyped]
from kafka.protocol.producer import InitProducerIdRequest, ProduceRequest  # type: ignore[import-untyped]

from hutong.settings import Settings
from hutong.transport.kafka.security import security
from hutong.transport.login import login_of

DENIED = {
    error.errno
    for error in (
        kafka.TopicAuthorizationFailedError,
        kafka.GroupAuthorizationFailedError,
        kafka.TransactionalIdAuthorizationFailedError,
        kafka.ClusterAuthorizationFailedError,
    )
}
NAMED = 12
"""The last version of Produce and Fetch that names topics, and does not number them."""

PRODUCER_ID = "a producer's id"
"""What idempotent sending begins with."""


class Attempts:
    """One user, tried. Every answer is what was allowed of what was asked for."""

    def __init__(self, settings: Settings) -> None:
        self._admin = KafkaAdminClient(bootstrap_servers=settings.bootstrap, **security(login_of(settings)))

    def close(self) -> None:
        self._admin.close()

    def table(self, topics: Collection[str], groups: Collection[str], ids: Collection[str]) -> Mapping[str, str]:
        """What → ``r`` read (join, for a group), ``w`` write (own, for an id), ``d`` only know of it, ``c`` know its
        settings, ``D`` delete."""
        reads, writes = self.reads(topics) | self.joins(groups), self.writes(topics) | self.owns(ids)
        knows, deletes = self.knows(topics) | self.sees(groups), self.deletes(topics)
        configs = self.configs(topics)
        found = {}
        for each in [*topics, *groups, *ids]:
            may = "r" * (each in reads) + "w" * (each in writes)
            found[each] = (may or "d" * (each in knows) or "-") + "c" * (each in configs) + "D" * (each in deletes)
        return found

    def reads(self, topics: Collection[str]) -> set[str]:
        part = FetchRequest.FetchTopic.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1)
        wanted = [FetchRequest.FetchTopic(topic=topic, partitions=[part]) for topic in topics]
        answer = self._ask(FetchRequest(max_wait_ms=0, min_bytes=0, topics=wanted, max_version=NAMED))
        return {each.topic for each in answer.responses if each.partitions[0].error_code not in DENIED}

    def writes(self, topics: Collection[str]) -> set[str]:
        data = ProduceRequest.TopicProduceData
        wanted = [
            data(name=topic, partition_data=[data.PartitionProduceData(index=0, records=b"")]) for topic in topics
        ]
        request = ProduceRequest(transactional_id=None, acks=-1, timeout_ms=5_000, topic_data=wanted, max_version=NAMED)
        codes = {each.name: each.partition_responses[0].error_code for each in self._ask(request).responses}
        assert 0 not in codes.values(), "nothing can have been written"
        return {topic for topic, code in codes.items() if code not in DENIED}

    def knows(self, topics: Collection[str]) -> set[str]:
        return {each["name"] for each in self._admin.describe_topics(list(topics)) if each["error_code"] not in DENIED}

    def configs(self, topics: Collection[str]) -> set[str]:
        wanted = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
        return {topic for topic, told in self._admin.describe_configs(wanted).get("topic", {}).items() if told}

    def creates(self, topics: Collection[str]) -> set[str]:
        answer = self._admin.create_topics(
            {topic: {"num_partitions": 1, "replication_factor": 1} for topic in topics},
            validate_only=True,
            raise_errors=False,
        )
        return {each["name"] for each in answer["topics"] if each["error_code"] not in DENIED}

    def deletes(self, topics: Collection[str]) -> set[str]:
        """The one request here that would do what it asks for."""
        request = DeleteTopicsRequest(topic_names=list(topics), timeout_ms=5_000, max_version=5)
        return {each.name for each in self._ask(request).responses if each.error_code not in DENIED}

    def joins(self, groups: Collection[str]) -> set[str]:
        def code(group: str) -> int:
            request = HeartbeatRequest(group_id=group, generation_id=1, member_id="nobody", group_instance_id=None)
            return int(self._ask(request).error_code)

        return {group for group in groups if code(group) not in DENIED}

    def sees(self, groups: Collection[str]) -> set[str]:
        answer = self._ask(DescribeGroupsRequest(groups=list(groups), include_authorized_operations=False))
        return {each.group_id for each in answer.groups if each.error_code not in DENIED}

    def owns(self, ids: Collection[str]) -> set[str]:
        def code(id: str) -> int:
            name = None if id == PRODUCER_ID else id
            return int(self._ask(InitProducerIdRequest(transactional_id=name, transaction_timeout_ms=1_000)).error_code)

        return {id for id in ids if code(id) not in DENIED}

    def _ask(self, request: Any) -> Any:
        return self._admin._manager.run(self._admin._manager.send, request)
