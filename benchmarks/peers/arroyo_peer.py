"""``python -m benchmarks.peers.arroyo_peer WHAT JOB``: sentry-arroyo, as "Getting started" has it.

A chain of strategies: (the work, as a filter) → Produce → CommitOffsets, once a second. At least once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from arroyo.backends.kafka import KafkaConsumer, KafkaPayload, KafkaProducer
from arroyo.backends.kafka.configuration import build_kafka_configuration, build_kafka_consumer_configuration
from arroyo.commit import ONCE_PER_SECOND
from arroyo.processing.processor import StreamProcessor
from arroyo.processing.strategies import CommitOffsets, FilterStep, ProcessingStrategyFactory, Produce, RunTask
from arroyo.types import Commit, Message, Partition, Topic

from benchmarks.measuring import Gauge, Job

_KEEP_EVERY = 500


class Passing(ProcessingStrategyFactory[KafkaPayload]):
    """Makes the chain. ``wanted`` says whether a message goes on; ``finished`` is called behind each that has."""

    def __init__(
        self,
        producer: KafkaProducer,
        sink: str,
        wanted: Callable[[Message[KafkaPayload]], bool] | None,
        finished: Callable[[], None],
    ) -> None:
        self._producer = producer
        self._sink = Topic(sink)
        self._wanted = wanted
        self._finished = finished

    def create_with_partitions(self, commit: Commit, partitions: Mapping[Partition, int]) -> Any:
        """The chain of one assignment."""
        produce = Produce(self._producer, self._sink, RunTask(self._count, CommitOffsets(commit)))
        return produce if self._wanted is None else FilterStep(self._wanted, produce)

    def _count(self, message: Message[Any]) -> Any:
        self._finished()
        return message.payload


def main(what: str) -> None:
    """Pass events on: ``bare``, or with the ``same`` work as admit."""
    job = Job.of_argument()
    consumer = KafkaConsumer(
        build_kafka_consumer_configuration(
            default_config={},
            bootstrap_servers=[job.bootstrap],
            auto_offset_reset="earliest",
            group_id=job.group,
        )
    )
    producer = KafkaProducer(build_kafka_configuration(default_config={}, bootstrap_servers=[job.bootstrap]))
    gauge, done = Gauge(job.warm, job.count), 0

    def finished() -> None:
        nonlocal done
        done += 1
        if gauge.enough(done):
            gauge.report(job, done)
            processor.signal_shutdown()

    processor = StreamProcessor(
        consumer=consumer,
        topic=Topic(job.source),
        processor_factory=Passing(producer, job.sink, _same(job) if what == "same" else None, finished),
        commit_policy=ONCE_PER_SECOND,
    )
    processor.run()


def _same(job: Job) -> Callable[[Message[KafkaPayload]], bool]:
    from benchmarks.peers.work import Seen, Work

    work, seen = Work(job.keys), Seen(job.folder)
    done = 0

    def wanted(message: Message[KafkaPayload]) -> bool:
        nonlocal done
        payload = message.payload
        new = seen.is_new(work.do(payload.key or b"", payload.value, payload.headers))
        done += 1
        if done % _KEEP_EVERY == 0:
            seen.keep()
        return new

    return wanted


if __name__ == "__main__":
    main(sys.argv.pop(1))
