"""The client: one organisation's door to the bus."""

from __future__ import annotations

import contextlib
import time
import weakref
from collections.abc import Collection, Generator, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, cast, overload

from hutong.catalogue import Catalogue
from hutong.codec import Codec
from hutong.errors import HandlingError, KeyPending, Refused, SettingsError
from hutong.event import Event, Handling
from hutong.events import EventData
from hutong.events.notice import Erased
from hutong.events.sealed import Clear, KeyClass, Sealed
from hutong.journal import Journal
from hutong.keyring import KeyRing
from hutong.keystore import SqliteKeyStore
from hutong.logs import keep_off_standard_output
from hutong.observing import observing
from hutong.observing.metrics import HANDLE_SECONDS, OUTBOX, Reading
from hutong.reading import Progress, Reader
from hutong.registry import DirectoryReader
from hutong.rules.directory import Directory
from hutong.schemalog import SchemaLog
from hutong.sealing import KeyStore, Place, unseal
from hutong.selection import Selection
from hutong.settings import Settings
from hutong.submitting.courier import Courier
from hutong.submitting.drafts import Draft, Drafter
from hutong.submitting.minting import HandOver, Minting
from hutong.submitting.outbox import Outbox
from hutong.submitting.outgoing import Author, Signed, Submitted
from hutong.submitting.receipts import Receipts
from hutong.submitting.sending import Direct, Sender, Wait, Way
from hutong.subscribing.subscription import Patience, Subscription
from hutong.subscribing.wishes import Wishes
from hutong.topics import absent
from hutong.transport import Partition, Producer, Record, Transport
from hutong.transport.choice import transport_of
from hutong.transport.partition import partition_of
from hutong.wire.signing import Signer

Start = Literal["earliest", "now"]

POLL_INTERVAL_SECONDS = 300.0
"""How long a program may work on one event before its group gives the partition to another instance."""


