"""Founding a demo city on a broker: keys, topics, directory, and a settings file for each organisation.

Founding again finds what is there and changes nothing, so an interrupted city goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hutong.catalogue import Catalogue
from hutong.events.directory import Name, OrganisationEntry
from hutong.keys import make_keys, open_keys
from hutong.registrar import Registrar
from hutong.securing.acls import principal
from hutong.settings import Settings, read_private_key
from hutong.transport import Transport
from hutong.wire.envelope import Environment
from hutong.wire.signing import Signer
from local.cities import City
from local.supervisor import Child
from services.custodian.vault import make_master_key

ENVIRONMENT: Environment = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundedCity:
    """A city that stands on a broker, with everything of its organisations under ``home``."""

    city: City
    home: Path
    bootstrap: str
    registrar_key: str
    speed: int = 1
    origin: datetime | None = None
    client: str = "kafka-python"
    access: Callable[[str], Mapping[str, str]] | None = None
    """The settings with which a user connects to a broker that asks who comes."""

    @property
    def journals(self) -> Path:
        """Where every organisation logs what it sent and handled."""
        return self.home / "journals"

    def key(self, organisation: str) -> Path:
        """The organisation's signing key."""
        return self.home / "keys" / f"{organisation}.pem"

    def settings_file(self, organisation: str) -> Path:
        """The file that HUTONG_CONFIG names to act as this organisation."""
        return self.home / "settings" / f"{organisation}.toml"

    def values(self, organisation: str, *, user: str | None = None) -> Mapping[str, str]:
        """The settings of one organisation, by name; ``user``: who it is to the broker, if not itself."""
        return {
            "bootstrap": self.bootstrap,
            "client": self.client,
            "city": self.city.id,
            "organisation": organisation,
            "registrar_key": self.registrar_key,
            "key": str(self.key(organisation)),
            "environment": ENVIRONMENT,
            "timezone": self.city.time_zone.key,
            "home": str(self.home),
            **({"speed": str(self.speed), "origin": self.origin.isoformat()} if self.origin else {}),
            **(self.access(user or organisation) if self.access else {}),
        }

    def settings(self, organisation: str) -> Settings:
        """The same as settings."""
        return Settings.load(**self.values(organisation))

    def variables(self, organisation: str, *, user: str | None = None) -> Mapping[str, str]:
        """The same for a service's environment; services keep a journal."""
        values = {**self.values(organisation, user=user), "journal": str(self.journals)}
        return {f"HUTONG_{name.upper()}": value for name, value in values.items()}

    def service(self, name: str) -> Mapping[str, str]:
        """The environment of ``admit`` or ``deliver``, which are users of their own."""
        return self.variables(self.city.id, user=principal(self.city.id, name))

    @property
    def custodian(self) -> str | None:
        """The organisation that keeps the tickets' keys; None in a city where each keeps its own."""
        return next((name for name, one in self.city.organisations.items() if "custody" in one.rights), None)

    @property
    def clocks(self) -> list[str]:
        """Who keeps the city's time limits."""
        return [name for name, one in self.city.organisations.items() if "clock" in one.rights]

    def timekeeping(self) -> list[Child]:
        """The clocks' services."""
        return [Child.service("clock", env=self.variables(name)) for name in self.clocks]

    @property
    def keepers(self) -> list[str]:
        """The systems of :meth:`custody` and :meth:`timekeeping` that read deliveries."""
        custody = [f"{self.custodian}.custodian"] if self.custodian else []
        return [*custody, *(f"{name}.clock" for name in self.clocks)]

    @property
    def master_key(self) -> Path:
        """The file of the custodian's master key."""
        return self.home / "keys" / "master.key"

    def custody(self) -> list[Child]:
        """The custodian's service, where the city has one."""
        if self.custodian is None:
            return []
        env = {**self.variables(self.custodian), "HUTONG_MASTER_KEY_FILE": str(self.master_key)}
        return [Child.service("custodian", env=env)]


def found(
    city: City,
    home: Path,
    bootstrap: str,
    transport: Transport,
    *,
    replication: int = 1,
    speed: int = 1,
    client: str = "kafka-python",
    access: Callable[[str], Mapping[str, str]] | None = None,
) -> FoundedCity:
    """Make what is missing of ``city`` under ``home`` and on the broker; ``replication``: on how many brokers each
    topic lies; ``speed``: how much faster than admitted time its limits run, from its founding on; ``client``: the
    client library of all its programs; ``access``: see :class:`FoundedCity`."""
    keys = home / "keys"
    for organisation in city.organisations:
        _have_keys(keys, organisation)
    if "custody" in {right for each in city.organisations.values() for right in each.rights}:
        _have_master_key(keys / "master.key")
    registrar_key = open_keys(keys, city.id).signing_key.hex()
    founded = FoundedCity(
        city=city,
        home=home,
        bootstrap=bootstrap,
        registrar_key=registrar_key,
        speed=speed,
        origin=None if speed == 1 else _origin(home),
        client=client,
        access=access,
    )
    with registrar_of(founded, transport, replication=replication) as registrar:
        registrar.found(city.partitions)
        registrar.register_all(_entries(city, keys), datetime.now(UTC))
    for organisation in city.organisations:
        write_settings(founded.settings_file(organisation), founded.values(organisation))
    return founded


def write_settings(file: Path, values: Mapping[str, str]) -> None:
    """A settings file, as HUTONG_CONFIG names it; whoever reads it meanwhile reads the former one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_suffix(".new")
    written.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()), encoding="utf-8")
    written.replace(file)


def registrar_of(founded: FoundedCity, transport: Transport, *, replication: int = 1) -> Registrar:
    """The city's registrar, with its own key."""
    signer = Signer(read_private_key(founded.key(founded.city.id)), ENVIRONMENT)
    return Registrar(
        transport, Catalogue.load(), signer, city=founded.city.id, environment=ENVIRONMENT, replication=replication
    )


def _origin(home: Path) -> datetime:
    """When the city was first founded: its limits must end at the same moments after a restart."""
    path = home / "origin"
    if not path.exists():
        written = path.with_suffix(".new")
        written.write_text(datetime.now(UTC).isoformat(), encoding="utf-8")
        written.replace(path)
    return datetime.fromisoformat(path.read_text(encoding="utf-8"))


def _have_keys(folder: Path, organisation: str) -> None:
    """Make both keys, unless they are there. Whoever was killed in between had registered neither."""
    signing, sealing = folder / f"{organisation}.pem", folder / f"{organisation}.x25519.pem"
    if sealing.exists() and sealing.stat().st_size:  # written last
        return
    for half in (signing, sealing):
        half.unlink(missing_ok=True)
    make_keys(folder, organisation)


def _have_master_key(file: Path) -> None:
    """Make it, unless it is there. Whoever was killed in the middle had kept nothing under it."""
    if not file.exists() or not file.stat().st_size:
        file.unlink(missing_ok=True)
        make_master_key(file)


def _entries(city: City, keys: Path) -> list[OrganisationEntry]:
    entries = []
    for organisation in city.organisations.values():
        public = open_keys(keys, organisation.id)
        entries.append(
            OrganisationEntry(
                id=organisation.id,
                names=tuple(Name(language=language, text=text) for language, text in organisation.names.items()),
                level=organisation.level,
                parent=organisation.parent,
                signing_keys=(public.signing_key,),
                sealing_key=public.sealing_key,
                rights=organisation.rights,
                partitions=organisation.partitions,
            )
        )
    return entries
