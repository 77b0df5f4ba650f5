"""A demo city as its files say, checked against each other.

Files: ``local/cities/<name>/{organisations,routing}.yaml``, and what ``schemas/cities.yaml`` names for the city.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from hutong.errors import SettingsError
from hutong.events.directory import Level
from hutong.events.words import Category, Language, Organisation, Text
from hutong.rules.territory import CategoryNode, Division, Territory
from services.dispatch.routing import Routing
from services.tables import Strict, read_table

HERE = Path(__file__).parent

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


class City(Strict):
    """A demo city, whole."""

    name: str
    id: Organisation
    time_zone: ZoneInfo
    partitions: int
    divisions: Mapping[str, Division]
    categories: Mapping[Category, CategoryNode]
    organisations: Mapping[str, CityOrganisation]
    routing: Routing
    folder: Path

    @classmethod
    def load(cls, name: str) -> City:
        """The city ``beijing`` or ``nyc``.

        Raises:
            SettingsError: no such city, or a file that is wrong, naming the file and what is wrong.
        """
        folder = HERE / name
        if not (folder / "organisations.yaml").exists():
            known = ", ".join(sorted(found.name for found in HERE.iterdir() if found.is_dir()))
            raise SettingsError(f"There is no demo city called {name!r}: choose one of {known}.")
        file = read_table(folder / "organisations.yaml", Organisations)
        territory = Territory.load(file.city)
        city = cls(
            name=name,
            id=file.city,
            time_zone=ZoneInfo(file.time_zone),
            partitions=file.partitions,
            divisions=territory.divisions or {},
            categories=territory.categories or {},
            organisations={organisation.id: organisation for organisation in file.organisations},
            routing=read_table(folder / "routing.yaml", Routing),
            folder=folder,
        )
        if faults := sorted(city.faults()):
            raise SettingsError(f"{folder}: {'; '.join(faults)}")
        return city

    def faults(self) -> Iterator[str]:
        """Where the files contradict each other."""
        for organisation in self.organisations.values():
            division = self.divisions.get(organisation.id)
            if division is None and self.divisions and "." not in organisation.id:
                yield f"{organisation.id} is no division of the city"
            if division is not None and organisation.id != self.id:
                if division.level != organisation.level or division.parent != organisation.parent:
                    yield f"{organisation.id} is a {division.level} under {division.parent} in the divisions"
                if division.name != organisation.names.get("zh"):
                    yield f"{organisation.id} is called {division.name} in the divisions"
        leads = [rule.lead for rule in self.routing.rules] + [self.routing.fallback]
        for lead in leads:
            if not lead.startswith("{") and lead not in self.organisations:
                yield f"routing names {lead}, which is no organisation of the city"
            elif not lead.startswith("{") and not self.organisations[lead].desk:
                yield f"routing names {lead}, which has no desk"
        for rule in self.routing.rules:
            if rule.category and rule.category not in self.categories:
                yield f"routing names the category {rule.category}, which is not in the tree"
            if rule.area and self.divisions and rule.area not in self.divisions:
                yield f"routing names the area {rule.area}, which is not in the divisions"
