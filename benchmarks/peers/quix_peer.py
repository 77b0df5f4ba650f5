"""``python -m benchmarks.peers.quix_peer WHAT JOB``: Quix Streams, a StreamingDataFrame over bytes.

Its own state (RocksDB, backed by a changelog topic, as is its default) remembers ids, ticket by ticket. At least once,
its default: what it wrote is flushed, and positions are committed, every five seconds and at the end.
"""

from __future__ import annotations

import sys
from typing import Any

from quixstreams import Application, State

from benchmarks.measuring import Gauge, Job


def main(what: str) -> None:
    """Pass events on ``bare``, or with the ``same`` work as admit; or take them as models (``typed``)."""
    job = Job.of_argument()
    app = Application(
        broker_address=job.bootstrap,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        state_dir=job.folder,
        loglevel="WARNING",
    )
    topic = app.topic(job.source, key_deserializer="bytes", value_deserializer="bytes")
    frame: Any = app.dataframe(topic)
    if what == "same":
        frame = frame.filter(_same(job), metadata=True, stateful=True)
    if what == "typed":
        frame = frame.apply(_read())
    else:
        frame = frame.to_topic(app.topic(job.sink, key_serializer="bytes", value_serializer="bytes"))
    gauge, done = Gauge(job.warm, job.count), 0

    def finished(value: object) -> None:
        nonlocal done
        done += 1
        if gauge.enough(done):
            app.stop()

    frame.update(finished)
    app.run()
    gauge.report(job, done)


def _read() -> Any:
    from benchmarks.peers.work import Reading

    return Reading().read


def _same(job: Job) -> Any:
    from benchmarks.peers.work import Work

    work = Work(job.keys)

    def is_new(value: bytes, key: bytes, timestamp: int, headers: Any, state: State) -> bool:
        id_ = work.do(key, value, headers)
        if state.exists(id_):
            return False
        state.set(id_, True)
        return True

    return is_new


if __name__ == "__main__":
    main(sys.argv.pop(1))
