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
from opentelemetry.trace import SpanKind, StatusCode
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
        with self._span("submit", SpanKind.PRODUCER, about):
            carrier: dict[str, str] = {}
            self._format.inject(carrier)
            yield carrier.get(_KEY)

    @contextmanager
    def handling(self, event: Event) -> Iterator[None]:
        about: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.destination.name": event.position.topic,
            "hutong.type": event.type,
            "hutong.ticket": event.ticket,
        }
        parent = self._parent((event.submission.header(HEADER) or b"").decode("ascii", "replace"))
        with self._span("handle", SpanKind.CONSUMER, about, parent):
            yield

    def committed(self, name: str, traceparent: str, began_ns: int, about: Mapping[str, str]) -> None:
        self._tracer.start_span(
            name,
            context=self._parent(traceparent),
            kind=SpanKind.CONSUMER,
            attributes={"messaging.system": "kafka", **about},
            start_time=began_ns,
        ).end()

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, about: Mapping[str, str | int], parent: Context | None = None
    ) -> Iterator[None]:
        """A span that is current inside. Of an error it tells the class alone: its text may be a citizen's."""
        with self._tracer.start_as_current_span(
            name, context=parent, kind=kind, attributes=about, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise

    def _parent(self, traceparent: str) -> Context:
        """The author's context; where he has none, or none that is valid, the beginning of a trace."""
        return self._format.extract({_KEY: traceparent}, context=Context())
