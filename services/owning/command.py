"""``python -m services.<name>`` of a service that owns partitions: run it, or rebuild its state."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager

import structlog
import typer

from hutong.errors import SettingsError
from hutong.transport import Consumer, Partition, Transport
from services.owning.recall import Derived, Told, bring_up
from services.owning.running import crash_only

_log = structlog.get_logger()

REBUILD = "rebuild"
"""The instance whose live files a rebuild uses: it disturbs nobody who runs."""

_LINE_SECONDS = 5.0


def commands(run: Callable[[], None], rebuild: Callable[[], None], *, help: str) -> typer.Typer:
    """The service's command: without a word it runs. Both are crash-only."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=help)

    @app.callback(invoke_without_command=True, help=help)
    def _run(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            crash_only(run)

    @app.command(REBUILD)
    def _rebuild() -> None:
        """Read the whole ledger again and leave a fresh snapshot, also while the service runs. 重建状态"""
        crash_only(rebuild)

    return app


def partitions_of(transport: Transport, topic: str) -> int:
    """How many partitions the city's ``topic`` has.

    Raises:
        SettingsError: this broker has no such topic, so it is another, or has lost its disk.
    """
    try:
        return transport.topics()[topic]
    except KeyError:
        raise SettingsError(
            f"no city is founded at this broker: topic {topic} is missing; check HUTONG_BOOTSTRAP and the broker's disk"
        ) from None


def rebuild_all(
    name: str,
    transport: Transport,
    *,
    city: str,
    partitions: int,
    derive: Callable[[int, str], Derived],
    ends: Callable[[Consumer, int], Mapping[Partition, int]],
) -> None:
    """Make every partition's state from the log alone, in files of its own, and put snapshots of it in place.

    Killed in the middle it leaves the former snapshots, each whole; started again it begins anew.

    Raises:
        Unavailable: the broker is away, or a transaction hangs. SettingsError: there is no room for the state.
    """
    with (
        closing(transport.consumer(client_id=f"{name}.{REBUILD}", group=f"{city}.{name}")) as consumer,
        _shown(name, partitions) as told,
    ):
        for number in range(partitions):
            derived = derive(number, REBUILD)
            try:
                bring_up(derived, transport, ends(consumer, number), scratch=True, told=told(number))
                derived.file.snapshot()
            except (OSError, sqlite3.Error) as error:
                raise SettingsError(f"the state of partition {number} cannot be kept ({error}): make room") from error
            finally:
                derived.file.remove()


@contextmanager
def _shown(name: str, partitions: int) -> Iterator[Callable[[int], Told]]:
    """A bar for each partition on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _lines(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks = [progress.add_task(f"{name} {number}", total=None) for number in range(partitions)]

        def told(number: int) -> Told:
            return lambda done, total: progress.update(tasks[number], completed=done, total=total)

        yield told


def _lines(name: str) -> Callable[[int], Told]:
    last = [0.0]

    def told(number: int) -> Told:
        def line(done: int, total: int) -> None:
            if done == total or time.monotonic() - last[0] > _LINE_SECONDS:
                last[0] = time.monotonic()
                _log.info("rebuilding", service=name, partition=number, offsets=done, of=total)

        return line

    return told
