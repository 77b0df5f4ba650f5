"""From a draft to a signed event: sealing, encoding, one signature for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hutong.codec import Codec
from hutong.errors import InvalidEvent
from hutong.sealing import KeyStore, seal_fields
from hutong.submitting.drafts import Draft
from hutong.submitting.minting import KeyOf, Minting
from hutong.transport import Outgoing
from hutong.wire.envelope import MAX_EVENT_BYTES, SIGNATURE, Attributes, Environment, Submission
from hutong.wire.signing import Signer
from hutong.wire.stamps import LedgerStamp, RefusalStamp


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


class Author:
    """Seals and signs as one organisation."""

    def __init__(
        self,
        organisation: str,
        signer: Signer,
        keys: KeyStore,
        minting: Minting,
        codec: Codec,
        environment: Environment,
    ) -> None:
        self._organisation = organisation
        self._signer = signer
        self._keys = keys
        self._minting = minting
        self._codec = codec
        self._environment: Environment = environment

    def sign(self, drafts: Sequence[Draft], traceparent: str | None = None) -> list[Signed]:
        """Seal and sign the drafts as one batch. Minted keys are durable then, and not yet handed over.

        ``traceparent`` is the context of the trace they were decided in (W3C), if there is one.

        Raises:
            InvalidEvent: ``too_large``: an event is over 256 KiB. And as :meth:`Minting.prepare`.
        """
        keys_of = self._minting.prepare(drafts)
        with self._keys.batch():
            events = [self._seal(draft, keys_of(draft), traceparent) for draft in drafts]
        fingerprints = [event.fingerprint(self._environment) for event in events]
        signatures = self._signer.sign(fingerprints)
        return [
            self._signed(draft, event, fingerprint, signature)
            for draft, event, fingerprint, signature in zip(drafts, events, fingerprints, signatures, strict=True)
        ]

    def _seal(self, draft: Draft, key_of: KeyOf, traceparent: str | None) -> Submission:
        data = seal_fields(draft.data, key_of, ticket=draft.ticket, source=self._organisation, event_id=draft.id)
        attributes = Attributes(
            id=draft.id,
            source=self._organisation,
            type=data.TYPE,
            time=draft.time,
            subject=draft.ticket,
            causation=draft.causation,
            traceparent=traceparent,
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
