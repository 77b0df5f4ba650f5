"""A demo city as its files say, checked against each other.

Files: ``local/cities/<name>/{organisations,routing}.yaml``, where they are ``places.yaml`` and ``desk.yaml``, and what
``schemas/cities.yaml`` names for the city.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from hutong.errors import SettingsError
from hutong.events.words import Category, Organisation
from hutong.rules.territory import CategoryNode, Division, Territory
from local.cities.organisations import CityOrganisation, Organisations
from local.cities.places import Places
from services.dispatch.routing import Routing
from services.tables import Strict, read_table

HERE = Path(__file__).parent


class City(Strict):
    """A demo city, whole. ``places``: where its complaints come from; None for a city that only plays real rows."""

    name: str
    id: Organisation
    time_zone: ZoneInfo
    partitions: int
    divisions: Mapping[str, Division]
    categories: Mapping[Category, CategoryNode]
    organisations: Mapping[str, CityOrganisation]
    routing: Routing
    folder: Path
    places: Places | None = None

    @property
    def habits(self) -> Path | None:
        """What its sample desks do, for ``services.desk``; None: it has no such file."""
        path = self.folder / "desk.yaml"
        return path if path.exists() else None

    @classmethod
    def load(cls, name: str, size: str | None = None) -> City:
        """The city ``beijing`` or ``nyc``. ``size``: one of those in its ``places.yaml``, the usual one if not given;
        it says how many of its districts, streets and communities have a door.

        Raises:
            SettingsError: no such city or size, or a file that is wrong, naming the file and what is wrong.
        """
        folder = HERE / name
        if not (folder / "organisations.yaml").exists():
            known = ", ".join(sorted(found.name for found in HERE.iterdir() if found.is_dir()))
            raise SettingsError(f"There is no demo city called {name!r}: choose one of {known}.")
        file = read_table(folder / "organisations.yaml", Organisations)
        territory = Territory.load(file.city)
        divisions = territory.divisions or {}
        places = read_table(folder / "places.yaml", Places) if (folder / "places.yaml").exists() else None
        if places is not None and (faults := sorted(places.faults(divisions))):
            raise SettingsError(f"{folder}: {'; '.join(faults)}")
        if places is None and size is not None:
            raise SettingsError(f"The city {name} has one size only: it has no places.yaml.")
        placed = () if places is None else places.organisations(size, divisions)
        city = cls(
            name=name,
            id=file.city,
            time_zone=ZoneInfo(file.time_zone),
            partitions=file.partitions,
            divisions=divisions,
            categories=territory.categories or {},
            organisations={organisation.id: organisation for organisation in (*file.organisations, *placed)},
            routing=read_table(folder / "routing.yaml", Routing),
            folder=folder,
            places=places,
        )
        if faults := sorted(city.faults()):
            raise SettingsError(f"{folder}: {'; '.join(faults)}")
        return city

    def faults(self) -> Iterator[str]:
        """Where the files contradict each other."""
        for organisation in self.organisations.values():
            yield from self._misplaced(organisation)
        for unit in sorted(set(self.routing.named())):
            if unit in self.organisations:
                if not self.organisations[unit].desk:
                    yield f"routing names {unit}, which has no desk"
            elif not self._may_have_no_door(unit):
                yield f"routing names {unit}, which is no organisation of the city"
        for rule in self.routing.rules:
            if rule.category and rule.category not in self.categories:
                yield f"routing names the category {rule.category}, which is not in the tree"
            if rule.area and self.divisions and rule.area not in self.divisions:
                yield f"routing names the area {rule.area}, which is not in the divisions"

    def _misplaced(self, organisation: CityOrganisation) -> Iterator[str]:
        division = self.divisions.get(organisation.id)
        community = organisation.level == "community" and organisation.id[:9] == organisation.parent
        if division is None and self.divisions and "." not in organisation.id and not community:
            yield f"{organisation.id} is no division of the city"
        if division is not None and organisation.id != self.id:
            if division.level != organisation.level or division.parent != organisation.parent:
                yield f"{organisation.id} is a {division.level} under {division.parent} in the divisions"
            if division.name != organisation.names.get("zh"):
                yield f"{organisation.id} is called {division.name} in the divisions"

    def _may_have_no_door(self, unit: str) -> bool:
        """Whether the unit is one that has a door in a larger size of this city only."""
        communities = {community.id for community in self.places.communities} if self.places else set()
        return unit in communities or (self.places is not None and unit in self.divisions)
