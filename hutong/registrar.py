"""Writing the directory, for the registrar 登记机构."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import TracebackType

from hutong.catalogue import Catalogue
from hutong.codec import Codec
from hutong.errors import SettingsError, Unavailable
from hutong.events.directory import (
    Agreement,
    AgreementClosed,
    AgreementOpened,
    Changed,
    OrganisationEntry,
    Registered,
    Revoked,
)
from hutong.registry import DIRECTORY, DirectoryReader
from hutong.rules.agreements import AgreementRules
from hutong.rules.directory import Directory, Standing
from hutong.rules.territory import Territory
from hutong.transport import Outgoing, TopicSpec, Transport
from hutong.wire.envelope import SIGNATURE, Attributes, Environment, Submission
from hutong.wire.identity import derived_id
from hutong.wire.signing import Signer

MAX_PARTITIONS = 64
"""A door's marks, two streams of each partition, must fit into the 4,096 bytes of a commit's metadata."""

Written = Registered | Changed | Revoked | AgreementOpened | AgreementClosed


class Registrar:
    """Writes the directory, one event at a time. There is one per city; its key is the pinned root of trust."""

    def __init__(
        self,
        transport: Transport,
        catalogue: Catalogue,
        signer: Signer,
        *,
        city: str,
        environment: Environment,
        replication: int = 1,
    ) -> None:
        self._transport = transport
        self._catalogue = catalogue
        self._codec = Codec(catalogue)
        self._signer = signer
        self._city = city
        self._environment: Environment = environment
        self._replication = replication
        self._reader: DirectoryReader | None = None
        self._producer = transport.producer(client_id="registrar")

    def found(self, partitions: int) -> None:
        """Create the city's topics. ``partitions`` is fixed for ever; founding again changes nothing.

        Raises:
            SettingsError: the city stands already with another number of partitions.
        """
        if partitions > MAX_PARTITIONS:
            raise SettingsError(f"a city has at most {MAX_PARTITIONS} partitions, so that marks fit into a commit")
        there = self._transport.topics().get("submissions")
        if there is not None and there != partitions:
            raise SettingsError(f"this city was founded with {there} partitions, which can never become {partitions}")
        names = {"city": partitions}
        self._transport.create(
            [self._spec(topic, topic, names) for topic in self._catalogue.topics if "<" not in topic]
        )

    @property
    def directory(self) -> Directory:
        """The directory as it is now."""
        if self._reader is None:
            self._reader = DirectoryReader(self._transport, self._codec, self._signer.public_key, self._environment)
        return self._reader.refresh()

    def register(self, entry: OrganisationEntry, time: datetime) -> int:
        """Register or change an organisation; its topics are made before its entry is written. The number it got.

        The same entry again writes nothing.

        Raises:
            SettingsError: its parent is not registered, or its partitions do not divide the ledger's, or would change.
        """
        directory = self.directory
        standing = directory.get(entry.id)
        if standing is not None and not standing.revoked and standing.entry == entry:
            return standing.since
        self._fits(entry, standing, directory)
        self._transport.create(
            [
                self._spec(topic, topic.replace("<org>", entry.id), {"organisation": entry.partitions})
                for topic in self._catalogue.topics
                if "<org>" in topic
            ]
        )
        number = directory.number + 1
        known = standing is not None
        return self._write(
            Changed(number=number, entry=entry) if known else Registered(number=number, entry=entry), entry.id, time
        )

    def _fits(self, entry: OrganisationEntry, before: Standing | None, directory: Directory) -> None:
        parent = directory.get(entry.parent) if entry.parent else None
        if entry.parent and (parent is None or parent.revoked):
            raise SettingsError(f"the parent {entry.parent} of {entry.id} is not registered: register it first")
        city = self._transport.topics().get("ledger")
        if city is not None and city % entry.partitions:
            raise SettingsError(
                f"{entry.partitions} partitions for {entry.id} do not divide the ledger's {city}: take one that does"
            )
        if before is not None and before.entry.partitions != entry.partitions:
            raise SettingsError(f"{entry.id} has {before.entry.partitions} partitions, which can never change")

    def revoke(self, organisation: str, reason: str, time: datetime) -> int:
        """End an organisation's entry: what it submits from now on is refused. The number of the event.

        Raises:
            SettingsError: it is not registered, or revoked already.
        """
        directory = self.directory
        standing = directory.get(organisation)
        if standing is None or standing.revoked:
            raise SettingsError(f"{organisation} is not registered (see `hutong org list`)")
        return self._write(
            Revoked(number=directory.number + 1, organisation=organisation, reason=reason), organisation, time
        )

    def open_agreement(self, agreement: Agreement, time: datetime) -> int:
        """Open a standing agreement 共享协议: from now on it reaches what is admitted. The number it got.

        The same agreement again, while it stands, writes nothing.

        Raises:
            SettingsError: it may not be opened, see :meth:`hutong.rules.agreements.AgreementRules.check`.
        """
        directory = self.directory
        before = directory.agreement(agreement.id)
        if before is not None and before.closed is None and before.agreement == agreement:
            return before.opened
        AgreementRules.load().check(
            agreement,
            city=self._city,
            directory=directory,
            territory=Territory.load(self._city),
            types={type_ for type_ in self._catalogue.types if not type_.startswith("directory.")},
            now=time,
        )
        return self._write(AgreementOpened(number=directory.number + 1, agreement=agreement), agreement.recipient, time)

    def close_agreement(self, id: str, reason: str, time: datetime) -> int:
        """End an agreement before its time. The number of the event.

        Raises:
            SettingsError: there is none, or it is closed already.
        """
        directory = self.directory
        opened = directory.agreement(id)
        if opened is None:
            raise SettingsError(f"there is no agreement {id} (see `hutong agreements list`)")
        if opened.closed is not None:
            raise SettingsError(f"agreement {id} was closed by directory event {opened.closed} already")
        return self._write(
            AgreementClosed(number=directory.number + 1, id=id, reason=reason), opened.agreement.recipient, time
        )

    def _write(self, data: Written, subject: str, time: datetime) -> int:
        number = data.number
        attributes = Attributes(
            id=derived_id(self._city, "directory", str(number), subject),
            source=self._city,
            type=data.TYPE,
            time=time,
            subject=subject,
        )
        event = Submission(key=subject.encode(), value=self._codec.encode(data), headers=attributes.headers())
        signature = self._signer.sign([event.fingerprint(self._environment)])[0]
        self._producer.send(
            [
                Outgoing(
                    topic=DIRECTORY.topic,
                    key=event.key,
                    value=event.value,
                    partition=0,
                    headers=(*event.headers, (SIGNATURE, signature)),
                )
            ],
            timeout=30.0,
        )
        if not _counts(data, self.directory):
            raise Unavailable(
                f"another registrar wrote directory event {number} first: yours does not count, run it again"
            )
        return number

    def _spec(self, topic: str, name: str, counts: Mapping[str, int]) -> TopicSpec:
        described = self._catalogue.topics[topic]
        partitions = described.partitions
        return TopicSpec(
            name=name,
            partitions=counts[partitions] if isinstance(partitions, str) else partitions,
            replication=self._replication,
            config=described.kafka_config(),
        )

    def close(self) -> None:
        """Stop reading and writing."""
        self._producer.close()
        if self._reader is not None:
            self._reader.close()

    def __enter__(self) -> Registrar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _counts(data: Written, directory: Directory) -> bool:
    """Whether the directory took this event, and no other, under its number."""
    match data:
        case AgreementOpened():
            opened = directory.agreement(data.agreement.id)
            return opened is not None and opened.opened == data.number
        case AgreementClosed():
            ended = directory.agreement(data.id)
            return ended is not None and ended.closed == data.number
        case Revoked():
            standing = directory.get(data.organisation)
            return standing is not None and standing.since == data.number and standing.revoked
        case _:
            standing = directory.get(data.entry.id)
            return standing is not None and standing.since == data.number and not standing.revoked
