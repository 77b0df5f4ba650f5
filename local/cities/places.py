"""Where a demo city's complaints come from, and which of its divisions get a door (``places.yaml``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from hutong.errors import SettingsError
from hutong.events.directory import Level
from hutong.events.words import Area, Code, Text
from hutong.rules.territory import Division, Label
from local.cities.organisations import CityOrganisation
from services.tables import Strict

Areas = Annotated[tuple[Area, ...], Field(strict=False, min_length=1)]


class Central(Strict):
    """The districts that have ``share`` per cent of the calls between them."""

    share: Annotated[float, Field(gt=0, lt=100)]
    label: Label
    districts: Areas


class District(Strict):
    """区: within the central districts, and within the others, calls fall like ``inhabitants``."""

    code: Area
    en: Text
    inhabitants: Annotated[int, Field(ge=1)]
    label: Label


class Busy(Strict):
    """Streets that call ``share`` times as much as any other of their district, the busiest first."""

    share: Annotated[float, Field(gt=1)]
    label: Label
    streets: Areas


class Community(Strict):
    """社区村: twelve digits, the first nine are its street's."""

    id: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    zh: Text


class Size(Strict):
    """How many get a door: the districts that call most, the busiest streets of each, the communities that are named
    of each of those streets. None: all."""

    districts: Annotated[int, Field(ge=1)] | None = None
    streets: Annotated[int, Field(ge=0)] | None = None
    communities: Annotated[int, Field(ge=0)] | None = None


class Places(Strict):
    """``places.yaml``."""

    version: Annotated[int, Field(ge=1)]
    central: Central
    districts: Annotated[tuple[District, ...], Field(strict=False, min_length=1)]
    busy: Busy
    communities: Annotated[tuple[Community, ...], Field(strict=False)] = ()
    usual: Code
    sizes: Mapping[Code, Size]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        codes = [district.code for district in self.districts]
        if len(set(codes)) != len(codes) or not set(self.central.districts) < set(codes):
            raise ValueError("a district stands twice, or the central ones are not some of the districts")
        if self.usual not in self.sizes:
            raise ValueError(f"the usual size {self.usual} is none of the sizes")
        return self

    def shares(self) -> dict[Area, float]:
        """The share of the calls of each district; together 1."""
        inside = {district.code: district.code in self.central.districts for district in self.districts}
        people = {True: 0, False: 0}
        for district in self.districts:
            people[inside[district.code]] += district.inhabitants
        share = {True: self.central.share / 100, False: 1 - self.central.share / 100}
        return {
            district.code: share[inside[district.code]] * district.inhabitants / people[inside[district.code]]
            for district in self.districts
        }

    def calls(self, divisions: Mapping[Area, Division], districts: Sequence[Area]) -> dict[Area, float]:
        """The share of the calls of each street of these districts; together 1."""
        shares = self.shares()
        whole = sum(shares[district] for district in districts)
        found: dict[Area, float] = {}
        for district in districts:
            streets = {street: self._weight(street) for street in _streets(divisions, district)}
            total = sum(streets.values())
            found |= {street: shares[district] / whole * weight / total for street, weight in streets.items()}
        return found

    def organisations(self, size: str | None, divisions: Mapping[Area, Division]) -> Iterator[CityOrganisation]:
        """Those that get a door in a city of this size (the usual one, if not given), parents before those under them.

        Raises:
            SettingsError: there is no such size.
        """
        taken = self.sizes.get(size or self.usual)
        if taken is None:
            raise SettingsError(f"There is no size {size!r} of this city: choose one of {', '.join(self.sizes)}.")
        shares, english = self.shares(), {district.code: district.en for district in self.districts}
        for code in sorted(sorted(shares, key=shares.__getitem__, reverse=True)[: taken.districts]):
            yield _organisation(divisions[code], {"en": english[code]})
            for street in sorted(self._busiest(_streets(divisions, code))[: taken.streets]):
                yield _organisation(divisions[street], {})
                named = [community for community in self.communities if community.id[:9] == street]
                for community in named[: taken.communities]:
                    yield CityOrganisation(
                        id=community.id, names={"zh": community.zh}, level=Level.COMMUNITY, parent=street, desk=True
                    )

    def faults(self, divisions: Mapping[Area, Division]) -> Iterator[str]:
        """What is said here of divisions that there are not, or is not said of some that there are."""
        districts = {code for code, division in divisions.items() if division.level == "district"}
        for code in sorted(districts ^ {district.code for district in self.districts}):
            yield f"places: the district {code} is not here, or not in the divisions"
        for street in (*self.busy.streets, *(community.id[:9] for community in self.communities)):
            if street not in divisions:
                yield f"places: {street} is no street of the city"

    def _weight(self, street: Area) -> float:
        return self.busy.share if street in self.busy.streets else 1.0

    def _busiest(self, streets: Sequence[Area]) -> list[Area]:
        first = [street for street in self.busy.streets if street in streets]
        return [*first, *(street for street in streets if street not in first)]


def _streets(divisions: Mapping[Area, Division], district: Area) -> list[Area]:
    return [code for code, division in divisions.items() if division.parent == district]


def _organisation(division: Division, names: Mapping[str, str]) -> CityOrganisation:
    return CityOrganisation(
        id=division.code,
        names={"zh": division.name, **names},
        level=Level(division.level),
        parent=division.parent,
        desk=True,
    )
