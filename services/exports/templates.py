"""Templates: text in which ``{Column}`` stands for the row's cell, and ``{Column|code}`` for the cell made a code
("Street Light" → ``street-light``), ``{Column|zip3}`` its first three characters (of a US zip code: the region); where
every cell it names is empty, the whole is empty. And times of a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from services.tables import Strict

ISO = "iso8601"
CELL = re.compile(r"\{([^{}|]+)(?:\|([a-z0-9]+))?\}")
_FILTERS: Mapping[str, Callable[[str], str]] = {
    "": str,
    "code": lambda text: re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-"),
    "zip3": lambda text: text[:3],
}


@cache
def _parts(template: str) -> tuple[tuple[str, str, Callable[[str], str]], ...]:
    """Text before each cell, the cell's column, its filter; text after the last one stands with column ``""``."""
    parts, at = [], 0
    for found in CELL.finditer(template):
        parts.append((template[at : found.start()], found[1], _FILTERS[found[2] or ""]))
        at = found.end()
    return (*parts, (template[at:], "", str))


def _is_template(text: str) -> str:
    for _, name in CELL.findall(text):
        if name not in _FILTERS:
            raise ValueError(f"no filter is called {name!r}; there are: {', '.join(filter(None, _FILTERS))}")
    if set("{}") & set(CELL.sub("", text)):
        raise ValueError("a brace without its partner, or around nothing")
    return text


def render(template: str, cells: Mapping[str, str]) -> str:
    """The template filled in."""
    parts = _parts(template)
    if len(parts) > 1 and not any(cells[column] for _, column, _ in parts if column):
        return ""
    return "".join(text + (made(cells[column]) if column else "") for text, column, made in parts)


Template = Annotated[str, AfterValidator(_is_template)]


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"no time zone is called {name!r}") from error
    return name


class Choice(Strict):
    """A value table: the template's text must be in ``values``, or becomes ``otherwise`` where there is one."""

    of: Template
    values: Mapping[str, str]
    otherwise: str | None = None


class Condition(Strict):
    """Holds where the template's text is one of ``any``; without ``any``, where it is not empty."""

    of: Template
    any: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None

    def holds(self, cells: Mapping[str, str]) -> bool:
        text = render(self.of, cells)
        return bool(text) if self.any is None else text in self.any


class Moment(Strict):
    """A time in the form of ``strptime``, or ``iso8601``; ``zone`` is meant where the text names none.

    In the hour that a clock put back repeats, the first one is meant.
    """

    of: Template
    format: str
    zone: Annotated[str, AfterValidator(_is_zone)]

    def parse(self, cells: Mapping[str, str]) -> datetime:
        """Raises ValueError where the text has another form."""
        text = render(self.of, cells)
        parsed = datetime.fromisoformat(text) if self.format == ISO else datetime.strptime(text, self.format)  # noqa: DTZ007
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=ZoneInfo(self.zone))
