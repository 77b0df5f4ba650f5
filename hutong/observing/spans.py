"""The tracer that makes spans. The only module that imports ``opentelemetry``: its API, never an SDK.

Who exports them is the program's own choice: whatever SDK it configures; without one nothing is recorded, and the
context of an event is handed on to what is submitted while it is handled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from hutong.event import Event
from hutong.observing.tracing import HEADER, Tracer
from hutong.submitting.drafts import Draft

_KEY = "traceparent"


class SpanTracer(Tracer):
    """Spans of the instrumentation scope ``hutong``, by the provider that the program has set."""

    on: ClassVar[bool] = True

    def __init__(self) -> None:
        self._tracer = trace.get_tracer("hutong")
        self._format = TraceContextTextMapPropagator()

    @contextmanager
    def submitting(self, drafts: Sequence[Draft]) -> Iterator[str | None]:
        about: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.destination.name": "submissions",
            "messaging.batch.message_count": len(drafts),
            "hutong.type": drafts[0].data.TYPE,
            "hutong.ticket": drafts[0].ticket,
        }
        with self._tracer.start_as_current_span("submit", kind=SpanKind.PRODUCER, attributes=about):
            carrier: dict[str, str] = {}
            self._format.inject(carrier)
            yield carrier.get(_KEY)

    @contextmanager
    def handling(self, event: Event) -> Iterator[None]:
        about = {
            "messaging.system": "kafka",
            "messaging.destination.name": event.position.topic,
            "hutong.type": event.type,
            "hutong.ticket": event.ticket,
        }
        parent = self._parent((event.submission.header(HEADER) or b"").decode("ascii", "replace"))
        with self._tracer.start_as_current_span("handle", context=parent, kind=SpanKind.CONSUMER, attributes=about):
            yield

    def committed(self, name: str, traceparent: str, began_ns: int, about: Mapping[str, str]) -> None:
        self._tracer.start_span(
            name,
            context=self._parent(traceparent),
            kind=SpanKind.CONSUMER,
            attributes={"messaging.system": "kafka", **about},
            start_time=began_ns,
        ).end()

    def _parent(self, traceparent: str) -> Context:
        """The author's context; where he has none, or none that is valid, the beginning of a trace."""
        return self._format.extract({_KEY: traceparent}, context=Context())
