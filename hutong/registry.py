"""The directory on Kafka: reading it to its end, and (for the registrar 登记机构) writing it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType

import structlog

from hutong.catalogue import Catalogue
from hutong.codec import Codec
from hutong.errors import InvalidEvent, SettingsError, Unavailable
from hutong.events import EventData
from hutong.events.directory import Changed, OrganisationEntry, Registered, Revoked
from hutong.loop import read_to
from hutong.rules.directory import Directory, Standing
from hutong.transport import Consumer, Outgoing, Partition, Record, TopicSpec, Transport
from hutong.wire.envelope import SIGNATURE, Attributes, Environment, Submission
from hutong.wire.identity import derived_id
from hutong.wire.signing import Signature, Signer, Verifier

_log = structlog.get_logger()

DIRECTORY = Partition("directory", 0)

MAX_PARTITIONS = 64
"""A door's marks, two streams of each partition, must fit into the 4,096 bytes of a commit's metadata."""


class DirectoryReader:
    """Keeps a :class:`Directory` up to date. Believes only what the pinned registrar key signed.

    Nothing is connected before the first :meth:`refresh`, which may be called by several threads. ``patience``: the
    seconds for which a broker may send nothing in the middle of the directory before it is Unavailable.
    """

    def __init__(
        self,
        transport: Transport,
        codec: Codec,
        registrar_key: bytes,
        environment: Environment,
        *,
        patience: float = 30.0,
    ) -> None:
        self.directory = Directory()
        self._codec = codec
        self._key = registrar_key
        self._environment: Environment = environment
        self._verifier = Verifier(environment)
        self._transport = transport
        self._lock = threading.RLock()
        self._consumer: Consumer | None = None
        self._patience = patience
        self._passed_over = 0
        self._read = False

    @property
    def known(self) -> Directory:
        """The directory as last read; read now where it never was. Raises as :meth:`refresh`."""
        return self.directory if self._read else self.refresh()

    def _open(self) -> Consumer:
        consumer = self._transport.consumer(client_id="directory")
        try:
            consumer.assign([DIRECTORY])
            consumer.seek(DIRECTORY, 0)
        except SettingsError:
            consumer.close()
            raise SettingsError(
                "no city is founded at this broker: check HUTONG_BOOTSTRAP, or found it (`hutong org found`)"
            ) from None
        except Unavailable:
            consumer.close()
            raise
        return consumer

    def refresh(self) -> Directory:
        """Read to the directory's end as it is now.

        Raises:
            Gap: a directory event is missing. InvalidEvent: one is not understood. Unavailable: the broker is away.
            SettingsError: there are records, but not one that the pinned key signed.
        """
        with self._lock:
            return self._refresh()

    def _refresh(self) -> Directory:
        if self._consumer is None:
            self._consumer = self._open()
        for record in read_to(self._consumer, {DIRECTORY: self._consumer.end(DIRECTORY)}, patience=self._patience):
            self._take(record)
        if self._passed_over and not self.directory.number:
            raise SettingsError(
                f"none of {self._passed_over} directory records is signed by the pinned registrar key "
                f"{self._key.hex()[:8]}… for the environment {self._environment}: check HUTONG_REGISTRAR_KEY and "
                "HUTONG_ENVIRONMENT"
            )
        self._read = True
        return self.directory

    def _take(self, record: Record) -> None:
        submission = Submission(key=record.key, value=record.value, headers=record.headers)
        try:
            signature = Signature.from_bytes(submission.header(SIGNATURE) or b"")
            self._verifier.verify(self._key, signature, submission.fingerprint(self._environment))
        except InvalidEvent as error:
            # Whoever can write here without the registrar's key must not be able to stop the city.
            self._passed_over += 1
            if self.directory.number:  # before the first one it is rather the pinned key that is wrong
                _log.warning("directory record passed over", offset=record.offset, error=str(error))
            return
        try:
            attributes = submission.attributes()
            type_, data = self._codec.decode(record.value or b"")
            if type_ != attributes.type or attributes.subject.encode() != record.key:
                raise InvalidEvent("invalid_data", "key, type and value do not agree")
            self.directory.apply(data)
        except InvalidEvent as error:
            # The registrar did sign it. Whoever passes over what he does not understand judges by a wrong directory.
            raise InvalidEvent(
                error.code,
                f"directory/0@{record.offset} is the registrar's, and not understood here: {error.text}; "
                "is this program older than the city's catalogue?",
            ) from None

    def close(self) -> None:
        """Stop reading."""
        if self._consumer is not None:
            self._consumer.close()


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

    def _write(self, data: EventData, subject: str, time: datetime) -> int:
        number: int = getattr(data, "number")  # noqa: B009  # every directory event has one
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
        standing = self.directory.get(subject)
        if standing is None or standing.since != number or standing.revoked != isinstance(data, Revoked):
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
