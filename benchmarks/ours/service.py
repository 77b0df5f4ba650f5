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
        self._given = 0
        self._written = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def consumer(self, *, group: str | None = None, **settings: Any) -> Any:
        """A consumer; one with a static id, which a service has, is counted."""
        consumer: Any = self._inner.consumer(group=group, **settings)
        if group is not None:
            poll = consumer.poll

            def counted(timeout: float, max_records: int = 500) -> dict[Partition, list[Record]]:
                if self._gauge.enough(self._given, self._written):
                    self._gauge.report(self._job, self._given, self._written)
                    os.kill(os.getpid(), signal.SIGTERM)
                generation = consumer.generation
                polled: dict[Partition, list[Record]] = poll(timeout, max_records)
                if consumer.generation == generation:  # otherwise the loop drops them, and reads them again
                    self._given += sum(map(len, polled.values()))
                return polled

            consumer.poll = counted
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
