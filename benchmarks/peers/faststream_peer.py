"""``python -m benchmarks.peers.faststream_peer WHAT JOB``: FastStream on Kafka (its aiokafka broker), with decorators.

One event at a time, as its tutorials have it; positions are committed every five seconds, its default. Its own parser
reads headers as text, which a signature is not: so a custom parser, and the signature goes on in hex. In batches it
has one set of headers for all of them, so only what carries none is passed on so (``bare-batch``, ``typed-batch``).
"""

import asyncio
import sys
from typing import Any

from faststream import FastStream
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER

from benchmarks.measuring import Gauge, Job

_BATCH = 500
_BATCH_BYTES = 1024 * 1024


def main(what: str) -> None:
    """Pass events on ``bare``, or with the ``same`` work as admit; or take them as models (``typed``)."""
    job = Job.of_argument()
    broker = KafkaBroker(job.bootstrap, max_batch_size=_BATCH_BYTES)
    app = FastStream(broker)
    gauge, done = Gauge(job.warm, job.count), 0

    def finished(count: int) -> None:
        nonlocal done
        done += count
        if gauge.enough(done):
            gauge.report(job, done)
            app.exit()

    options: Any = {"group_id": job.group, "auto_offset_reset": "earliest"}
    if what.endswith("-batch"):
        options |= {"batch": True, "max_records": _BATCH, "parser": _parse_batch}
    else:
        options["parser"] = _parse
    _SUBSCRIBE[what](broker, job, options, finished)
    asyncio.run(app.run())


async def _parse(raw: Any) -> KafkaMessage:
    headers = {name: value.decode("latin-1") for name, value in raw.headers}
    return KafkaMessage(body=raw.value, headers=headers, raw_message=raw, consumer=FAKE_CONSUMER)


async def _parse_batch(raw: Any) -> KafkaMessage:
    bodies = [each.value for each in raw]
    return KafkaMessage(body=bodies, headers={}, raw_message=raw, consumer=FAKE_CONSUMER)


async def _body(message: KafkaMessage) -> Any:
    return message.body


def _bare(broker: KafkaBroker, job: Job, options: Any, finished: Any) -> None:
    @broker.subscriber(job.source, decoder=_body, **options)
    @broker.publisher(job.sink)
    async def handle(body: bytes) -> bytes:
        finished(1)
        return body


def _bare_batch(broker: KafkaBroker, job: Job, options: Any, finished: Any) -> None:
    publisher = broker.publisher(job.sink, batch=True)

    @broker.subscriber(job.source, decoder=_body, **options)
    async def handle(bodies: list[bytes]) -> None:
        await publisher.publish(*bodies)
        finished(len(bodies))


def _same(broker: KafkaBroker, job: Job, options: Any, finished: Any) -> None:
    from benchmarks.peers.work import Seen, Work

    work, seen = Work(job.keys), Seen(job.folder)
    publisher = broker.publisher(job.sink)

    @broker.subscriber(job.source, decoder=_body, **options)
    async def handle(body: bytes, message: KafkaMessage) -> None:
        raw: Any = message.raw_message
        id_ = work.do(raw.key, body, raw.headers)
        if seen.is_new(id_):
            signature = message.headers["signature"].encode("latin-1").hex()
            await publisher.publish(body, key=raw.key, headers={**message.headers, "signature": signature})
            seen.keep()
        finished(1)


def _typed(broker: KafkaBroker, job: Job, options: Any, finished: Any) -> None:
    from benchmarks.peers.work import Reading
    from hutong.events import EventData

    reading = Reading()

    async def decode(message: KafkaMessage) -> EventData:
        return reading.read(message.body)

    @broker.subscriber(job.source, decoder=decode, **options)
    async def handle(event: EventData) -> None:
        finished(1)


def _typed_batch(broker: KafkaBroker, job: Job, options: Any, finished: Any) -> None:
    from benchmarks.peers.work import Reading
    from hutong.events import EventData

    reading = Reading()

    async def decode(message: KafkaMessage) -> list[EventData]:
        bodies: Any = message.body
        return [reading.read(body) for body in bodies]

    @broker.subscriber(job.source, decoder=decode, **options)
    async def handle(events: list[EventData]) -> None:
        finished(len(events))


_SUBSCRIBE = {
    "bare": _bare,
    "bare-batch": _bare_batch,
    "same": _same,
    "typed": _typed,
    "typed-batch": _typed_batch,
}


if __name__ == "__main__":
    main(sys.argv.pop(1))
