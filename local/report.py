"""What the demo tells at its end: one JSON object, the verdict, and three commands to try next."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

from hutong import disposition
from hutong.cli.svg import painted
from hutong.wire.stamps import LedgerStamp
from local.cities import City
from local.founding import FoundedCity
from tests.checker import RULES, History, Verdict, latencies


def result_of(verdict: Verdict, history: History, city: City, account: Mapping[str, int]) -> dict[str, Any]:
    """The demo's JSON object. Latencies are milliseconds from the submit of a dispatch to its department's handler;
    ``rejected`` counts rows that intake could not read or admit refused; ``seconds`` are those from the first admitted
    event to the last, so also of a play that was cut short and went on."""
    counts, seconds = verdict.counts, admitted_seconds(history)
    tickets = sum(counts.tickets.values())
    desks = [f"{name}.desk" for name, organisation in city.organisations.items() if organisation.desk]
    waits = latencies(history, desks, [disposition.Dispatched.TYPE])
    return {
        "tickets": tickets,
        "rejected": account["rejected"] + account["refused"],
        "closed": counts.tickets.get("closed", 0),
        "answered": counts.tickets.get("answered", 0),
        "merged": counts.tickets.get("merged", 0),
        "withdrawn": counts.tickets.get("withdrawn", 0),
        "ended": counts.ended,
        "open": tickets - counts.ended,
        "by_step": by_step(history),
        "ledger_events": counts.ledger_events,
        "deliveries": counts.deliveries,
        "refused": counts.refused,
        "duplicates": counts.duplicates,
        "lost": counts.lost,
        "seconds": round(seconds, 1),
        "events_per_second": round(counts.ledger_events / seconds, 1) if seconds else None,
        "latency_ms": {"p50": percentile(waits, 50), "p99": percentile(waits, 99)},
    }


def admitted_seconds(history: History) -> float:
    """How long after the first event the last one was admitted."""
    times = [
        LedgerStamp.from_bytes(dict(record.headers)["ledger"]).admitted_ms
        for log in history.ledger.values()
        for record in log
    ]
    return (max(times) - min(times)) / 1000 if times else 0.0


def by_step(history: History) -> dict[str, int]:
    """How many events of each type the ledger has, the most frequent first."""
    types = (dict(record.headers)["ce_type"].decode() for log in history.ledger.values() for record in log)
    return dict(Counter(types).most_common())


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The smallest value that at least ``percent`` per cent of the values do not exceed; None without values."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None


def show(console: Console, verdict: Verdict, result: Mapping[str, Any], file: Path) -> None:
    """The account and the verdict, for people."""
    console.print()
    console.print(
        f"[bold]{result['tickets']}[/bold] tickets: {result['closed']} closed, "
        f"{result['answered']} answered at once, {result['merged']} merged, {result['withdrawn']} withdrawn, "
        f"{result['open']} open; {result['rejected']} rows rejected. "
        f"[bold]{result['ledger_events']}[/bold] events in {result['seconds']} s, {result['deliveries']} deliveries, "
        f"{result['refused']} refused."
    )
    if verdict.ok:
        looked = sum(verdict.looked.values())
        held = len(RULES) - len(verdict.unlooked)
        console.print(f"[bold green]✓ The checker found nothing:[/bold green] {held} rules held in {looked:,} places.")
    else:
        console.print(f"[bold red]✗ The checker found {len(verdict.violations)} violations:[/bold red]")
        for violation in verdict.violations[:5]:
            console.print(Text(f"  {violation.rule}: {violation.text}"))
    console.print(Text(f"  rule by rule: {_near(file)}", "dim"))


def paint(svg: Path, board: RenderableType, verdict: Verdict, result: Mapping[str, Any], file: Path) -> None:
    """The board as it stood last, and the same account and verdict, as an SVG picture. Raises SettingsError."""
    with painted(svg, "make demo") as console:
        console.print(board)
        show(console, verdict, result, file)


def show_commands(console: Console, founded: FoundedCity, history: History) -> None:
    """One command to try next for each kind of user; about a ticket only where one was dispatched."""
    console.print("\nThe city goes on running; Ctrl-C ends it. Meanwhile, in another terminal:\n", style="bold")
    for who, command in _commands(founded, history):
        console.print(Text(f"  # {who}", "dim"))
        console.print(Text(f"  {command}\n", "cyan"), soft_wrap=True)


def _commands(founded: FoundedCity, history: History) -> Iterator[tuple[str, str]]:
    desk = _busiest_desk(founded)
    hutong = _near(Path(sys.executable).parent / "hutong")

    def run(organisation: str, command: str) -> str:
        return f"HUTONG_CONFIG={_near(founded.settings_file(organisation))} {hutong} {command}"

    yield f"a department ({desk}) reads its deliveries", run(desk, "subscribe --system try --count 5")
    if ticket := _dispatched_ticket(history):
        yield "an operator follows one ticket", run(founded.city.id, f"ticket show {ticket}")
        if founded.custodian:
            yield "who could read what of it", run(founded.city.id, f"access {ticket}")
            yield (
                "and its citizen is forgotten",
                run(founded.custodian, f"erase {ticket} --class identity --reason citizen_request"),
            )
    yield "an auditor replays the ledger", run(founded.city.id, "replay --output ledger.jsonl")


def _busiest_desk(founded: FoundedCity) -> str:
    """The organisation whose desk was delivered most."""
    sizes = {
        path.name.removesuffix(".desk.jsonl"): path.stat().st_size for path in founded.journals.glob("*.desk.jsonl")
    }
    return max(sizes, key=lambda name: sizes[name])


def _dispatched_ticket(history: History) -> str | None:
    """The first ticket that went to a department, if any did."""
    return next((line.ticket for line in history.journals.sent if line.type == disposition.Dispatched.TYPE), None)


def _near(path: Path) -> Path:
    """The path as short as the reader's folder allows."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
