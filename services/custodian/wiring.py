"""Putting the custodian together from its settings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

import hutong
from hutong.codec import Codec
from hutong.errors import SettingsError, Unavailable, Unconfirmed
from hutong.keyring import CUSTODY
from hutong.registry import DirectoryReader
from hutong.rules.access import Access
from hutong.rules.audience import Audience
from hutong.rules.lifecycle import Lifecycle
from hutong.transport import Transport
from hutong.wire.wrapping import Opener, Wrapper
from services.custodian.databases import open_database
from services.custodian.keeping import WANTED, Custodian
from services.custodian.mailbox import Mailbox
from services.custodian.post import Post
from services.custodian.store import Database, Store
from services.custodian.vault import read_master_key

_log = structlog.get_logger()

NAME = "custodian"

GLANCE_SECONDS = 0.5
"""How often it is looked, when nothing comes, whether something is still to be done."""

LOOK_SECONDS = 600.0
"""How often it is looked whether a tombstone is to be written again."""


class CustodySettings(BaseSettings):
    """What the custodian needs beside an organisation's settings."""

    model_config = SettingsConfigDict(env_prefix="HUTONG_", frozen=True, extra="ignore")

    master_key: str | None = Field(None, description="the master key, 64 hex digits", repr=False)
    master_key_file: Path | None = Field(None, description="or the file that holds it")
    custody_store: str | None = Field(
        None, description="where keys are kept: a SQLite file, or postgresql://user@host/database"
    )

    def database(self, settings: hutong.Settings | None = None, *, make: bool = True) -> Database:
        """Where keys are kept; by default ``<home>/custody/<organisation>.sqlite``. Raises as :func:`open_database`."""
        settings = settings or hutong.Settings.load()
        where = self.custody_store or str(settings.home / "custody" / f"{settings.organisation}.sqlite")
        return open_database(where, make=make)

    def store(self, settings: hutong.Settings) -> Store:
        """The store. Raises SettingsError: it cannot be opened, or the master key is another."""
        vault = read_master_key(self.master_key, self.master_key_file)
        database = self.database(settings)
        try:
            return Store(database, vault)
        except SettingsError:
            database.close()
            raise


@contextmanager
def custodian(
    bus: hutong.Bus, settings: hutong.Settings, custody: CustodySettings, transport: Transport
) -> Iterator[Custodian]:
    """The custodian of the city, for as long as the block lasts.

    Raises:
        SettingsError: this organisation is not the custodian, its keys are missing, or the master key is wrong.
    """
    key = settings.unwrapping_key()
    if key is None:
        raise SettingsError("HUTONG_SEALING_KEY is not set: name the X25519 file made by `hutong org keygen`")
    if bus.directory.custodian() != bus.organisation:
        raise SettingsError(
            f"{bus.organisation} is not the city's custodian: register it with the rights `{CUSTODY}` and `see_all`"
        )
    with ExitStack() as opened:
        store = custody.store(settings)
        opened.callback(store.close)
        directory = DirectoryReader(
            transport, Codec(bus.catalogue), bytes.fromhex(settings.registrar_key), settings.environment
        )
        opened.callback(directory.close)
        directory.refresh()
        store.database.wipe()  # a former custodian may have been killed between destroying a key and this
        opener = Opener(bus.organisation, key, settings.environment)
        mailbox = Mailbox(transport, bus.organisation, opener, directory, store)
        opened.callback(mailbox.close)
        producer = transport.producer(client_id=f"{bus.organisation}.{NAME}.keys")
        opened.callback(producer.close)
        yield Custodian(
            bus,
            store,
            mailbox,
            Post(producer, Wrapper(bus.organisation, settings.private_key(), settings.environment), transport.topics),
            lifecycle=Lifecycle.load(),
            access=Access.load(),
            audience=Audience.load(),
        )


def keep(bus: hutong.Bus, keeper: Custodian) -> None:
    """Catch up, then learn everything that is delivered, its own erasures included, and behind whatever came together
    do what it asks for. Now and then see to it that erased keys leave the broker."""
    keeper.catch_up()
    looked = float("-inf")
    for event in bus.subscribe(types=WANTED, receipts=True, idle=GLANCE_SECONDS):
        if event is not None:
            with event:
                keeper.handle(event)
            continue
        try:
            keeper.settle()
            if time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                keeper.bury_again(time.time())
        except (Unavailable, Unconfirmed) as error:
            _log.warning("keys cannot be released or destroyed now, again in a moment", error=str(error))
