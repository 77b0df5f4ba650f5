"""What the terminal shows: a bar while it runs, both tables and the verdict at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.measured import Measured
from benchmarks.report import HEADS, ORDER, TITLES, rows, verdicts


class Bar:
    """A bar on a terminal, a line for each step elsewhere."""

    def __init__(self, console: Console, progress: Progress, steps: int) -> None:
        self._console = console
        self._progress = progress
        self._task = progress.add_task("", total=steps)
        self._begun = False

    def step(self, text: str) -> None:
        """What was done is done; this comes now."""
        self._progress.update(self._task, description=text, advance=1 if self._begun else 0)
        self._begun = True
        if not self._console.is_terminal:
            self._console.print(text)


@contextmanager
def bar(console: Console, steps: int) -> Iterator[Bar]:
    """A bar of so many steps, while inside."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(console, progress, steps)


def show(console: Console, measured: Measured) -> None:
    """Both tables, then each target in green or red."""
    for kind in ORDER:
        table = Table(*HEADS, title=TITLES[kind], title_justify="left")
        for row in rows(measured, kind):
            table.add_row(*row, style="bold" if row[0].startswith("hutong") else "")
        console.print(table)
    targets = Table("figure", "", "target", title="Targets", title_justify="left")
    colours = {True: "green", False: "red", None: "dim"}
    for name, figure, bound, met in verdicts(measured):
        targets.add_row(name, figure, bound, style=colours[met])
    console.print(targets)
