"""``python -m benchmarks.peers.raw_confluent WHAT JOB``: confluent-kafka alone, a batch at a time, at least once."""

from __future__ import annotations

import sys
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaException, Message, Producer

from benchmarks.measuring import Gauge, Job

_BATCH = 500


def main(what: str) -> None:
    """Pass events on: ``bare``, or with the ``same`` work as admit."""
    job = Job.of_argument()
    consumer = Consumer(
        {
            "bootstrap.servers": job.bootstrap,
            "group.id": job.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    producer = Producer({"bootstrap.servers": job.bootstrap, "enable.idempotence": True, "compression.type": "lz4"})
    take, keep = _same(job) if what == "same" else (_everything, _nothing)
    consumer.subscribe([job.source])
    gauge, done = Gauge(job.warm, job.count), 0
    while not gauge.enough(done):
        messages = consumer.consume(_BATCH, 1.0)
        for message in messages:
            if message.error():
                raise KafkaException(message.error())
            if take(message):
                producer.produce(
                    job.sink, message.value(), message.key(), headers=message.headers(), on_delivery=_delivered
                )
        producer.flush()
        keep()
        if messages:
            consumer.commit(asynchronous=False)
        done += len(messages)
    gauge.report(job, done)
    consumer.close()


def _delivered(error: object, message: Message) -> None:
    if error is not None:
        raise RuntimeError(str(error))


def _everything(message: Message) -> bool:
    return True


def _nothing() -> None:
    pass


def _same(job: Job) -> tuple[Callable[[Message], bool], Callable[[], None]]:
    from benchmarks.peers.work import Seen, Work

    work, seen = Work(job.keys), Seen(job.folder)
    return lambda message: seen.is_new(work.do(message.key(), message.value(), message.headers() or ())), seen.keep


if __name__ == "__main__":
    main(sys.argv.pop(1))
