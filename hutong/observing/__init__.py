"""Metrics and traces of a program of the bus: both off, and then for nothing, until a setting asks for them.

``HUTONG_METRICS`` names an address at which Prometheus finds what :mod:`hutong.observing.metrics` lists.
``HUTONG_TRACES`` makes spans with OpenTelemetry's API, and hands their context on in the author's header
``ce_traceparent``. Each has an optional extra of its own (ADR 0023); nothing outside this package imports either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hutong.errors import SettingsError
from hutong.observing.metrics import Meter
from hutong.observing.tracing import Tracer
from hutong.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Observing:
    """What watches one program; as it is made here, nothing does."""

    meter: Meter = field(default_factory=Meter)
    tracer: Tracer = field(default_factory=Tracer)


def observing(settings: Settings, system: str) -> Observing:
    """What the settings ask for. The meter serves from now on, until it is closed.

    Raises:
        SettingsError: an extra is not installed, or the address is in use.
    """
    tracer = _tracer() if settings.traces else Tracer()
    return Observing(meter=_meter(settings.metrics, settings.organisation, system), tracer=tracer)


def _meter(address: str | None, organisation: str, system: str) -> Meter:
    if address is None:
        return Meter()
    try:
        from hutong.observing.prometheus import PrometheusMeter
    except ModuleNotFoundError as error:
        raise SettingsError(f"HUTONG_METRICS is set, but {error.name} is missing: install hutong[metrics]") from None
    return PrometheusMeter(address, organisation=organisation, system=system)


def _tracer() -> Tracer:
    try:
        from hutong.observing.spans import SpanTracer
    except ModuleNotFoundError as error:
        raise SettingsError(f"HUTONG_TRACES is set, but {error.name} is missing: install hutong[traces]") from None
    return SpanTracer()
