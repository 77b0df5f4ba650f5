"""Traces on a city in memory: one trace from an author to whoever handles his event, with the SDK's own exporter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import hutong
from hutong import complaint, disposition
from hutong.observing import Observing
from hutong.observing.spans import SpanTracer
from hutong.observing.tracing import HEADER
from services.admit.outcomes import outcome_of as admitted
from services.deliver.outcomes import outcome_of as delivered
from services.owning.observed import Watch
from tests.cities import CITY, TwinCity
from tests.docs.recompute import ROOT

WATER = "110000.water"
FILED = complaint.Filed(
    kind=complaint.Kind.COMPLAINT, channel="phone", category="public_service/water", area="110105026"
)
EXPORTED = InMemorySpanExporter()


@pytest.fixture(scope="module", autouse=True)
def provider() -> None:
    """A process has one provider; nothing else in it makes spans unless its settings say so."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(EXPORTED))
    trace.set_tracer_provider(provider)


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwinCity]:
    """A city whose admit and deliver make spans."""
    EXPORTED.clear()
    with TwinCity(tmp_path) as city:
        city.register(WATER)
        transactional, observing = city.transport.transactional, Observing(tracer=SpanTracer())
        watches = {name: Watch(name, observing, of) for name, of in (("admit", admitted), ("deliver", delivered))}
        monkeypatch.setattr(
            city.transport,
            "transactional",
            lambda **given: watches[given["client_id"]].over(transactional(**given)),
        )
        city.take_over()
        yield city


def spans(name: str) -> list[ReadableSpan]:
    return [span for span in EXPORTED.get_finished_spans() if span.name == name]


def about(span: ReadableSpan) -> Mapping[str, object]:
    return dict(span.attributes or {})


def parent(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.trace_id)


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def carried(event: hutong.Event) -> tuple[int, int]:
    """Trace and span in the event's signed header."""
    _, trace_id, span_id, _ = (event.submission.header(HEADER) or b"").decode().split("-")
    return int(trace_id, 16), int(span_id, 16)


def handle(bus: hutong.Bus, count: int) -> list[hutong.Event]:
    """Handle so many deliveries; a dispatch is accepted."""
    seen = []
    for event in bus.subscribe():
        with event:
            if isinstance(event.data, disposition.Dispatched):
                bus.submit(disposition.Accepted(), answers=event)
        seen.append(event)
        if len(seen) == count:
            return seen
    raise AssertionError("stopped")


def test_one_trace_leads_from_the_author_through_the_city_to_the_handler_and_to_his_answer(city: TwinCity) -> None:
    """Everybody's span is a child of the author's, whose context is in the signed header; an answer given inside the
    block is a child of the block."""
    hotline, water = city.connect(CITY, traces=True), city.connect(WATER, traces=True)
    ticket = hotline.submit(FILED).ticket
    EXPORTED.clear()
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket)
    _, event = handle(water, 2)

    (dispatch, accept) = spans("submit")
    assert parent(dispatch) is None
    assert carried(event) == (trace_of(dispatch), id_of(dispatch))
    first, second = spans("admit")
    assert (parent(first), parent(second)) == (id_of(dispatch), id_of(accept))
    assert about(first)["hutong.outcome"] == "admitted"
    types = [about(span)["hutong.type"] for span in spans("handle")]
    assert types == [complaint.Filed.TYPE, disposition.Dispatched.TYPE]
    block = spans("handle")[1]
    assert parent(block) == id_of(dispatch)
    assert parent(accept) == id_of(block)
    doors = {(about(span)["messaging.destination.name"], parent(span)) for span in spans("deliver")}
    assert {(f"deliveries.{CITY}", id_of(dispatch)), (f"deliveries.{WATER}", id_of(dispatch))} <= doors
    assert {(f"deliveries.{CITY}", id_of(accept)), (f"deliveries.{WATER}", id_of(accept))} <= doors
    everything = {trace_of(span) for span in (dispatch, first, block, accept, second)}
    assert everything == {trace_of(dispatch)}