class Bus:
    """One system of one organisation, connected. Not for use by several threads at once.

    Made by :func:`connect`; a context manager that closes everything it opened.
    """

    def __init__(
        self,
        system: str,
        settings: Settings,
        transport: Transport,
        keys: KeyStore,
        *,
        owns_transport: bool,
        own_keys: SqliteKeyStore | None,
    ) -> None:
        self.system = system
        self.organisation = settings.organisation
        self.catalogue = Catalogue.load()
        self.codec = Codec(self.catalogue, lookup=SchemaLog(transport).find)
        self._settings = settings
        self._transport = transport
        self._owns_transport = owns_transport
        self._keys = keys
        self._own_keys = own_keys
        environment, name = settings.environment, f"{self.organisation}.{system}"
        self._courier: Courier | None = None
        with contextlib.ExitStack() as opened:
            if owns_transport:
                opened.callback(transport.close)
            if own_keys is not None:
                opened.callback(own_keys.close)
            self._observing = observing(settings, system)
            opened.callback(self._observing.meter.close)
            self._journal = Journal(settings.journal, self.organisation, system, environment, self._observing.meter)
            opened.callback(self._journal.close)
            self._directory = DirectoryReader(
                transport, self.codec, bytes.fromhex(settings.registrar_key), environment, patience=8.0
            )
            opened.callback(self._directory.close)
            if settings.outbox is None:
                self._directory.refresh()  # with an outbox there is work to do while the broker is away
            self._ring = KeyRing(
                transport, self.organisation, settings.unwrapping_key(), keys, self._directory, environment
            )
            opened.callback(self._ring.close)
            self._sender = Sender(self._way(name), self._open_receipts)
            opened.pop_all()
        self._reader = Reader(transport, self._directory, self.codec, environment, name)
        self._author: Author | None = None
        self._drafter = Drafter(self.organisation, system, settings.city, settings.zone)
        self._subscriptions: list[tuple[Subscription, weakref.ref[Generator[Event | None]]]] = []
        self._handling: Event | None = None
        self._stopped = False

    def _way(self, name: str) -> Way:
        settings, transport = self._settings, self._transport
        if settings.outbox is None:
            return Direct(transport.producer(client_id=name), self._journal, self._hand_over)
        outbox = Outbox(
            settings.outbox,
            city=settings.city,
            organisation=self.organisation,
            environment=settings.environment,
            limit=settings.outbox_limit,
        )
        courier = Courier(outbox, lambda: transport.producer(client_id=name), self._journal, self._hand_over)
        self._observing.meter.ask(lambda: (Reading(metric=OUTBOX, value=courier.waiting),))
        self._courier = courier
        return courier

    def _hand_over(self, producer: Producer, timeout: float) -> None:
        if self._settings.key is None or not (minted := self._keys.unhanded()):
            return
        HandOver(
            self.organisation,
            self._settings.private_key(),
            self._keys,
            self._directory,
            self._settings.environment,
        ).flush(minted, producer, timeout=timeout)

    @property
    def courier(self) -> Courier | None:
        """Who sends from the outbox; None without one."""
        return self._courier

    @property
    def directory(self) -> Directory:
        """The directory as last read; :meth:`refresh` reads on. With an outbox it is read when it is first asked for.

        Raises:
            Unavailable: it was not read yet, and the broker is away.
        """
        return self._directory.known

    def refresh(self) -> Directory:
        """Read the directory, and the keys that the custodian released, to their ends."""
        directory = self._directory.refresh()
        self._ring.refresh()
        return directory

    # -- submitting -------------------------------------------------------------------------------------------------

    def draft(
        self,
        data: EventData,
        *,
        ticket: str | None = None,
        answers: Event | None = None,
        once: str | None = None,
        time: datetime | None = None,
    ) -> Draft:
        """Decide an event without sending it: its id, its ticket, its time (now, unless given).

        ``answers`` is the event it answers: gives ticket and causation. ``once`` makes the same wish the same event
        whenever it is uttered; inside ``with event:`` that is so by itself. A new complaint mints its ticket id, whose
        date is that of ``time``.

        Raises:
            ValueError: no ticket is given or derivable (a complaint with ``once`` needs ``time``), or the time has no
                zone.
        """
        return self._drafter.draft(data, ticket=ticket, answers=answers, once=once, time=time, handling=self._handling)

    def submit(
        self,
        data: EventData,
        *,
        ticket: str | None = None,
        answers: Event | None = None,
        once: str | None = None,
        time: datetime | None = None,
        wait: Wait = "acknowledged",
        timeout: float = 30.0,
    ) -> Submitted:
        """Submit one event; see :meth:`draft` for the arguments and :meth:`submit_batch` for what ``wait`` promises.

        Raises:
            Refused: with ``wait="admitted"``, when admit turned it away. And as :meth:`submit_batch`.
        """
        draft = self.draft(data, ticket=ticket, answers=answers, once=once, time=time)
        result = self.submit_batch([draft], wait=wait, timeout=timeout)[0]
        if result.refusal is not None and result.refused:
            raise Refused(result.refusal.code, result.refusal.text)
        return result

    def submit_batch(
        self, drafts: Sequence[Draft], *, wait: Wait = "acknowledged", timeout: float = 30.0
    ) -> list[Submitted]:
        """Submit many events under one signature; each still proves itself alone.

        Returns when all in-sync replicas have them (``acknowledged``), or when each came back as admitted or refused
        (``admitted``), or when the outbox has them on its disk (``stored``). ``timeout`` is in seconds, for all of it;
        at most :data:`hutong.submitting.sending.SLACK_SECONDS` later it returns or raises.

        With an outbox every event goes through it, behind those that wait there, so order is kept whatever is waited
        for: ``acknowledged`` then means that it and all before it are with the broker. What is stored is sent later,
        byte for byte, also by the next start of the program, and becomes at most one ledger entry. A refusal of it
        comes back through the door as ever: subscribe with ``refusals``. An event whose id and ticket wait in the
        outbox already (a wish uttered again) is not stored twice: the one that waits is returned.

        Raises:
            InvalidEvent: one is over 256 KiB; nothing was sent.
            Unavailable: the broker is away, or the outbox is full; nothing was sent or stored.
            Unconfirmed: the outcome is unknown; ``events`` may be sent again by :meth:`resend`. With an outbox they
                are stored as a rule, and sent later without that.
            SettingsError: this program has no signing key, or no outbox and was to wait for ``stored``.
        """
        if not drafts:
            return []
        with self._observing.tracer.submitting(drafts) as traceparent:
            return self.resend(self._signing().sign(drafts, traceparent), wait=wait, timeout=timeout)

    def resend(
        self, events: Sequence[Signed], *, wait: Wait = "acknowledged", timeout: float = 30.0
    ) -> list[Submitted]:
        """Send signed events, byte for byte: they become at most one ledger entry each, however often they are sent."""
        return self._sender.send(events, wait=wait, timeout=timeout) if events else []

    def _signing(self) -> Author:
        if self._author is None:
            environment = self._settings.environment
            self._author = Author(
                self.organisation,
                Signer(self._settings.private_key(), environment),
                self._keys,
                Minting(
                    self._keys,
                    self._ring,
                    self._directory,
                    wait=self._settings.key_wait,
                    offline=self._settings.outbox is not None,
                ),
                self.codec,
                environment,
            )
        return self._author

    def _open_receipts(self) -> Receipts:
        return Receipts(self._transport, self.organisation, self._partitions(), self._settings.environment)

    def _partitions(self) -> int:
        """The partitions of this organisation's door."""
        standing = self.directory.get(self.organisation) or self.refresh().get(self.organisation)
        if standing is None:
            raise SettingsError(
                f"{self.organisation} is not in the directory: have it registered (`hutong org register`)"
            )
        return standing.entry.partitions

    # -- reading ----------------------------------------------------------------------------------------------------

    @overload
    def subscribe(
        self,
        *,
        types: Collection[type[EventData]] | None = None,
        receipts: bool = False,
        refusals: bool = False,
        start: Start = "earliest",
        idle: None = None,
    ) -> Iterator[Event]: ...

    @overload
    def subscribe(
        self,
        *,
        types: Collection[type[EventData]] | None = None,
        receipts: bool = False,
        refusals: bool = False,
        start: Start = "earliest",
        idle: float,
    ) -> Iterator[Event | None]: ...

    def subscribe(
        self,
        *,
        types: Collection[type[EventData]] | None = None,
        receipts: bool = False,
        refusals: bool = False,
        start: Start = "earliest",
        idle: float | None = None,
    ) -> Iterator[Event] | Iterator[Event | None]:
        """This organisation's deliveries, in order per ticket, each once; ends after :meth:`stop`.

        Take each event by ``with event:``; leaving the block without an exception marks it as handled. ``types``
        keeps only these; the organisation's own events come with ``receipts``, refused ones with ``refusals``.
        A system that was never here before begins at ``start``; "now" is the moment of this call.

        A program that also acts when nothing comes sets ``idle``: between events it is given None, behind whatever was
        read together (100 deliveries at most), and every ``idle`` seconds when there is nothing to read.
        None is not entered, and marks nothing; as long as the broker is away none comes.

        An ``Exception`` in the block goes no further: the event is given out again (``HUTONG_RETRIES``), then its
        ticket is parked: it and the ticket's later events wait in ``deadletters.<org>`` for a person
        (``hutong deadletters``), other tickets go on. Released, they come again out of this same iterator, in order.
        :class:`hutong.Event` says which errors are waited out, and which end the subscription.

        Raises:
            Gap: deliveries are missing. OutOfRange: the broker does not have them yet: it was restored.
            TooManyDeadLetters: the share ``HUTONG_DEADLETTER_SHARE`` of the last 100 was parked, and one more failed.
            Unconfirmed, Unavailable, UnknownOutcome: a dead letter could not be written; nothing was committed.
            HandlingError: an event was not taken. Fenced: another process runs under this static id. InvalidEvent: a
            delivery proves nothing.
        """
        topic, begin, count = f"deliveries.{self.organisation}", None, self._partitions()
        group = f"{self.organisation}.{self.system}"
        consumer = self._transport.consumer(
            client_id=group,
            group=group,
            instance=self._settings.instance or self.system,
            max_poll_interval=POLL_INTERVAL_SECONDS,
        )
        if start == "now":
            places = [Partition(topic, number) for number in range(count)]
            begin = {place: consumer.end(place) for place in places}
        subscription = Subscription(
            consumer,
            topic,
            transport=self._transport,
            organisation=self.organisation,
            system=self.system,
            open_event=self.read,
            journal=self._journal,
            around=self._around,
            wishes=Wishes(self.organisation, types=types, receipts=receipts, refusals=refusals),
            patience=Patience(retries=self._settings.retries, share=self._settings.deadletter_share),
            meter=self._observing.meter,
            begin=begin,
            idle=idle,
            heartbeat=self._settings.heartbeat,
        )
        if self._stopped:
            subscription.stop()
        events = subscription.events()
        self._subscriptions.append((subscription, weakref.ref(events)))
        return events if idle is not None else cast(Generator[Event], events)

    def replay(
        self,
        *,
        source: Literal["ledger", "deliveries"] = "ledger",
        ticket: str | None = None,
        types: Collection[type[EventData]] | None = None,
        authors: Collection[str] | None = None,
        category: str | None = None,
        area: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Event]:
        """Everything the source holds as of now, signatures checked; in order per ticket and per ledger partition.

        ``source="ledger"`` needs the right ``replay``; ``"deliveries"`` is this organisation's own door. ``since``
        and ``until`` (exclusive) bound the admitted time. The other filters keep only events of a ticket, of these
        types, by these organisations, of a category of two levels at most or an area (both with all below them); what
        they leave out is not verified. Marks are neither used nor moved. ``progress`` is called while it is read.

        Raises:
            InvalidEvent: an entry proves nothing; its text says which. Unavailable: the broker is away.
        """
        topic = "ledger" if source == "ledger" else f"deliveries.{self.organisation}"
        count = self._transport.topics().get(topic)
        if count is None:
            raise absent(self._transport, topic)
        numbers = [partition_of(ticket.encode(), count)] if ticket and source == "ledger" else range(count)
        places = [Partition(topic, number) for number in numbers]
        wanted = Selection(
            ticket=ticket,
            types=None if types is None else frozenset(each.TYPE for each in types),
            authors=authors,
            category=category,
            area=area,
            since=since,
            until=until,
        )
        for event in self._reader.replay(places, wanted, progress):
            self._notice(event)
            yield event

    def read(self, record: Record, handling: Handling | None = None) -> Event:
        """The event in a record of the ledger or of a door; see :meth:`hutong.reading.Reader.read`."""
        event = self._reader.read(record, handling)
        self._notice(event)
        return event

    def _notice(self, event: Event) -> None:
        """What the ledger says is erased is destroyed here, too."""
        if isinstance(event.data, Erased) and event.ledger is not None:
            key_class: KeyClass = "identity" if event.data.key_class.value == "identity" else "content"
            with self._keys.batch():
                for key_id in event.data.key_ids:
                    self._keys.erase(key_id, event.ticket, key_class)

    def unseal(self, event: Event, field: str) -> object:
        """The content of a sealed field (JSON value), or None where the author left it out.

        Keys that the custodian released are read from ``keys.<org>`` when they are needed.

        Raises:
            KeyPending: the key was not released to this organisation, or not yet (retriable). KeyErased: it was
                destroyed, for everybody. InvalidEvent: the field was altered. Unavailable: the broker is away.
        """
        sealed = getattr(event.data, field)
        if not isinstance(sealed, Sealed):
            return None
        if self._keys.get(sealed.key_id) is None and not self._keys.is_erased(sealed.key_id):
            self._ring.refresh()
        else:
            self._ring.look()
        place = Place(ticket=event.ticket, source=event.source, type=event.type, event_id=event.id, field=field)
        try:
            return unseal(sealed, self._keys, place)
        except KeyPending as pending:
            raise KeyPending(f"{pending}{self._ring.cause()}") from None

    def opened(self, event: Event) -> EventData:
        """The event's data with its sealed fields open, to be submitted anew: what was refused as ``stale_key`` is
        then sealed under the ticket's key of now.

        Raises:
            KeyPending: the key of now has not come yet (retriable). And as :meth:`unseal`.
        """
        fields: dict[str, object] = {}
        for name, key_class in event.data.sealed_fields().items():
            sealed = getattr(event.data, name)
            if not isinstance(sealed, Sealed):
                continue
            fields[name] = Clear(self.unseal(event, name))
            current = self._keys.current(event.ticket, key_class)
            if event.refusal is not None and (current is None or current.id == sealed.key_id):
                raise KeyPending(f"{event} was refused for its key, and no newer one of {event.ticket} has come yet")
        return event.data.model_copy(update=fields)

    @contextlib.contextmanager
    def _around(self, event: Event) -> Iterator[None]:
        if self._handling is not None:
            raise HandlingError(f"{event} was entered inside {self._handling}: handle one event at a time")
        self._handling, began = event, time.monotonic()
        try:
            with self._observing.tracer.handling(event):
                yield
        finally:
            self._handling = None
            self._observing.meter.observe(HANDLE_SECONDS, time.monotonic() - began, _outcome(event))

    # -- ending -----------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End every subscription after the event in hand; safe from a signal handler."""
        self._stopped = True
        for subscription, _ in self._subscriptions:
            subscription.stop()

    def close(self) -> None:
        """Close everything this bus opened."""
        self.stop()
        self._observing.meter.close()  # it asks what is closed below
        for _, kept in self._subscriptions:
            if (events := kept()) is not None:
                events.close()  # commits the marks of what was handled, wherever the program left its loop
        self._sender.close()
        self._ring.close()
        self._directory.close()
        if self._courier is None:
            self._let_go()
        else:
            self._courier.then(self._let_go)
        if self._owns_transport:
            self._transport.close()

    def _let_go(self) -> None:
        self._journal.close()
        if self._own_keys is not None:
            self._own_keys.close()

    def __enter__(self) -> Bus:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _outcome(event: Event) -> str:
    """What became of one try to handle it."""
    handling = event.handling
    assert handling is not None
    if handling.handled:
        return "handled"
    if handling.error is None:
        return "ended"
    return "waits" if handling.waits else "failed"


