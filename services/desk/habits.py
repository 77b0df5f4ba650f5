"""What a sample desk does with its tickets, in stated shares: a real one asks its people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

import hutong
from hutong.events.words import Code, Organisation
from hutong.rules.territory import under
from services.drawing import NEVER, Chance
from services.tables import Strict

Hours = Annotated[float, Field(gt=0, strict=False)]


class Whistle(Strict):
    """吹哨: which units a lead calls to help with tickets of a category (whole codes, two levels; empty: all)."""

    category: str = ""
    units: Annotated[tuple[Organisation, ...], Field(strict=False, min_length=1)]
    label: Literal["S", "A"]


class Asking(Chance):
    """A share that asks for so many ``hours`` more, for this ``reason``."""

    hours: Hours
    reason: Code


class Late(Chance):
    """A share that is answered only so many ``hours`` after it could have been."""

    hours: Hours


class Habits(Strict):
    """Shares of the tickets a desk leads: ``decline`` at first, for one of ``reasons``; of the others it calls for help
    with ``whistle``. Whether helped or alone, for a share it asks for an ``extension`` and for another for a
    ``suspension``; of the rest it resolves the share ``late`` later, and the others at once.

    ``resumes``: after a suspension the desk goes on at once by itself; else somebody says when, as the clock.
    ``grants_extension``, ``grants_suspension``: as the nearest above the lead, what it grants of what is asked.
    ``presses_dissatisfied``, ``presses_overdue``: the same, when it presses its unit for an answer (督办).
    """

    version: Annotated[int, Field(ge=1)] = 1
    decline: Chance = NEVER
    reasons: Annotated[tuple[Code, ...], Field(strict=False, min_length=1)] = ("not_our_duty",)
    whistle: Chance = NEVER
    whistles: Annotated[tuple[Whistle, ...], Field(strict=False)] = ()
    extension: Asking = Asking(share=0, hours=120, reason="more_time")
    suspension: Asking = Asking(share=0, hours=720, reason="needs_conditions")
    late: Late = Late(share=0, hours=360)
    resumes: bool = True
    grants_extension: Chance = Chance(share=0.9)
    grants_suspension: Chance = Chance(share=0.7)
    presses_dissatisfied: Chance = NEVER
    presses_overdue: Chance = NEVER

    def helpers(self, category: str, organisation: str, directory: hutong.Directory) -> tuple[str, ...]:
        """Whom ``organisation`` may call to help: the units of the first line about the category that stand in the
        directory, itself left out."""
        return tuple(unit for unit in self._named(category) if unit != organisation and directory.stands(unit))

    def _named(self, category: str) -> Iterator[str]:
        for line in self.whistles:
            if not line.category or under(category, line.category):
                yield from line.units
                return
