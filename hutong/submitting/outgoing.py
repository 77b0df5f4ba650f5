"""From a wish to a signed event: drafts, sealing, encoding, one signature for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hutong.codec import Codec
from hutong.errors import InvalidEvent
from hutong.event import Event
from hutong.events import EventData
from hutong.events.complaint import Filed
from hutong.sealing import KeyStore, seal_fields
from hutong.transport import Outgoing
from hutong.wire.envelope import MAX_EVENT_BYTES, SIGNATURE, Attributes, Environment, Submission
from hutong.wire.identity import derived_id, fresh_id, ticket_id
from hutong.wire.signing import Signer
from hutong.wire.stamps import LedgerStamp, RefusalStamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An event that is decided but neither sealed nor signed."""

    id: str
    ticket: str
    data: EventData
    time: datetime
    causation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """An event as its author signed it: these bytes can be sent again and again and stay one event."""

    id: str
    ticket: str
    type: str
    fingerprint: bytes
    submission: Submission

    def record(self) -> Outgoing:
        """The record for ``submissions``; its partition is that of its key."""
        return Outgoing(
            topic="submissions", key=self.submission.key, value=self.submission.value, headers=self.submission.headers
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """An event that all in-sync replicas have; or, with ``wait="stored"``, that the outbox has (``stored``): it has no
    ``partition`` and ``offset`` yet.

    With ``wait="admitted"`` either ``ledger`` says where it stands on the ledger, or ``refusal`` why it does not;
    the code ``already_admitted`` means that it stood there before, which is a success.
    """

    id: str
    ticket: str
    type: str
    fingerprint: bytes
    stored: bool = False
    partition: int | None = None
    offset: int | None = None
    ledger: LedgerStamp | None = None
    refusal: RefusalStamp | None = None

    @property
    def refused(self) -> bool:
        """Whether admit turned it away for another reason than having it already."""
        return self.refusal is not None and self.refusal.code != "already_admitted"


class Drafter:
    """Decides the id and the ticket of what one system of one organisation submits.

    A crash and a retry make the same event, a repeated wish makes a new one (design, "The event on the wire").
    """

    def __init__(self, organisation: str, system: str, city: str, zone: ZoneInfo) -> None:
        self._organisation = organisation
        self._system = system
        self._city = city
        self._zone = zone

    def draft(
        self,
        data: EventData,
        *,
        ticket: str | None,
        answers: Event | None,
        once: str | None,
        time: datetime | None,
        handling: Event | None,
    ) -> Draft:
        """See :meth:`hutong.Bus.draft`; ``handling`` is the event whose block the program is in."""
        derived = self._derivation(data.TYPE, once, handling)
        if ticket is None and answers is not None:
            ticket = answers.ticket
        if ticket is None:
            if not isinstance(data, Filed):
                raise ValueError(f"{data.TYPE} needs `ticket=` or `answers=`: which ticket is it about?")
            ticket = self._new_ticket(time, derived, handling)
        return Draft(
            id=derived_id(self._organisation, *derived) if derived else fresh_id(),
            ticket=ticket,
            data=data,
            time=time or datetime.now(UTC),
            causation=answers.fingerprint.hex() if answers else None,
        )

    def _new_ticket(self, time: datetime | None, derived: tuple[str, ...], handling: Event | None) -> str:
        """A ticket id for a complaint. A derived one must not depend on when the wish is uttered again."""
        if time is None and derived and handling is not None and handling.ledger is not None:
            time = handling.ledger.admitted
        if time is None and derived:
            raise ValueError(
                "a complaint with `once=` needs `time=` too: its ticket's date must stay the same tomorrow"
            )
        day = (time or datetime.now(UTC)).astimezone(self._zone)
        return ticket_id(self._city, day, *((self._organisation, *derived) if derived else ()))

    def _derivation(self, type_: str, once: str | None, handling: Event | None) -> tuple[str, ...]:
        """What makes the id of an event that must come out the same after a crash; empty for a fresh one."""
        if once is not None:
            return ("once", type_, once)
        if handling is None or handling.handling is None:
            return ()
        ordinal = handling.handling.submitted
        handling.handling.submitted += 1
        return (self._system, handling.fingerprint.hex(), type_, str(ordinal))


class Author:
    """Seals and signs as one organisation."""

    def __init__(
        self, organisation: str, signer: Signer, keys: KeyStore, codec: Codec, environment: Environment
    ) -> None:
        self._organisation = organisation
        self._signer = signer
        self._keys = keys
        self._codec = codec
        self._environment: Environment = environment

    def sign(self, drafts: Sequence[Draft]) -> list[Signed]:
        """Seal and sign the drafts as one batch. Minted keys are durable before this returns.

        Raises:
            InvalidEvent: ``too_large``: an event is over 256 KiB.
        """
        with self._keys.batch():
            events = [self._seal(draft) for draft in drafts]
        fingerprints = [event.fingerprint(self._environment) for event in events]
        signatures = self._signer.sign(fingerprints)
        return [
            self._signed(draft, event, fingerprint, signature)
            for draft, event, fingerprint, signature in zip(drafts, events, fingerprints, signatures, strict=True)
        ]

    def _seal(self, draft: Draft) -> Submission:
        data = seal_fields(draft.data, self._keys, ticket=draft.ticket, source=self._organisation, event_id=draft.id)
        attributes = Attributes(
            id=draft.id,
            source=self._organisation,
            type=data.TYPE,
            time=draft.time,
            subject=draft.ticket,
            causation=draft.causation,
        )
        return Submission(key=draft.ticket.encode(), value=self._codec.encode(data), headers=attributes.headers())

    @staticmethod
    def _signed(draft: Draft, event: Submission, fingerprint: bytes, signature: bytes) -> Signed:
        signed = Submission(key=event.key, value=event.value, headers=(*event.headers, (SIGNATURE, signature)))
        if signed.size > MAX_EVENT_BYTES:
            raise InvalidEvent(
                "too_large",
                f"{draft.data.TYPE} of ticket {draft.ticket} has {signed.size} bytes, at "
                f"most {MAX_EVENT_BYTES}: shorten its text",
            )
        return Signed(
            id=draft.id, ticket=draft.ticket, type=draft.data.TYPE, fingerprint=fingerprint, submission=signed
        )
