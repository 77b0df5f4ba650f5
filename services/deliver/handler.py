"""Who gets what, in what order, under which number: a pure function of the ledger and of the refusals.

Whoever computes it, however often, comes to the same deliveries (design, promise 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from hutong.errors import InvalidEvent
from hutong.transport import Header, Record
from hutong.wire.stamps import AudienceStamp, DeliveryStamp, RefusalStamp, Stream, unpack_record

NOT_DELIVERED = frozenset({"audience"})
"""Headers that stay on the ledger: who else watches is nobody's business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an organisation gets, before its number."""

    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """``content`` for ``organisation`` under number ``stamp.n``."""

    organisation: str
    stamp: DeliveryStamp
    content: Content


class State(Protocol):
    """What delivery remembers of one partition."""

    def count(self, organisation: str, stream: Stream) -> int:
        """Add one to the organisation's counter of this stream, and return it."""
        ...

    def remember(self, ticket: str, content: Content) -> int:
        """Keep an entry of the ticket's history; its place in it, from 1."""
        ...

    def receives(self, ticket: str, organisation: str, place: int) -> bool:
        """Note that the organisation gets the entry at ``place``; False where it got it before."""
        ...

    def history(self, ticket: str, before: int) -> Iterator[tuple[int, Content]]:
        """Places and contents of the ticket's entries before ``before``, in order."""
        ...

    def participants(self, ticket: str) -> frozenset[str]:
        """The organisations that have the ticket's whole history."""
        ...

    def join(self, ticket: str, organisation: str) -> None:
        """From now on the organisation has the ticket's whole history."""
        ...


def deliver_entry(record: Record, state: State) -> Iterator[Delivery]:
    """The deliveries that a ledger entry brings about, in order.

    A participant gets it; one that joins by it first gets all earlier entries it has not got; a match of an
    agreement gets this entry alone.

    Raises:
        InvalidEvent: the record is no ledger entry.
    """
    raw = next((value for name, value in record.headers if name == "audience"), None)
    if raw is None or record.key is None:
        raise InvalidEvent("bad_stamp", f"ledger/{record.partition}@{record.offset} has no audience or no key")
    audience = AudienceStamp.from_bytes(raw)
    ticket = record.key.decode()
    content = Content(
        key=record.key,
        value=record.value,
        headers=tuple(header for header in record.headers if header[0] not in NOT_DELIVERED),
    )
    place = state.remember(ticket, content)
    joined = state.participants(ticket)
    for organisation in audience.participants:
        if organisation not in joined:
            for earlier, missed in state.history(ticket, place):
                if state.receives(ticket, organisation, earlier):
                    yield _numbered(organisation, "ledger", record.partition, missed, state)
            state.join(ticket, organisation)
        yield _numbered(organisation, "ledger", record.partition, content, state)
    for organisation in audience.matches:
        if organisation not in audience.participants and state.receives(ticket, organisation, place):
            yield _numbered(organisation, "ledger", record.partition, content, state)


def deliver_refusal(record: Record, state: State) -> Iterator[Delivery]:
    """The delivery of a refusal to its author: his own record, with ``submission`` and ``refusal`` behind it.

    None where his signature or source did not hold, or where he was told before.

    Raises:
        InvalidEvent: the record is no refusal.
    """
    stamps = dict(record.headers)
    if "refusal" not in stamps or "submission" not in stamps:
        raise InvalidEvent("bad_stamp", f"refusals/{record.partition}@{record.offset} has no stamps")
    refusal = RefusalStamp.from_bytes(stamps["refusal"])
    if refusal.returned_to:
        key, value, headers = unpack_record(record.value or b"")
        content = Content(
            key=b"" if key is None and value is None else key,  # a client that writes neither is rare; same fingerprint
            value=value,
            headers=(*headers, ("submission", stamps["submission"]), ("refusal", stamps["refusal"])),
        )
        yield _numbered(refusal.returned_to, "refusals", record.partition, content, state)


def _numbered(organisation: str, stream: Stream, partition: int, content: Content, state: State) -> Delivery:
    n = state.count(organisation, stream)
    return Delivery(
        organisation=organisation, content=content, stamp=DeliveryStamp(stream=stream, partition=partition, n=n)
    )
