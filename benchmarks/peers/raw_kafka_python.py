"""``python -m benchmarks.peers.raw_kafka_python WHAT JOB``: kafka-python alone, a batch at a time, at least once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from kafka import KafkaConsumer, KafkaProducer  # type: ignore[import-untyped]

from benchmarks.measuring import Gauge, Job

_BATCH = 500


def main(what: str) -> None:
    """Pass events on: ``bare``, or with the ``same`` work as admit."""
    job = Job.of_argument()
    consumer: Any = KafkaConsumer(
        job.source,
        bootstrap_servers=job.bootstrap,
        group_id=job.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=_BATCH,
    )
    producer: Any = KafkaProducer(bootstrap_servers=job.bootstrap, acks="all", compression_type="lz4", linger_ms=50)
    take, keep = _same(job) if what == "same" else (_everything, _nothing)
    gauge, done = Gauge(job.warm, job.count), 0
    while not gauge.enough(done):
        for records in consumer.poll(1000).values():
            sent = [
                producer.send(job.sink, key=record.key, value=record.value, headers=list(record.headers))
                for record in records
                if take(record)
            ]
            producer.flush()
            for future in sent:
                future.get()
            keep()
            consumer.commit()
            done += len(records)
    gauge.report(job, done)


def _everything(record: Any) -> bool:
    return True


def _nothing() -> None:
    pass


def _same(job: Job) -> tuple[Callable[[Any], bool], Callable[[], None]]:
    from benchmarks.peers.work import Seen, Work

    work, seen = Work(job.keys), Seen(job.folder)
    return lambda record: seen.is_new(work.do(record.key, record.value, record.headers)), seen.keep


if __name__ == "__main__":
    main(sys.argv.pop(1))
