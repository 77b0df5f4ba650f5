"""The city that is tormented: few organisations, several partitions, some systems with several instances."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from hutong.events.directory import Level
from local.cities import City
from local.cities.organisations import CityOrganisation
from local.founding import FoundedCity
from local.supervisor import Child
from services.dispatch.routing import Routing, Rule

HOTLINE, INTAKE, WATER, WORKS = "110000", "110000.intake", "110000.water", "110000.works"
PARTITIONS = 4
CATEGORIES = ("public_service/water", "public_service/power")

KEEPER = f"{INTAKE}.keeper"
"""The system that gets everything intake files: its rate is steady over all partitions."""
DISPATCH, CALLBACK, DESK, CREW = f"{HOTLINE}.dispatch", f"{HOTLINE}.callback", f"{WATER}.desk", f"{WORKS}.crew"
SYSTEMS = (KEEPER, DISPATCH, CALLBACK, DESK, CREW)
"""All that must have handled every delivery in the end."""


def chaos_city(folder: Path) -> City:
    """The city as its founder knows it; ``folder`` gets its routing table."""
    rules = (
        Rule(category=CATEGORIES[0], lead=WATER, label="A"),
        Rule(category=CATEGORIES[1], lead=WORKS, label="A"),
    )
    routing = Routing(version=1, answer_at_once=(), rules=rules, fallback=WATER)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "routing.yaml").write_text(yaml.safe_dump(routing.model_dump(mode="json")), encoding="utf-8")
    return City(
        name="chaos",
        id=HOTLINE,
        time_zone=ZoneInfo("Asia/Shanghai"),
        partitions=PARTITIONS,
        divisions={},
        categories={},
        organisations={
            HOTLINE: CityOrganisation(
                id=HOTLINE,
                names={"en": "hotline"},
                level=Level.CITY,
                rights=("register", "file", "dispatch", "call_back", "replay"),
                partitions=2,
            ),
            INTAKE: _unit(INTAKE, "bulk intake", PARTITIONS, rights=("file",)),
            WATER: _unit(WATER, "water", 1),
            WORKS: _unit(WORKS, "public works", PARTITIONS),
        },
        routing=routing,
        folder=folder,
    )


def _unit(id_: str, name: str, partitions: int, rights: tuple[str, ...] = ()) -> CityOrganisation:
    values = {"id": id_, "names": {"en": name}, "level": Level.DEPARTMENT, "parent": HOTLINE, "rights": rights}
    return CityOrganisation.model_validate({**values, "partitions": partitions})


class Cast:
    """Every process of the city, as children of a supervisor, each with a clock that can be set wrong."""

    def __init__(self, founded: FoundedCity) -> None:
        self._founded = founded
        self.clocks = founded.home / "clocks"
        self.clocks.mkdir(exist_ok=True)
        self.mended = founded.home / "mended"
        """Once this file is there, the crew fails on purpose no more."""

    def admit(self, number: int) -> Child:
        """One of up to three."""
        return self._child(f"admit-{number}", HOTLINE, "services.admit")

    def deliver(self, number: int) -> Child:
        """One of up to three."""
        return self._child(f"deliver-{number}", HOTLINE, "services.deliver")

    def systems(self) -> Iterator[Child]:
        """What handles deliveries."""
        routing = str(self._founded.city.folder / "routing.yaml")
        yield self._child("dispatch", HOTLINE, "services.dispatch", "--routing", routing)
        yield self._child("callback", HOTLINE, "services.callback")
        yield self._child("desk", WATER, "services.desk", "--decline-share", "0")
        for number in (1, 2, 3):
            crew = self._child(f"crew-{number}", WORKS, "tests.chaos.crew", "crew", "--mended", str(self.mended))
            yield replace(crew, env={**crew.env, "HUTONG_RETRIES": "1"})
        for number in (1, 2):
            yield self._child(f"keeper-{number}", INTAKE, "tests.chaos.crew", "keeper")

    def authors(self, scale: float) -> Iterator[Child]:
        """Who files; ``scale`` 1 brings about 100 submissions a second, all told."""
        yield self._author("phone", HOTLINE, 5 * scale)
        yield self._author("bulk", INTAKE, 50 * scale)
        for twin in ("twin-a", "twin-b"):
            yield self._author(twin, INTAKE, 5 * scale)

    def _author(self, name: str, organisation: str, rate: float) -> Child:
        kind = name.partition("-")[0]
        return self._child(name, organisation, "tests.chaos.load", kind, "--system", name, "--rate", str(rate))

    def _child(self, name: str, organisation: str, module: str, *args: str) -> Child:
        argv = (sys.executable, "-m", "tests.chaos.shifted", str(self.clocks / name), module, *args)
        return Child(name=name, argv=argv, env={**self._founded.variables(organisation), "HUTONG_INSTANCE": name})
