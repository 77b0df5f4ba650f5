"""``hutong subscribe``: an organisation's deliveries on a screen or into a pipe, each marked once it was written."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from hutong.cli import connection
from hutong.cli.endings import Ending, fail
from hutong.cli.options import Json, System, Types, Unseal, event_type
from hutong.cli.texts import say

if TYPE_CHECKING:
    from hutong.event import Event
    from hutong.rules.lifecycle import Lifecycle


class Begin(StrEnum):
    """Where a system begins that was never here before."""

    EARLIEST = "earliest"
    NOW = "now"


def subscribe(
    ctx: typer.Context,
    system: System = "cli",
    types: Types = None,
    receipts: Annotated[bool, typer.Option("--receipts")] = False,
    refusals: Annotated[bool, typer.Option("--refusals")] = False,
    start: Annotated[Begin, typer.Option("--start")] = Begin.EARLIEST,
    count: Annotated[int | None, typer.Option("--count", metavar="N", min=1)] = None,
    timeout: Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", min=0.1)] = None,
    unseal: Unseal = False,
    json_: Json = False,
) -> None:
    """Print deliveries as they come."""
    from hutong.cli.render import event_json, line
    from hutong.rules.lifecycle import Lifecycle

    models = [event_type(name) for name in types] if types else None
    lifecycle, zone, shown = Lifecycle.load(), connection.settings(ctx).zone, 0
    with (
        _output(),
        connection.bus(ctx, system) as bus,
        _interruptible(bus.stop) as interrupted,
        _idle(bus.stop, timeout) as busy,
    ):
        for event in bus.subscribe(types=models, receipts=receipts, refusals=refusals, start=start.value):
            with event:
                keys = bus if unseal else None
                _write(line(event_json(event, keys)) if json_ else event_line(event, lifecycle, zone))
            busy()
            shown += 1
            if shown == count:
                bus.stop()
    if interrupted():
        raise typer.Exit(Ending.STOPPED)
    if count is not None and shown < count:
        fewer = say("subscribe.fewer", shown=shown, count=count, seconds=timeout)
        fail(fewer, Ending.UNCONFIRMED, kind="Fewer")


class _OutputLost(BaseException):
    """What is printed to is gone or full. No fault of the event: it must not be parked for that."""

    def __init__(self, error: OSError) -> None:
        self.error = error


def _write(text: str) -> None:
    try:
        typer.echo(text)
        sys.stdout.flush()
    except OSError as error:
        raise _OutputLost(error) from None


@contextmanager
def _output() -> Iterator[None]:
    """Raises the output's own error, once the subscription has ended."""
    try:
        yield
    except _OutputLost as lost:
        raise lost.error from None


def event_line(event: Event, lifecycle: Lifecycle, zone: ZoneInfo) -> str:
    """One event on one line of a terminal: time in the city, name, ticket, who."""
    from rich.cells import set_cell_size

    from hutong.cli.render import clean, local, refused_as

    rule = lifecycle.table.events.get(event.type)
    zh, short = (rule.zh if rule else ""), event.type.rpartition(".v")[0].rpartition(".")[2] or event.type
    when = local(event.time, zone, "%m-%d %H:%M:%S") if event.time else ""
    told = f"{when:14} {set_cell_size(zh, 8)} {clean(short):15} {clean(event.ticket):26} {clean(event.source)}"
    if event.refusal is None:
        return told
    outcome = refused_as(event.refusal)
    label = typer.style(say(f"outcome.{outcome}"), fg="red" if outcome == "refused" else None)
    return f"{told}\n{'':14} {label} {clean(f'{event.refusal.code}: {event.refusal.text}')}"


@contextmanager
def _interruptible(stop: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Ctrl-C ends after the event in hand, a second one at once. Gives whether it came."""
    came = threading.Event()

    def first(number: int, frame: object) -> None:
        came.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop()

    before = signal.signal(signal.SIGINT, first)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _idle(stop: Callable[[], None], seconds: float | None) -> Iterator[Callable[[], None]]:
    """Call ``stop`` once nothing happened for ``seconds``; gives what to call when something did."""
    last, over = [time.monotonic()], threading.Event()

    def watch(limit: float) -> None:
        while (left := last[0] + limit - time.monotonic()) > 0:
            if over.wait(left):
                return
        stop()

    def busy() -> None:
        last[0] = time.monotonic()

    if seconds is not None:
        threading.Thread(target=watch, args=(seconds,), daemon=True).start()
    try:
        yield busy
    finally:
        over.set()
