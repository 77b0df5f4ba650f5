"""Who leads 主办: the routing table, as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

import hutong
from services.tables import Strict

STREET, DISTRICT = "{street}", "{district}"
_CODE = "[a-z][a-z0-9_.-]{0,63}"

Lead = Annotated[str, Field(pattern=r"^(?:[a-z0-9][a-z0-9.-]{1,64}|\{street\}|\{district\})$")]
"""An organisation, or by the ticket's area ``{street}`` or ``{district}``."""

Prefix = Annotated[str, Field(pattern=f"^(?:{_CODE}(?:/{_CODE})?)?$")]
"""A category to two levels: the city says no more of it on a ticket's later events. Empty: all."""


class Rule(Strict):
    """One line of the routing. ``assist``: who must help 协办. ``label``: S published, A assumption."""

    category: Prefix = ""
    area: Annotated[str, Field(pattern="^(?:[0-9]{0,9}|[a-z][a-z0-9-]{1,31})$")] = ""
    lead: Lead
    assist: Annotated[tuple[Lead, ...], Field(strict=False)] = ()
    label: Literal["S", "A"]

    def matches(self, category: str, area: str) -> bool:
        """Whole codes of the category; leading digits of the area."""
        return f"{category}/".startswith(f"{self.category}/" if self.category else "") and area.startswith(self.area)


class Routing(Strict):
    """The table. Complaints of a kind in ``answer_at_once`` (consultations, praise) are dispatched to nobody."""

    version: Annotated[int, Field(ge=1)]
    answer_at_once: Annotated[tuple[Annotated[hutong.complaint.Kind, Field(strict=False)], ...], Field(strict=False)]
    rules: Annotated[tuple[Rule, ...], Field(strict=False)]
    fallback: Lead

    def units(self, category: str, area: str) -> tuple[str, ...]:
        """Who is asked to lead, in this order, each once: by the rules that match (clear duty goes straight to the
        unit), then the district (what cannot be placed, [S] in domain.md), then the fallback."""
        leads = [rule.lead for rule in self.rules if rule.matches(category, area)]
        return tuple(dict.fromkeys(_placed((*leads, DISTRICT, self.fallback), area)))

    def assistants(self, category: str, area: str) -> tuple[str, ...]:
        """Who must help whoever leads: by the first rule that matches and names some."""
        named = (rule.assist for rule in self.rules if rule.assist and rule.matches(category, area))
        return tuple(dict.fromkeys(_placed(next(named, ()), area)))

    def named(self) -> set[str]:
        """Every organisation that stands in the table by its own id."""
        units = {unit for rule in self.rules for unit in (rule.lead, *rule.assist)} | {self.fallback}
        return {unit for unit in units if not unit.startswith("{")}


def _placed(leads: tuple[str, ...], area: str) -> Iterator[str]:
    """Leads with street and district filled in. The first six digits of a street are its district (GB/T 2260)."""
    for lead in leads:
        if lead not in (STREET, DISTRICT):
            yield lead
        elif area.isdigit() and (lead == DISTRICT or len(area) == 9):
            yield area if lead == STREET else area[:6]
