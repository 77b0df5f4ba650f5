"""Who leads 主办 and who helps 协办, how urgent it is, and the other rules of dispatch: one table, as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

import hutong
from hutong.events.disposition import Urgency
from hutong.rules.territory import under
from services.dispatch.contests import Contests
from services.dispatch.repeats import Repeats
from services.drawing import NEVER, Chance
from services.tables import Strict

STREET, DISTRICT = "{street}", "{district}"
_CODE = "[a-z][a-z0-9_.-]{0,63}"

Lead = Annotated[str, Field(pattern=r"^(?:[a-z0-9][a-z0-9.-]{1,64}|\{street\}|\{district\})$")]
"""An organisation, or by the ticket's area ``{street}`` or ``{district}``."""

Prefix = Annotated[str, Field(pattern=f"^(?:{_CODE}(?:/{_CODE})?)?$")]
"""A category to two levels: the city says no more of it on a ticket's later events. Empty: all."""


class _Line(Strict):
    """A line that is about some categories. ``label``: S where the rule is published, A where it is an assumption."""

    category: Prefix = ""
    label: Literal["S", "A"]

    def about(self, category: str) -> bool:
        """Whole codes of the category."""
        return not self.category or under(category, self.category)


class Rule(_Line):
    """One line of the routing. Where it names several units, ``lead`` is the first of them and answers, and the
    ``assistants`` must help (首接负责)."""

    area: Annotated[str, Field(pattern="^(?:[0-9]{0,9}|[a-z][a-z0-9-]{1,31})$")] = ""
    lead: Lead
    assistants: Annotated[tuple[Lead, ...], Field(strict=False)] = ()

    def matches(self, category: str, area: str) -> bool:
        """Whole codes of the category; leading digits of the area."""
        return self.about(category) and area.startswith(self.area)


class UrgencyRule(_Line):
    """What is ``urgent`` 紧急 or an ``emergency`` 特急: by its category, and where there are ``words``, by one of them
    in the citizen's own."""

    urgency: Annotated[Urgency, Field(strict=False)]
    words: Annotated[tuple[str, ...], Field(strict=False)] = ()

    def holds(self, category: str, narrative: str) -> bool:
        """Whether it makes such a complaint urgent."""
        return self.about(category) and (not self.words or any(word in narrative for word in self.words))


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who may be asked, and who would have to help."""

    lead: str
    assistants: tuple[str, ...] = ()


class Routing(Strict):
    """The table. Complaints of a kind in ``answer_at_once`` (consultations, praise) are dispatched to nobody.

    ``withdrawn`` is the share of citizens who take their complaint back before it is dispatched (撤回): a city has
    people who say so, the demo draws them. Without ``repeats`` nothing is merged.
    """

    version: Annotated[int, Field(ge=1)]
    answer_at_once: Annotated[tuple[Annotated[hutong.complaint.Kind, Field(strict=False)], ...], Field(strict=False)]
    rules: Annotated[tuple[Rule, ...], Field(strict=False)]
    fallback: Lead
    urgency: Annotated[tuple[UrgencyRule, ...], Field(strict=False)] = ()
    contests: Contests = Contests()
    repeats: Repeats | None = None
    withdrawn: Chance = NEVER

    def candidates(self, category: str, area: str) -> tuple[Candidate, ...]:
        """Who is asked to lead, in this order, each once: by the rules that match (clear duty goes straight to the
        unit), then the district (what cannot be placed, [S] in domain.md), then the fallback."""
        lines = [(rule.lead, rule.assistants) for rule in self.rules if rule.matches(category, area)]
        found: dict[str, Candidate] = {}
        for lead, assistants in (*lines, (DISTRICT, ()), (self.fallback, ())):
            helpers = dict.fromkeys(_placed(assistants, area))
            for unit in _placed((lead,), area):
                found.setdefault(unit, Candidate(unit, tuple(helper for helper in helpers if helper != unit)))
        return tuple(found.values())

    def units(self, category: str, area: str) -> tuple[str, ...]:
        """The leads among the :meth:`candidates`."""
        return tuple(candidate.lead for candidate in self.candidates(category, area))

    def urgency_of(self, category: str, narrative: str) -> Urgency:
        """By the first rule that holds; ``ordinary`` 一般 without one."""
        return next((rule.urgency for rule in self.urgency if rule.holds(category, narrative)), Urgency.ORDINARY)

    def named(self) -> Iterator[str]:
        """Every organisation that the table names."""
        for rule in self.rules:
            yield from (unit for unit in (rule.lead, *rule.assistants) if unit not in (STREET, DISTRICT))
        if self.fallback not in (STREET, DISTRICT):
            yield self.fallback


def _placed(leads: tuple[str, ...], area: str) -> Iterator[str]:
    """Leads with street and district filled in. The first six digits of a street are its district (GB/T 2260)."""
    for lead in leads:
        if lead not in (STREET, DISTRICT):
            yield lead
        elif area.isdigit() and (lead == DISTRICT or len(area) == 9):
            yield area if lead == STREET else area[:6]
