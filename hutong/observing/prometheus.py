"""The meter that Prometheus reads. The only module that imports ``prometheus_client``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from hutong.errors import SettingsError
from hutong.observing.metrics import INFO, METRICS, Ask, Meter, Metric, Reading

_log = structlog.get_logger()


class PrometheusMeter(Meter):
    """Serves what it counted as text at ``http://<address>/metrics``, by a thread of its own, until it is closed.

    ``address`` is ``host:port``; port 0 is any free one, which the log tells. A registry of its own: whatever else the
    program counts with the Prometheus client is left alone.

    Raises:
        SettingsError: the address is in use, or none of this machine's.
    """

    on: ClassVar[bool] = True

    def __init__(self, address: str, *, organisation: str, system: str) -> None:
        registry = CollectorRegistry()
        for own in (ProcessCollector, PlatformCollector, GCCollector):
            own(registry=registry)
        self._counters = {
            m: Counter(m.name, m.help, m.labels, registry=registry) for m in METRICS if m.kind == "counter"
        }
        self._histograms = {
            m: Histogram(m.name, m.help, m.labels, registry=registry, buckets=m.buckets)
            for m in METRICS
            if m.kind == "histogram"
        }
        info = Reading(metric=INFO, labels=(organisation, system), value=1)
        self._asks: tuple[Ask, ...] = (lambda: (info,),)
        registry.register(_Gauges(self))
        host, _, port = address.rpartition(":")
        try:
            self._server, _ = start_http_server(int(port), host.strip("[]"), registry)
        except (OSError, OverflowError) as error:
            raise SettingsError(
                f"HUTONG_METRICS={address} cannot be served ({error}): does another program serve there? Each needs an "
                "address of its own; port 0 takes any"
            ) from error
        self.port = int(self._server.server_port)
        _log.info("metrics served", at=f"http://{host}:{self.port}/metrics")

    def add(self, metric: Metric, *labels: str, amount: int = 1) -> None:
        counter = self._counters[metric]
        (counter.labels(*labels) if labels else counter).inc(amount)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        histogram = self._histograms[metric]
        (histogram.labels(*labels) if labels else histogram).observe(value)

    def ask(self, readings: Ask) -> None:
        self._asks = (*self._asks, readings)

    def readings(self) -> Iterable[Reading]:
        """What all gauges show now."""
        return {(reading.metric, reading.labels): reading for readings in self._asks for reading in readings()}.values()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Gauges(Collector):
    """Asked when Prometheus asks."""

    def __init__(self, meter: PrometheusMeter) -> None:
        self._meter = meter

    def describe(self) -> Iterable[Family]:
        """Nothing beforehand: the registry would ask for the readings."""
        return ()

    def collect(self) -> Iterable[Family]:
        families: dict[Metric, GaugeMetricFamily] = {}
        for reading in self._meter.readings():
            metric = reading.metric
            family = families.setdefault(metric, GaugeMetricFamily(metric.name, metric.help, labels=metric.labels))
            family.add_metric(reading.labels, reading.value)
        return families.values()