def connect(
    system: str,
    settings: Settings | None = None,
    *,
    transport: Transport | None = None,
    keys: KeyStore | None = None,
    outbox: Path | str | None = None,
) -> Bus:
    """Open the organisation's door for one of its systems.

    Without ``settings`` they come from ``HUTONG_*`` variables or the file in ``HUTONG_CONFIG``; without ``transport``
    it is Kafka at ``bootstrap``; without ``keys`` ticket keys lie in ``<home>/keys/<organisation>.sqlite`` (a transport
    or key store that is given stays open).

    ``outbox`` (or ``HUTONG_OUTBOX``) is the file in which events wait while the broker is away (see
    :meth:`Bus.submit_batch`). With it this works without the broker, too: what waits from before is sent first, and the
    directory is read when it is needed (:meth:`Bus.subscribe` raises Unavailable as long as it cannot be).

    Raises:
        SettingsError: a setting is missing or wrong, or another program uses the outbox, or serves at the address in
            ``HUTONG_METRICS``.
        Unavailable: the broker cannot be reached, or stopped answering; within 30 s.
    """
    keep_off_standard_output()
    settings = settings or Settings.load()
    if outbox is not None:
        settings = settings.model_copy(update={"outbox": Path(outbox)})
    own = None
    if keys is None:
        keys = own = SqliteKeyStore(settings.home / "keys" / f"{settings.organisation}.sqlite")
    if transport is not None:
        return Bus(system, settings, transport, keys, owns_transport=False, own_keys=own)
    return Bus(system, settings, transport_of(settings), keys, owns_transport=True, own_keys=own)
