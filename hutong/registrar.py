"""Writing the directory, for the registrar 登记机构."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
from hutong.schemalog import publish
from hutong.transport import Outgoing, TopicSpec, Transport
from hutong.wire.envelope import SIGNATURE, Attributes, Environment, Submission
from hutong.wire.identity import derived_id
from hutong.wire.signing import Signer
from hutong.wire.wrapping import is_sealing_key

MAX_PARTITIONS = 64
"""A door's marks, two streams of each partition, must fit into the 4,096 bytes of a commit's metadata."""

AT_ONCE = 100
"""So many directory events are written at once: far below what a producer writes all or none."""

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
        """Create the city's topics and publish the catalogue. ``partitions`` is fixed for ever; founding again changes
        nothing, but publishes what the catalogue got since.

        Raises:
            SettingsError: the city stands already with another number of partitions, or another catalogue.
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
        publish(self._catalogue, self._transport, self._producer)

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
            SettingsError: its parent is not registered, its sealing key is none, or its partitions do not divide the
                ledger's, or would change.
        """
        return self.register_all([entry], time)[entry.id]

    def register_all(self, entries: Sequence[OrganisationEntry], time: datetime) -> Mapping[str, int]:
        """Register or change several, parents before those under them. The number each got.

        As :meth:`register` for one after the other, and with the same errors (then none of these is written), but all
        topics are made together and the directory is written many at a time: a city is founded in seconds.
        """
        directory = self.directory
        there = self._transport.topics()
        known = {standing.entry.id: standing for standing in directory}
        living = {name for name, standing in known.items() if not standing.revoked}
        wanted: list[OrganisationEntry] = []
        for entry in entries:
            standing = known.get(entry.id)
            if standing is None or standing.revoked or standing.entry != entry:
                self._fits(entry, standing, living, there.get("ledger"))
                wanted.append(entry)
            living.add(entry.id)
        doors = [
            self._spec(topic, topic.replace("<org>", entry.id), {"organisation": entry.partitions})
            for entry in wanted
            for topic in self._catalogue.topics
            if "<org>" in topic
        ]
        self._transport.create([door for door in doors if door.name not in there])
        for at in range(0, len(wanted), AT_ONCE):
            some = wanted[at : at + AT_ONCE]
            self._write(
                [
                    (Changed if entry.id in known else Registered)(number=number, entry=entry)
                    for number, entry in enumerate(some, self.directory.number + 1)
                ],
                [entry.id for entry in some],
                time,
            )
        standings = {entry.id: self._now(entry.id) for entry in entries}
        return {name: standing.since for name, standing in standings.items()}

    def _now(self, organisation: str) -> Standing:
        standing = (self._reader.directory if self._reader else self.directory).get(organisation)
        assert standing is not None  # it was just written, or found
        return standing

    def _fits(
        self, entry: OrganisationEntry, before: Standing | None, living: Collection[str], city: int | None
    ) -> None:
        if entry.parent and entry.parent not in living:
            raise SettingsError(f"the parent {entry.parent} of {entry.id} is not registered: register it first")
        if entry.sealing_key is not None and not is_sealing_key(entry.sealing_key):
            raise SettingsError(
                f"the sealing key of {entry.id} is no X25519 public key, nothing could be sealed for it: `hutong org "
                "keygen` makes one"
            )
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
        if not directory.stands(organisation):
            raise SettingsError(f"{organisation} is not registered (see `hutong org list`)")
        return self._write(
            [Revoked(number=directory.number + 1, organisation=organisation, reason=reason)], [organisation], time
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
        opened = AgreementOpened(number=directory.number + 1, agreement=agreement)
        return self._write([opened], [agreement.recipient], time)

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
        closed = AgreementClosed(number=directory.number + 1, id=id, reason=reason)
        return self._write([closed], [opened.agreement.recipient], time)

    def _write(self, events: Sequence[Written], subjects: Sequence[str], time: datetime) -> int:
        """Sign and write directory events, numbered on from the last; one signature for all. The last one's number."""
        submissions = [self._submission(*each, time) for each in zip(events, subjects, strict=True)]
        signatures = self._signer.sign([event.fingerprint(self._environment) for event in submissions])
        self._producer.send(
            [
                Outgoing(
                    topic=DIRECTORY.topic,
                    key=event.key,
                    value=event.value,
                    partition=0,
                    headers=(*event.headers, (SIGNATURE, signature)),
                )
                for event, signature in zip(submissions, signatures, strict=True)
            ],
            timeout=30.0,
        )
        directory = self.directory
        for data in events:
            if not _counts(data, directory):
                raise Unavailable(
                    f"another registrar wrote directory event {data.number} first: yours does not count, run it again"
                )
        return events[-1].number

    def _submission(self, data: Written, subject: str, time: datetime) -> Submission:
        attributes = Attributes(
            id=derived_id(self._city, "directory", str(data.number), subject),
            source=self._city,
            type=data.TYPE,
            time=time,
            subject=subject,
        )
        return Submission(key=subject.encode(), value=self._codec.encode(data), headers=attributes.headers())

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
