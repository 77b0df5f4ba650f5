"""Which place lies in which: complaints are counted by district 区, and inside one by street 街乡镇."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from hutong.rules.territory import Division

_STREET, _DISTRICT = 9, 6


class Regions:
    """The places of ``city``. Without a table of divisions, nine digits are a street of their first six (GB/T 2260),
    and any other code is a place right under the city."""

    def __init__(self, city: str, divisions: Mapping[str, Division] | None) -> None:
        self.city = city
        self.divisions = divisions or {}
        self.row = cache(self._row)

    def above(self, area: str) -> str:
        """The place right above; empty for the city."""
        if area == self.city:
            return ""
        division = self.divisions.get(area)
        if division is not None:
            return division.parent or self.city
        return area[:_DISTRICT] if area.isdecimal() and len(area) == _STREET else self.city

    def children(self, root: str) -> tuple[str, ...]:
        """The places right under ``root``, as the table of divisions orders them."""
        return tuple(code for code, division in self.divisions.items() if division.parent == root)

    def _row(self, area: str, root: str) -> str | None:
        """The place right under ``root`` that ``area`` lies in; ``root`` where it is no finer; None where outside."""
        at, before = area, area
        while at and at != root:
            at, before = self.above(at), at
        return None if not at else before if area != root else root
