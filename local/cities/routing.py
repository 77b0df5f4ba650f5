"""Who leads 主办: the routing table of a demo city."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hutong.events.base import Frozen
from hutong.events.words import Area, Category, Organisation
from local.cities.reading import Label


class Rule(Frozen):
    """One line of the routing: an empty prefix matches all. ``lead``: an id, ``{street}`` or ``{district}``."""

    category: Category | Literal[""] = ""
    area: Area | Literal[""] = ""
    lead: Organisation | Literal["{street}", "{district}"]
    label: Label

    def matches(self, category: str, area: str) -> bool:
        """Whole codes of the category, leading digits of the area."""
        return f"{category}/".startswith(f"{self.category}/" if self.category else "") and area.startswith(self.area)


class Routing(Frozen):
    """``routing.yaml``: the first rule that matches, and whose lead exists, decides; otherwise ``fallback``."""

    version: Annotated[int, Field(ge=1)]
    rules: Annotated[tuple[Rule, ...], Field(strict=False)]
    fallback: Organisation | Literal["{district}"]
