"""A KafkaProducer whose topics are known, whose futures are all looked at, and whose waiting ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer  # type: ignore[import-untyped]
from kafka import errors as kafka

from hutong import errors
from hutong.transport import Outgoing
from hutong.transport.kafka.fates import asked, asking
from hutong.transport.kafka.security import user_of
from hutong.transport.partition import partition_of
from hutong.transport.sending import MAX_REQUEST

SETTINGS: Mapping[str, object] = {
    "acks": "all",
    "enable_idempotence": True,
    "allow_auto_create_topics": False,
    "compression_type": "lz4",
    # Every send is flushed, so a long linger costs no time: it only keeps one request per record away.
    "linger_ms": 200,
    "batch_size": 262_144,
    "max_request_size": MAX_REQUEST,
    "request_timeout_ms": 8_000,
    "max_block_ms": 10_000,
    "retry_backoff_ms": 20,
    "reconnect_backoff_max_ms": 1_000,
    "metrics_enabled": False,
}
_TOPIC_WAIT = 5.0  # seconds a topic may take to become known, longer than a new one needs to spread


class Sender:
    """What both producers share: a KafkaProducer whose topics are known and whose futures are all looked at."""

    user: str | None = None
    """Who this is to the broker; None where it does not ask."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self.user = user_of(settings)
        with asking(f"connecting to {settings['bootstrap_servers']}", user=self.user):
            self.raw: Any = KafkaProducer(**settings)
        _one_deadline(self.raw._accumulator)

    def know(self, topics: set[str], deadline: float) -> None:
        """Learn the partitions of these topics, all by one refresh (one by one each would take a round of its own)."""
        cluster = self.raw._metadata
        unknown = sorted(t for t in topics if cluster.partitions_for_topic(t) is None)
        for topic in unknown:
            self.raw._sender.add_topic(topic)
        since = time.monotonic() * 1000
        for topic in unknown:
            wait = min(deadline - time.monotonic(), _TOPIC_WAIT)
            try:
                self.raw._wait_on_metadata(topic, max(wait, 0.001) * 1000)
            except kafka.KafkaTimeoutError as error:
                if cluster._last_successful_refresh_ms > since:
                    raise errors.SettingsError(
                        f"topic {topic} does not exist on the broker: create the city's topics first"
                    ) from error
                raise errors.Unavailable("the broker cannot be reached; nothing was sent") from error
            except kafka.KafkaError as error:
                raise asked(error, f"looking for topic {topic}", user=self.user) from error

    def hand_over(self, records: Sequence[Outgoing], futures: list[Any]) -> None:
        """Put records into the producer's buffer, one future each."""
        for record in records:
            futures.append(
                self.raw.send(
                    record.topic,
                    value=record.value,
                    key=record.key,
                    headers=list(record.headers),
                    partition=self.partition(record),
                )
            )

    def partition(self, record: Outgoing) -> int:
        """Where a record goes. Raises SettingsError for a partition its topic does not have."""
        known = self.raw._metadata.partitions_for_topic(record.topic)
        if record.partition is None:
            if record.key is None:
                raise ValueError(f"a record for {record.topic} needs a key or a partition")
            return partition_of(record.key, len(known))
        if record.partition not in known:
            raise errors.SettingsError(f"topic {record.topic} has no partition {record.partition}")
        return record.partition

    def flush(self, deadline: float) -> None:
        """Send what is buffered and wait for it. What is not done by the deadline stays undone in its future."""
        with suppress(kafka.KafkaTimeoutError):
            self.raw.flush(max(deadline - time.monotonic(), 0.001))

    def close(self, seconds: float) -> None:
        with suppress(kafka.KafkaError):
            self.raw.close(timeout=seconds)
        if not self.raw._closed:  # a flush that timed out leaves the threads running
            self.raw._unregister_cleanup()
            self.raw._sender.force_close()
            self.raw._closed = True


def _one_deadline(accumulator: Any) -> None:
    """Let a flush end at its timeout. kafka-python gives each unfinished batch the whole of it, one after another:
    behind two batches that wait for a silent broker, 40 s took 54 (measured)."""

    def wait(timeout: float | None = None) -> None:
        deadline = time.monotonic() + (timeout if timeout is not None else threading.TIMEOUT_MAX / 2)
        try:
            for batch in accumulator._incomplete.all():
                if not batch.produce_future.wait(timeout=max(deadline - time.monotonic(), 0.0)):
                    raise kafka.KafkaTimeoutError("not everything was sent in time")
        finally:
            accumulator._flushes_in_progress.decrement()

    accumulator.await_flush_completion = wait
