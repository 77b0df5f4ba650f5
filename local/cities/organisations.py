"""The organisations of a demo city, as its files say (``organisations.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hutong.events.directory import Level
from hutong.events.words import Language, Organisation, Text
from services.tables import Strict

Right = Literal["file", "dispatch", "call_back", "clock", "custody", "register", "backfill", "replay", "see_all"]


class CityOrganisation(Strict):
    """单位: an organisation to register. ``desk``: the sample desk answers for it. ``partitions``: of its door."""

    id: Organisation
    names: Mapping[Language, Text]
    level: Annotated[Level, Field(strict=False)]
    parent: Organisation | None = None
    rights: Annotated[tuple[Right, ...], Field(strict=False)] = ()
    desk: bool = False
    partitions: Annotated[int, Field(ge=1)] = 1


class Organisations(Strict):
    """``organisations.yaml``: the city itself comes first; parents come before those under them."""

    city: Organisation
    version: Annotated[int, Field(ge=1)]
    time_zone: str
    partitions: Annotated[int, Field(ge=1)]
    organisations: Annotated[tuple[CityOrganisation, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.organisations[0].id != self.city:
            raise ValueError("the first organisation must be the city itself")
        seen: set[str] = set()
        for organisation in self.organisations:
            if organisation.id in seen:
                raise ValueError(f"{organisation.id} stands twice")
            if organisation.id != self.city and organisation.parent not in seen:
                raise ValueError(f"the parent of {organisation.id} does not stand before it")
            seen.add(organisation.id)
        return self
