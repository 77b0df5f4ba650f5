"""The one place where a command reaches the world: settings, and the transport that tests put their own in for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hutong.client import Bus
    from hutong.registrar import Registrar
    from hutong.rules.directory import Directory
    from hutong.settings import Settings
    from hutong.transport import Transport

_ANY_KEY = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What stood on the command line before the command; it wins over variables and file."""

    organisation: str | None = None


def settings(ctx: typer.Context) -> Settings:
    """The settings of this command.

    Raises:
        SettingsError: one is missing or wrong, naming its variable.
    """
    from hutong.settings import Settings

    given = ctx.find_object(Given) or Given()
    found = Settings.load(organisation=given.organisation)
    return found.model_copy(update={"metrics": None})  # the program with these settings serves there, not its commands


def home() -> Path:
    """``HUTONG_HOME``, also where no other setting exists yet."""
    from hutong.settings import Settings

    return Settings.load(bootstrap="-", city="-", organisation="-", registrar_key=_ANY_KEY).home


def city() -> str | None:
    """``HUTONG_CITY``, or None where it is not set yet."""
    from hutong.errors import SettingsError
    from hutong.settings import Settings

    try:
        return Settings.load(bootstrap="-", organisation="-", registrar_key=_ANY_KEY).city
    except SettingsError:
        return None


def transport(settings: Settings) -> Transport:
    """The Kafka that the settings name. Tests replace this function."""
    from hutong.transport.choice import transport_of

    return transport_of(settings)


@contextmanager
def bus(ctx: typer.Context, system: str, *, within: float | None = None) -> Iterator[Bus]:
    """The organisation's door for one of its systems, closed afterwards.

    Raises:
        Unavailable: the broker is away, or did not answer ``within`` so many seconds.
    """
    import hutong

    found = settings(ctx)
    opened = transport(found)
    if within is not None:
        _reach(opened, within)
    with hutong.connect(system, found, transport=opened) as door:
        yield door


def _reach(transport: Transport, seconds: float) -> None:
    """Raises Unavailable where the broker does not answer in time. It is asked aside: who goes on waiting for it there
    ends with the process."""
    from hutong.errors import BusError, Unavailable

    failed: list[BusError] = []

    def ask() -> None:
        try:
            transport.topics()
        except BusError as error:
            failed.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise Unavailable(f"connecting: the broker does not answer (nothing for {seconds:g} s); try again later")
    if failed:
        raise failed[0]


@contextmanager
def directory(ctx: typer.Context) -> Iterator[tuple[Settings, Transport, Directory]]:
    """The city's directory as it is now, and the transport that read it, closed afterwards."""
    from hutong.catalogue import Catalogue
    from hutong.codec import Codec
    from hutong.registry import DirectoryReader

    found = settings(ctx)
    with (
        closing(transport(found)) as opened,
        closing(
            DirectoryReader(opened, Codec(Catalogue.load()), bytes.fromhex(found.registrar_key), found.environment)
        ) as reader,
    ):
        yield found, opened, reader.refresh()


@contextmanager
def registrar(ctx: typer.Context, replication: int = 1) -> Iterator[tuple[Settings, Transport, Registrar]]:
    """The registrar's own hand: HUTONG_KEY must be the key that everybody has pinned.

    Raises:
        SettingsError: it is another one, so nobody would believe what it writes.
    """
    from hutong.catalogue import Catalogue
    from hutong.errors import SettingsError
    from hutong.registrar import Registrar
    from hutong.wire.signing import Signer

    found = settings(ctx)
    signer = Signer(found.private_key(), found.environment)
    if signer.public_key.hex() != found.registrar_key:
        raise SettingsError(
            f"{found.key} is not the registrar's key: its public key begins {signer.public_key.hex()[:8]}, the "
            f"pinned HUTONG_REGISTRAR_KEY {found.registrar_key[:8]}; nobody would believe what it signs"
        )
    opened = transport(found)
    try:
        with Registrar(
            opened,
            Catalogue.load(),
            signer,
            city=found.city,
            environment=found.environment,
            replication=replication,
        ) as hand:
            yield found, opened, hand
    finally:
        opened.close()
