"""What a command shows, as an SVG picture."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hutong.cli.texts import say

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100
_CELL = 12.2
"""How wide rich draws one column."""
_FONTS = "Fira Code, ui-monospace, Menlo, Consolas, Noto Sans Mono CJK SC, monospace"


@contextmanager
def painted(svg: Path | None, title: str, width: int = WIDTH) -> Iterator[Console]:
    """Where a command draws: the terminal, or a screen of ``width`` columns that becomes the picture ``svg``.

    Raises:
        SettingsError: the picture cannot be written.
    """
    from rich.console import Console

    if svg is None:
        yield Console(highlight=False)
        return
    screen = Console(
        highlight=False, record=True, force_terminal=True, color_system="truecolor", width=width, file=io.StringIO()
    )
    yield screen
    save(screen, svg, title)


def save(screen: Console, svg: Path, title: str) -> None:
    """Write what a recording console showed.

    rich gives a text as many columns as it has characters, and 中文 needs two for each; and it fetches its font from a
    host that not every reader can reach.

    Raises:
        SettingsError: the picture cannot be written.
    """
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.cells import cell_len

    from hutong.errors import SettingsError

    def widened(found: re.Match[str]) -> str:
        return f'{found[1]}textLength="{_CELL * cell_len(html.unescape(found[4])):g}"{found[3]}>{found[4]}</text>'

    form = re.sub(r"\s*@font-face \{\{.*?\}\}(?=\n)", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    form = form.replace("Fira Code, monospace", _FONTS)
    picture = screen.export_svg(title=title, code_format=form, unique_id="hutong")
    picture = re.sub(r'(<text [^>]*)textLength="([^"]*)"([^>]*)>([^<]*)</text>', widened, picture)
    try:
        svg.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise SettingsError(say("svg.unwritable", file=svg, error=error.strerror or error)) from error
