"""A table on a terminal; in a pipe its rows, whole, their cells apart by tabs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import typer

from hutong.cli.texts import say

if TYPE_CHECKING:
    from rich.text import Text


def show(columns: Sequence[str], rows: Sequence[Sequence[Text]], *, numbers: Collection[str] = ()) -> None:
    """Print ``rows`` under the words of ``columns``; those of ``numbers`` stand to the right and never wrap."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        for cells in ([say(f"column.{column}") for column in columns], *([cell.plain for cell in row] for row in rows)):
            typer.echo("\t".join(cells))
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        justify: Any = "right" if column in numbers else "left"
        table.add_column(say(f"column.{column}"), justify=justify, no_wrap=column in numbers, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
