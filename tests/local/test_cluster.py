"""Three brokers are one cluster: one may die, and everything goes on; it comes back with all that it missed."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from hutong.transport import Outgoing, Partition, TopicSpec
from hutong.transport.kafka import KafkaTransport
from local.cluster import Cluster, Seat
from tests.chaos.leaders import all_in_sync, leader


@pytest.mark.timeout(180)
def test_a_cluster_outlives_the_leader_of_a_partition(tmp_path: Path) -> None:
    """What was acknowledged before its SIGKILL is there, writing goes on without it, and then it catches up."""
    with (
        Cluster(tmp_path, [Seat.local(number) for number in (1, 2, 3)]) as cluster,
        closing(KafkaTransport(cluster.bootstrap)) as transport,
        closing(transport.producer(client_id="test")) as producer,
        closing(transport.consumer(client_id="test")) as consumer,
    ):
        transport.create([TopicSpec(name="kept", partitions=1, replication=cluster.replication, config={})])
        producer.send([Outgoing(topic="kept", key=b"1", value=b"before")], timeout=30)
        first = leader(transport, "kept", 0.0)
        cluster.brokers[first].kill()
        producer.send([Outgoing(topic="kept", key=b"2", value=b"without it")], timeout=60)
        assert leader(transport, "kept", 0.0) != first
        assert not all_in_sync(transport)
        cluster.brokers[first].start()
        deadline = time.monotonic() + 60
        while not all_in_sync(transport):
            assert time.monotonic() < deadline, "the broker does not catch up"
        assert consumer.end(Partition("kept", 0)) == 2
