"""What a service has committed, counted and traced at the one place where all of it passes: its producers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hutong.observing import Observing
from hutong.observing.metrics import Metric
from hutong.observing.tracing import HEADER
from hutong.transport import Consumer, Header, Outgoing, Partition, Placed, Position, TransactionalProducer


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a committed record says: of ``metric`` one more with these ``labels``. ``author`` are the headers of the
    event that it came of; none where nobody proved to have signed it, since a stranger must not write into traces."""

    metric: Metric
    labels: tuple[str, ...]
    author: Sequence[Header]


OutcomeOf = Callable[[Outgoing], Outcome]


class Watch:
    """Watches the producers of the service ``name``; all of its partitions work in one thread."""

    def __init__(self, name: str, observing: Observing, outcome_of: OutcomeOf) -> None:
        self.meter = observing.meter
        self._name = name
        self._tracer = observing.tracer
        self._outcome_of = outcome_of
        self._began_ns = 0

    def over(self, producer: TransactionalProducer) -> TransactionalProducer:
        """The producer, watched where anything is."""
        return _Watched(producer, self) if self.meter.on or self._tracer.on else producer

    def begin(self) -> None:
        """A batch is in hand from now on."""
        self._began_ns = time.time_ns()

    def committed(self, records: Sequence[Outgoing]) -> None:
        """These are committed."""
        for record in records:
            outcome = self._outcome_of(record)
            self.meter.add(outcome.metric, *outcome.labels)
            traceparent = next((value for name, value in outcome.author if name == HEADER), None)
            if traceparent is not None and self._tracer.on:
                about = {
                    "messaging.destination.name": record.topic,
                    "hutong.ticket": (record.key or b"").decode("utf-8", "replace"),
                    **{f"hutong.{n}": v for n, v in zip(outcome.metric.labels, outcome.labels, strict=True) if v},
                }
                self._tracer.committed(self._name, traceparent.decode("ascii", "replace"), self._began_ns, about)


class _Watched:
    """:class:`hutong.transport.TransactionalProducer` that tells the watch what is committed."""

    def __init__(self, producer: TransactionalProducer, watch: Watch) -> None:
        self._producer = producer
        self._watch = watch
        self.sweep = producer.sweep
        self.close = producer.close

    def write(
        self,
        records: Sequence[Outgoing],
        *,
        positions: Mapping[Partition, Position] | None = None,
        consumer: Consumer | None = None,
        begins: Mapping[Partition, int] | None = None,
        timeout: float,
    ) -> list[Placed]:
        placed = self._producer.write(records, positions=positions, consumer=consumer, begins=begins, timeout=timeout)
        self._watch.committed(records)
        return placed
