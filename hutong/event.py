"""An event as a program of the bus sees it: delivered, replayed or refused, with everything the city stamped on it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import ClassVar

from hutong.codec import Codec
from hutong.errors import BusError, HandlingError, InvalidEvent, KeyPending, Refused, Unavailable, Unconfirmed
from hutong.events import EventData
from hutong.transport import Record
from hutong.wire.envelope import RESERVED, Environment, Submission
from hutong.wire.stamps import (
    AudienceStamp,
    DeliveryStamp,
    LedgerStamp,
    RefusalStamp,
    SubmissionStamp,
    unpack_record,
)

STAMPS_OF_A_REFUSAL = ("submission", "refusal", "delivery")
"""What deliver puts behind the author's headers of a refusal, in this order."""


RETRIABLE = (Unavailable, Unconfirmed, KeyPending)
"""What a program may meet inside ``with event:`` and that passes: the same event is given out again, after a while.
Submitting again is safe there, because the ids are derived."""

INVALID = (Refused, InvalidEvent)
"""Errors of the bus that speak of this event, and are taken like a program's own."""


_Kind = type[BaseException] | None


class Unreadable(EventData):
    """Stands for the data of a refused event that is no valid event."""

    TYPE: ClassVar[str] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a record lies on the broker."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


@dataclass(slots=True, kw_only=True)
class Handling:
    """One handling of one event: counts what is submitted inside it, so that a retry derives the same ids."""

    around: Callable[[Event], AbstractContextManager[None]]
    """What each try is inside of: it is told what ended it, and when ``handled`` and ``error`` are known already."""
    block: AbstractContextManager[None] | None = None
    submitted: int = 0
    handled: bool = False
    error: Exception | None = None
    """What ended the last try and does not pass through."""

    @property
    def waits(self) -> bool:
        """Whether that passes by waiting: it is retriable, or was raised ``from`` what is."""
        cause: BaseException | None = self.error
        while cause is not None and not isinstance(cause, RETRIABLE):
            cause = cause.__cause__
        return cause is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event and its place in the city's record.

    ``id``, ``source`` and ``type`` are the author's; ``fingerprint`` is 32 bytes; ``causation`` is the hex
    fingerprint of the event it answers. ``ledger`` is None for a refusal, ``delivery`` is None on the ledger,
    ``refusal`` says why it was refused, ``audience`` stands on the ledger alone.
    """

    id: str
    source: str
    type: str
    ticket: str
    time: datetime | None
    causation: str | None
    data: EventData
    fingerprint: bytes
    position: Source
    submission: Submission
    submitted: SubmissionStamp | None = None
    ledger: LedgerStamp | None = None
    delivery: DeliveryStamp | None = None
    refusal: RefusalStamp | None = None
    audience: AudienceStamp | None = None
    category: str = ""
    area: str = ""
    handling: Handling | None = field(default=None, repr=False, compare=False)

    def __enter__(self) -> Event:
        """Begin to handle it.

        Leaving the block without an exception marks the event as handled. An ``Exception`` goes no further: the event
        is given out again a few times, then its ticket is parked. One of :data:`RETRIABLE` is waited out, however long
        that takes, and parks nothing. Every other :class:`~hutong.errors.BusError` ends the subscription, and what is
        no ``Exception`` (Ctrl-C, ``SystemExit``) the process; so does what kills it without a word (a segmentation
        fault, ``os._exit``). Nothing counts those, so an event that kills its process does it again at every start:
        mend the program, or leave the event out by its id.
        """
        if self.handling is None:
            raise HandlingError(f"{self} was not given out by subscribe(), so it cannot be handled")
        block = self.handling.around(self)
        block.__enter__()
        self.handling.block, self.handling.submitted = block, 0
        return self

    def __exit__(self, kind: _Kind, error: BaseException | None, trace: TracebackType | None) -> bool:
        assert self.handling is not None
        assert self.handling.block is not None
        self.handling.handled, self.handling.error = error is None, None
        if isinstance(error, Exception) and (not isinstance(error, BusError) or isinstance(error, RETRIABLE + INVALID)):
            self.handling.error = error
        self.handling.block.__exit__(kind, error, trace)
        if error is not None and self.handling.error is None:
            error.add_note(f"while handling {self}; nothing was marked as handled, so it comes again at the next start")
        return self.handling.error is not None

    def __str__(self) -> str:
        return f"{self.type} of ticket {self.ticket} ({self.position})"


def read_event(record: Record, codec: Codec, environment: Environment, handling: Handling | None = None) -> Event:
    """The event in a record of the ledger, the refusals or an organisation's deliveries.

    Signatures are not checked here.

    Raises:
        InvalidEvent: the record is no event; its text names topic, partition and offset.
    """
    position = Source(topic=record.topic, partition=record.partition, offset=record.offset)
    if record.unreadable:
        raise InvalidEvent("unreadable", f"{record.unreadable} ({position})")
    try:
        return _read(record, codec, environment, handling, position)
    except InvalidEvent as error:
        raise InvalidEvent(error.code, f"{error.text} ({position})") from None


def city_part_removed(record: Record) -> Submission:
    """A ledger entry or a delivery without what the city wrote on it: the event as its author signed it.

    On a delivered refusal the city's stamps are the last three headers; what else stands there is the author's.
    """
    if tuple([name for name, _ in record.headers[-3:]]) == STAMPS_OF_A_REFUSAL:
        headers = record.headers[:-3]
    else:
        headers = tuple([header for header in record.headers if header[0] not in RESERVED])
    return Submission(key=record.key, value=record.value, headers=headers)


def _read(record: Record, codec: Codec, environment: Environment, handling: Handling | None, position: Source) -> Event:
    stamps = {name: value for name, value in record.headers if name in RESERVED}
    refusal = RefusalStamp.from_bytes(stamps["refusal"]) if "refusal" in stamps else None
    if record.topic == "refusals":
        key, value, headers = unpack_record(record.value or b"")
        submission = Submission(key=key, value=value, headers=headers)
    else:
        submission = city_part_removed(record)
    delivery = DeliveryStamp.from_bytes(stamps["delivery"]) if "delivery" in stamps else None
    fingerprint = submission.fingerprint(environment)
    submitted = SubmissionStamp.from_bytes(stamps["submission"]) if "submission" in stamps else None
    if refusal is not None:
        return _refused(submission, codec, fingerprint, position, refusal, delivery, submitted, handling)
    attributes = submission.attributes()
    type_, data = codec.decode(submission.value or b"")
    if type_ != attributes.type:
        raise InvalidEvent("wrong_type", f"ce_type says {attributes.type}, the value is a {type_}")
    if "ledger" not in stamps:
        raise InvalidEvent("bad_stamp", "header 'ledger' is missing")
    return Event(
        id=attributes.id,
        source=attributes.source,
        type=type_,
        ticket=attributes.subject,
        time=attributes.time,
        causation=attributes.causation,
        data=data,
        fingerprint=fingerprint,
        position=position,
        submission=submission,
        submitted=submitted,
        ledger=LedgerStamp.from_bytes(stamps["ledger"]),
        delivery=delivery,
        audience=AudienceStamp.from_bytes(stamps["audience"]) if "audience" in stamps else None,
        category=stamps.get("category", b"").decode(),
        area=stamps.get("area", b"").decode(),
        handling=handling,
    )


def _refused(
    submission: Submission,
    codec: Codec,
    fingerprint: bytes,
    position: Source,
    refusal: RefusalStamp,
    delivery: DeliveryStamp | None,
    submitted: SubmissionStamp | None,
    handling: Handling | None,
) -> Event:
    """Whatever of a refused record can still be read."""

    def text(name: str) -> str:
        return (submission.header(name) or b"").decode("utf-8", "replace")

    data: EventData = Unreadable()
    time = causation = None
    try:
        attributes = submission.attributes()
        time, causation = attributes.time, attributes.causation
        data = codec.decode(submission.value or b"")[1]
    except InvalidEvent:
        pass  # refused for being unreadable: what can be named is named below
    return Event(
        id=text("ce_id"),
        source=text("ce_source"),
        type=text("ce_type"),
        time=time,
        causation=causation,
        data=data,
        ticket=(submission.key or b"").decode("utf-8", "replace"),
        fingerprint=fingerprint,
        position=position,
        submission=submission,
        submitted=submitted,
        refusal=refusal,
        delivery=delivery,
        handling=handling,
    )