def test_a_retry_in_another_span_makes_the_same_event_and_the_first_stays(city: TwinCity) -> None:
    """The handler sends its answer and dies before its block ends; the next try has a span, a context and bytes of its
    own, under the same id: the ledger has one, and the repeat is a success."""
    hotline, water = city.connect(CITY, traces=True), city.connect(WATER, traces=True, retries=1)
    ticket = hotline.submit(FILED).ticket
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket)
    sent: list[hutong.Submitted] = []
    for event in water.subscribe(types=[disposition.Dispatched]):
        with event:
            sent.append(water.submit(disposition.Accepted(), answers=event, wait="admitted"))
            if len(sent) == 1:
                raise ValueError("dies behind its answer")
        if len(sent) == 2:
            break

    tries = spans("handle")[-2:]
    assert [parent(span) for span in tries] == [id_of(spans("submit")[1])] * 2
    assert [span.status.is_ok for span in tries] == [False, True]
    accepts = spans("submit")[-2:]
    assert [parent(span) for span in accepts] == [id_of(span) for span in tries]
    assert sent[0].id == sent[1].id
    assert sent[0].fingerprint != sent[1].fingerprint
    assert sent[1].refusal is not None
    assert (sent[1].refusal.code, sent[1].refused) == ("already_admitted", False)
    (accepted,) = [e for e in hotline.replay(ticket=ticket) if isinstance(e.data, disposition.Accepted)]
    assert carried(accepted) == (trace_of(accepts[0]), id_of(accepts[0]))


def test_a_refused_event_of_a_proved_author_is_in_his_trace_and_a_strangers_is_in_none(city: TwinCity) -> None:
    """A stranger chooses any trace he likes: nothing of his is written there."""
    hotline, water = city.connect(CITY, traces=True), city.connect(WATER, traces=True)
    ticket = hotline.submit(FILED).ticket
    EXPORTED.clear()
    with pytest.raises(hutong.Refused) as refused:
        water.submit(disposition.Accepted(), ticket=ticket, wait="admitted")
    (judged,) = spans("admit")
    assert (about(judged)["hutong.outcome"], about(judged)["hutong.code"]) == ("refused", refused.value.code)
    assert parent(judged) == parent(*spans("deliver")) == id_of(*spans("submit"))
    EXPORTED.clear()
    city.revoke(WATER)
    city.take_over()
    water.submit(disposition.Accepted(), ticket=ticket)
    assert [span.name for span in EXPORTED.get_finished_spans()] == ["submit"]


def test_of_an_error_a_span_tells_the_class_alone(city: TwinCity) -> None:
    """Its text may be what a citizen said: it stays in the program."""
    hotline, water = city.connect(CITY, traces=True), city.connect(WATER, traces=True, retries=0)
    ticket = hotline.submit(FILED).ticket
    EXPORTED.clear()
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket)
    for event in water.subscribe(idle=0.01):
        if event is None:
            break
        with event:
            raise ValueError("caller 张三 13800000000")
    told = [span.to_json() for span in spans("handle")]
    assert told
    assert all('"error.type": "ValueError"' in one and '"status_code": "ERROR"' in one for one in told)
    assert not any("13800000000" in one for one in told)


def test_where_nobody_asks_for_traces_events_carry_no_context(city: TwinCity) -> None:
    """Not even below a span of the program's own: the setting decides what is signed."""
    hotline = city.connect(CITY)
    with trace.get_tracer("own").start_as_current_span("own"):
        ticket = hotline.submit(FILED).ticket
    (event,) = hotline.replay(ticket=ticket)
    assert event.submission.header(HEADER) is None
    assert [span.name for span in EXPORTED.get_finished_spans()] == ["own"]


def test_neither_package_is_loaded_before_a_setting_asks() -> None:
    """Off, they cost nothing, and need not be installed."""
    told = "import sys, hutong, services.serving; print(*{'prometheus_client', 'opentelemetry'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
