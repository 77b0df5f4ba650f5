"""What a program of the bus counts, as a table, and the meter that counts it.

Names and units follow Prometheus' conventions. Every label has few values, known beforehand: topics and partitions that
the program reads, streams, outcomes, reasons for a refusal; never a ticket, an event or a person.
``docs/observing.md`` is drawn from :data:`METRICS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

Kind = Literal["counter", "gauge", "histogram"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_RECORDS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One row of the table. ``buckets`` are the upper bounds of a histogram's."""

    name: str
    kind: Kind
    labels: tuple[str, ...] = ()
    help: str
    buckets: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a gauge shows; ``labels`` are values in the order of the metric's names."""

    metric: Metric
    labels: tuple[str, ...] = ()
    value: float


Ask = Callable[[], Iterable[Reading]]
"""Called at each scrape, from another thread than the program's, maybe from several."""


class Meter:
    """Counts. This one counts nothing; see :class:`hutong.observing.prometheus.PrometheusMeter`."""

    on: ClassVar[bool] = False
    """Whether it is worth finding out what it is to be told."""

    def add(self, metric: Metric, *labels: str, amount: int = 1) -> None:
        """So many more of a counter."""

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """One more value of a histogram."""

    def ask(self, readings: Ask) -> None:
        """Show these gauges from now on. Of two readings with the same labels the one asked last counts."""

    def close(self) -> None:
        """Serve no more."""


INFO = Metric(
    name="hutong_info",
    kind="gauge",
    labels=("organisation", "system"),
    help="1; its labels say which program this is.",
)
ADMIT_EVENTS = Metric(
    name="hutong_admit_events_total",
    kind="counter",
    labels=("outcome", "code"),
    help="Submissions with their committed outcome: admitted, or refused with a code of docs/wire.md. One that was on "
    "the ledger before, byte for byte, has none.",
)
DELIVER_DELIVERIES = Metric(
    name="hutong_deliver_deliveries_total",
    kind="counter",
    labels=("stream",),
    help="Deliveries that deliver wrote to organisations' doors, committed, of the stream ledger or refusals.",
)
SUBMIT_EVENTS = Metric(
    name="hutong_submit_events_total",
    kind="counter",
    help="Events that this program submitted and that all in-sync replicas have.",
)
HANDLE_EVENTS = Metric(
    name="hutong_handle_events_total",
    kind="counter",
    labels=("outcome",),
    help="Deliveries with their fate: handled; parked, failed for good; behind, parked behind one of the same ticket.",
)
HANDLE_RETRIES = Metric(
    name="hutong_handle_retries_total",
    kind="counter",
    labels=("why",),
    help="Deliveries given out again: the program failed, or waits for what passes, such as a broker.",
)
HANDLE_SECONDS = Metric(
    name="hutong_handle_seconds",
    kind="histogram",
    labels=("outcome",),
    help="Time inside `with event:`, for each try: handled, failed, waits, or ended, as the subscription does with it.",
    buckets=_SECONDS,
)
BATCH_RECORDS = Metric(
    name="hutong_consume_batch_records",
    kind="histogram",
    labels=("topic",),
    help="Records of one partition that one poll brought and the program finished.",
    buckets=_RECORDS,
)
BATCH_SECONDS = Metric(
    name="hutong_consume_batch_seconds",
    kind="histogram",
    help="Time from a poll that brought records until all of them are finished.",
    buckets=_SECONDS,
)
POSITION = Metric(
    name="hutong_consume_position_offset",
    kind="gauge",
    labels=("topic", "partition"),
    help="The next offset of a partition that this program owns; everything before it is finished.",
)
STABLE = Metric(
    name="hutong_consume_stable_offset",
    kind="gauge",
    labels=("topic", "partition"),
    help="Where an open transaction begins, which nobody reads committed data beyond; the end, where none is open.",
)
END = Metric(
    name="hutong_consume_end_offset",
    kind="gauge",
    labels=("topic", "partition"),
    help="The offset behind the partition's last record, as the broker tells at the scrape.",
)
LAG = Metric(
    name="hutong_consume_lag_records",
    kind="gauge",
    labels=("topic", "partition"),
    help="From the position to the end. Markers of transactions count, until they are passed.",
)
PARKED = Metric(
    name="hutong_parked_tickets",
    kind="gauge",
    help="Tickets of this system that are parked on the partitions it owns.",
)
PARKED_OLDEST = Metric(
    name="hutong_parked_oldest_timestamp_seconds",
    kind="gauge",
    help="When the oldest letter among them was written (Unix time); absent while nothing is parked.",
)
OUTBOX = Metric(
    name="hutong_outbox_events",
    kind="gauge",
    help="Events that wait in the outbox for the broker.",
)

METRICS = (
    INFO,
    SUBMIT_EVENTS,
    ADMIT_EVENTS,
    DELIVER_DELIVERIES,
    HANDLE_EVENTS,
    HANDLE_RETRIES,
    HANDLE_SECONDS,
    BATCH_RECORDS,
    BATCH_SECONDS,
    POSITION,
    STABLE,
    END,
    LAG,
    PARKED,
    PARKED_OLDEST,
    OUTBOX,
)
"""All there are, besides those of the process and of Python, which the Prometheus client has of its own."""
