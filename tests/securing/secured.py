"""A small city on the secured embedded broker, for the tests of this folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hutong.events.directory import Level
from hutong.registrar import Registrar
from hutong.securing.applying import carry_out, plan
from hutong.settings import Settings
from hutong.transport import Transport
from hutong.transport.choice import transport_of
from local.cities import City, CityOrganisation
from local.founding import FoundedCity, found, registrar_of
from local.secured import OPERATOR, SecuredKafka
from tests.contract.bench import until

CITY, CLOCK, CUSTODIAN, WATER, GAS = "110000", "110000.clock", "110000.custodian", "110000.water", "110000.gas"
AUDIT, DISTRICT, STREET = "110000.audit", "110105", "110105026"
ADMIT, DELIVER = f"{CITY}_admit", f"{CITY}_deliver"

RIGHTS = {AUDIT: ("replay",), DISTRICT: ("dispatch",)}
"""Of those that have others than in the demo city."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuredCity:
    """``founded`` on ``kafka``; ``transport`` is the platform operator's."""

    founded: FoundedCity
    kafka: SecuredKafka
    transport: Transport

    def settings(self, user: str, **given: str) -> Settings:
        """The settings of an organisation, or of a service of the city; ``given`` ones first."""
        organisation = user if user in self.founded.city.organisations else CITY
        return Settings.load(**{**self.founded.values(organisation, user=user), **given})

    def registrar(self) -> contextlib.AbstractContextManager[Registrar]:
        """The registrar's hand, by the operator's connection."""
        return registrar_of(self.founded, self.transport)

    def apply(self) -> None:
        """What ``hutong org apply`` does, until the broker says that nothing is left to do."""
        with self.registrar() as registrar:
            directory, access = registrar.directory, self.transport.access()
        carry_out(plan(directory, access, city=CITY), access, self.kafka.passwords)
        until(lambda: not plan(directory, access, city=CITY), "the broker is where the directory is", seconds=60)


@contextlib.contextmanager
def secured_city(home: Path) -> Iterator[SecuredCity]:
    """Start the broker, found the city, and apply its directory; end all of it with the block."""
    with SecuredKafka(home, start_timeout=240) as kafka:
        operator = Settings.load(
            bootstrap=kafka.bootstrap, city=CITY, organisation=CITY, registrar_key="0" * 64, **kafka.values(OPERATOR)
        )
        with contextlib.closing(transport_of(operator)) as transport:
            founded = found(_city(), home, kafka.bootstrap, transport, access=kafka.values)
            city = SecuredCity(founded=founded, kafka=kafka, transport=transport)
            city.apply()
            yield city


def _city() -> City:
    whole = City.load("beijing")
    kept = {name: whole.organisations[name] for name in (CITY, CLOCK, CUSTODIAN, GAS, WATER, DISTRICT, STREET)}
    audit = {"id": AUDIT, "names": {"en": "Auditor"}, "level": Level.AUDITOR, "parent": CITY, "rights": ()}
    kept[AUDIT] = CityOrganisation.model_validate(audit)
    for name, rights in RIGHTS.items():
        kept[name] = kept[name].model_copy(update={"rights": rights})
    return whole.model_copy(update={"organisations": dict(sorted(kept.items()))})
