"""What was measured, as a page: both tables, the targets, latency, memory, the curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.arithmetic import Spread, cost, memory, pace, times
from benchmarks.measured import Measured
from benchmarks.subjects import FASTSTREAM_BATCH, SLOW, SUBJECTS, Kind, service, subscribing
from benchmarks.targets import TARGETS

TITLES = {
    Kind.BARE: "Bare",
    Kind.TYPED: "Taken as models",
    Kind.SINGLE: "The same work, each event signed alone",
    Kind.BATCH: f"The same work, {32} events under one signature",
}
ORDER = (Kind.SINGLE, Kind.BATCH, Kind.BARE, Kind.TYPED)

HEADS = ("who", "CPU µs an event", "least – most", "events a second", "MiB")


def rows(measured: Measured, kind: Kind) -> list[tuple[str, ...]]:
    """A table of one kind, the cheapest first."""
    runs = measured.runs[kind]
    subjects = sorted(SUBJECTS[kind], key=lambda subject: cost(runs[subject.name]).median)
    return [(s.name, *_row(cost(runs[s.name]), pace(runs[s.name]), memory(runs[s.name]))) for s in subjects]


def _row(cost: Spread, pace: Spread, memory: float) -> tuple[str, ...]:
    return (f"{cost.median:.1f}", f"{cost.least:.1f} – {cost.most:.1f}", f"{pace.median:,.0f}", f"{memory:.0f}")


def verdicts(measured: Measured) -> list[tuple[str, str, str, bool | None]]:
    """Name, figure, bound, and whether it is met: None where it was not measured."""
    figures = measured.figures()
    return [
        (
            target.name,
            f"{figures[target.name]:.2f}" if target.name in figures else "not measured",
            target.bound,
            target.met(figures[target.name]) if target.name in figures else None,
        )
        for target in TARGETS
    ]


def page(measured: Measured, picture: str) -> str:
    """The whole page, in Markdown. ``picture`` is the file of the curve."""
    return "\n".join(_lines(measured, picture)) + "\n"


def _lines(measured: Measured, picture: str) -> Iterator[str]:
    size = measured.size
    yield "# Results"
    yield ""
    yield f"Written by `make bench` on {measured.when}; [README](README.md) says what is measured and how."
    yield "Every round's figures are in `measured.json`."
    yield ""
    yield from _table(("the machine", ""), list(measured.machine.items()))
    yield (
        f"{size.rounds} rounds in turn; in each {size.count:,} events ({size.count * size.bare:,} bare, "
        f"{size.count // size.patient:,} by FastStream where it waits for each) behind {size.warm:,} to warm up. "
        f"An event signed alone has {measured.event_bytes} bytes. CPU is user and system of the process under test; "
        "the median of the rounds, and their spread."
    )
    yield from ("", "## Targets", "")
    says = {target.name: target.says for target in TARGETS}
    marks = {True: "🟢", False: "🔴", None: "–"}
    yield from _table(
        ("", "figure", "", "target", "what"),
        [(marks[met], f"`{name}`", figure, bound, says[name]) for name, figure, bound, met in verdicts(measured)],
    )
    for kind in ORDER:
        yield from (f"## {TITLES[kind]}", "")
        yield from _table(HEADS, rows(measured, kind))
        yield from _notes(measured, kind)
    yield from _alive(measured)
    if measured.curve:
        yield from ("## From 10^4 to 10^6 tickets", "", f"Measured on {measured.curve_of}, for each event read.", "")
        yield from (f"![CPU per event]({picture})", "")
        tickets = sorted({at for costs in measured.curve.values() for at in costs})
        yield from _table(
            ("CPU µs an event", *(f"{at:,}" for at in tickets)),
            [(name, *(f"{costs[at]:.1f}" for at in tickets)) for name, costs in measured.curve.items()],
        )


def _notes(measured: Measured, kind: Kind) -> Iterator[str]:
    """What the table alone would let its reader overlook."""
    if kind is Kind.BARE:
        more, cost = measured.each(service("deliver", SLOW).name, kind)
        yield f"Of a ledger entry deliver makes {more:.1f} deliveries here: {cost:.1f} µs for each entry that it reads."
        yield ""
    if kind is Kind.TYPED:
        runs = measured.runs[kind]
        in_batches = times(runs[FASTSTREAM_BATCH], runs[subscribing(SLOW).name])
        yield f"Against FastStream in batches, without checks of order and signatures, subscribe is {in_batches:.2f}."
        yield ""


def _alive(measured: Measured) -> Iterator[str]:
    alive = measured.alive
    yield from ("## A town at work", "")
    yield from _table(
        ("events a second", "events", "p50 ms", "p99 ms", "most ms", ""),
        [
            (
                f"{each.rate:,}",
                f"{each.events:,}",
                f"{each.p50_ms:.1f}",
                f"{each.p99_ms:.1f}",
                f"{each.most_ms:.1f}",
                "" if each.sustained else "not sustained",
            )
            for each in alive.latencies
        ],
    )
    yield from _table(
        ("service", "start to ready, s", f"MiB resident after {alive.tickets:,} tickets"),
        [(name, f"{alive.started[name]:.2f}", f"{alive.resident[name]:.0f}") for name in alive.started],
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
