"""``python -m benchmarks.ours.service NAME JOB``: a city's service as it is, measured from within.

Whatever a poll gave out is finished when the next one is asked for (see :class:`hutong.loop.Loop`): decided, written
in a committed transaction, its position committed. So events are counted at the consumer's poll.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.measuring import Job, gauge_of
from hutong.transport import Outgoing, Partition, Placed, Record, Transport
from hutong.transport.choice import transport_of


class Measured:
    """The transport of a program whose member of a group is measured."""

    def __init__(self, inner: Transport, job: Job) -> None:
        self._inner = inner
        self._job = job
        self._gauge = gauge_of(job)
        self._in_hand = 0
        self._finished = 0
        self._written = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def consumer(self, *, group: str | None = None, **settings: Any) -> Any:
        """A consumer; one with a static id, which a service has, is counted."""
        consumer: Any = self._inner.consumer(group=group, **settings)
        if group is not None:
            poll, seek = consumer.poll, consumer.seek

            def counted(timeout: float, max_records: int = 500) -> dict[Partition, list[Record]]:
                self._finished += self._in_hand
                if self._gauge.enough(self._finished, self._written):
                    self._gauge.report(self._job, self._finished, self._written)
                    os.kill(os.getpid(), signal.SIGTERM)
                polled: dict[Partition, list[Record]] = poll(timeout, max_records)
                self._in_hand = sum(map(len, polled.values()))
                return polled

            def dropping(partition: Partition, offset: int) -> None:
                self._in_hand = 0  # the loop goes to where its owner begins: what it was given until then it drops
                seek(partition, offset)

            consumer.poll, consumer.seek = counted, dropping
        return consumer

    def transactional(self, **settings: Any) -> Any:
        """A producer that counts what it writes."""
        producer: Any = self._inner.transactional(**settings)
        write = producer.write

        def counted(records: Sequence[Outgoing], **more: Any) -> list[Placed]:
            placed: list[Placed] = write(records, **more)
            self._written += len(placed)
            return placed

        producer.write = counted
        return producer


def main(name: str) -> None:
    """Run ``services.<name>`` until it has finished what the job asks."""
    job = Job.of_argument()
    service: Any = importlib.import_module(f"services.{name}.__main__")
    service.transport_of = lambda settings: Measured(transport_of(settings), job)
    service.main()


if __name__ == "__main__":
    name = sys.argv.pop(1)
    main(name)
