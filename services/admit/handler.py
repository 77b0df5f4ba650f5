"""Admission: what becomes of one submission. Pure: no clock, no Kafka, no randomness of its own.

The order of the checks is the order in which trust grows: is it ours to read, who signed it, does it stand where it
must, does it say something the city knows, may he say it, and may he say it now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from hutong.codec import Codec
from hutong.errors import InvalidEvent
from hutong.events import EventData
from hutong.rules.agreements import matches
from hutong.rules.audience import Audience
from hutong.rules.directory import Directory
from hutong.rules.lifecycle import Lifecycle, Ticket
from hutong.rules.territory import Territory
from hutong.transport.partition import partition_of
from hutong.wire.envelope import MAX_EVENT_BYTES, SIGNATURE, Attributes, Environment, Identity, Submission
from hutong.wire.identity import ticket_city, under_city
from hutong.wire.signing import Signature, Verifier
from services.admit.contents import check, check_seals

MAX_AHEAD = timedelta(minutes=5)
MAX_BEHIND = timedelta(days=7)
"""How far ``ce_time`` may lie from the admission; further back needs the right ``backfill`` (design, Lifecycle)."""

PASSING = frozenset({"time_ahead", "time_past", "not_entitled"})
"""Reasons that may pass, by time or by a right that is granted, like every ``unknown_*``: they bind nothing."""


MAX_TEXT = 500
"""Characters of a refusal's text: it may quote what a stranger wrote, who must not decide how long it is."""


def by_directory(code: str) -> bool:
    """Whether a newer directory could decide otherwise than this reason for a refusal."""
    return code.startswith("unknown_") or code in {"not_entitled", "time_past", "revoked_organisation"}


class Entered(Protocol):
    """An entry of the ledger."""

    @property
    def fingerprint(self) -> bytes: ...
    @property
    def sequence(self) -> int: ...


class Bound(Protocol):
    """A refusal that binds a fingerprint."""

    @property
    def code(self) -> str: ...
    @property
    def text(self) -> str: ...


class State(Protocol):
    """What admission asks of the partition's past."""

    def entry(self, identity: Identity) -> Entered | None: ...
    def binding(self, fingerprint: bytes) -> Bound | None: ...
    def returned(self, fingerprint: bytes, code: str) -> bool: ...
    def ticket(self, id: str) -> Ticket | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The event goes to the ledger and leaves its ticket as ``ticket``, participants included.

    ``matches`` see it by a standing agreement alone.
    """

    attributes: Attributes
    ticket: Ticket
    matches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The event goes to the refusals. See :class:`hutong.wire.stamps.RefusalStamp` for the fields."""

    code: str
    text: str
    binding: bool
    returned_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The event is on the ledger already, at ``sequence``: nothing is written."""

    sequence: int


Outcome = Admitted | Refused | Known


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The rules of one partition of one city."""

    city: str
    partition: int
    partitions: int
    environment: Environment
    codec: Codec
    lifecycle: Lifecycle
    audience: Audience
    territory: Territory
    verifier: Verifier

    def judge(
        self, submission: Submission, fingerprint: bytes, state: State, directory: Directory, now_ms: int
    ) -> Outcome:
        """What becomes of ``submission``, given everything before it and the time of its admission."""
        entry = state.entry(submission.identity())  # the same bytes have the same identity
        if entry is not None and entry.fingerprint == fingerprint:
            return Known(sequence=entry.sequence)
        bound = state.binding(fingerprint)
        if bound is not None:
            return Refused(code=bound.code, text=bound.text, binding=True, returned_to="")
        author, fault = self._authenticate(submission, fingerprint, directory)
        in_its_place = False
        try:
            attributes = self._recognise(submission, fault)
            in_its_place = True
            data = self._understand(submission, attributes, entry, directory, now_ms)
            before = state.ticket(attributes.subject)
            check(data, subject=attributes.subject, ticket=before, directory=directory, territory=self.territory)
            ticket = self.lifecycle.step(
                before,
                data,
                subject=attributes.subject,
                author=attributes.source,
                directory=directory,
                at_ms=now_ms,
            )
            check_seals(data, before, directory)
        except InvalidEvent as error:
            passing = error.code.startswith("unknown_") or error.code in PASSING
            told = author is None or state.returned(fingerprint, error.code)
            return Refused(
                code=error.code,
                text=error.text[:MAX_TEXT],
                binding=in_its_place and not passing,
                returned_to="" if told or author is None else author,
            )
        participants = self.audience.of(ticket, attributes.source, directory)
        return Admitted(
            attributes=attributes,
            ticket=ticket._replace(participants=participants),
            matches=matches(
                directory,
                type=attributes.type,
                category=ticket.category,
                area=ticket.area,
                at_ms=now_ms,
                participants=participants,
            ),
        )

    def _authenticate(
        self, submission: Submission, fingerprint: bytes, directory: Directory
    ) -> tuple[str | None, InvalidEvent | None]:
        """The author, where signature and source hold; else None and what is wrong."""
        try:
            return self._author(submission, fingerprint, directory), None
        except InvalidEvent as error:
            return None, error

    def _author(self, submission: Submission, fingerprint: bytes, directory: Directory) -> str:
        source = submission.source()
        if source is None:
            raise InvalidEvent("missing_header", "header 'ce_source' is missing or no text")
        raw = submission.header(SIGNATURE)
        if raw is None:
            raise InvalidEvent("missing_signature", "header 'signature' is missing: nobody stands for this event")
        signature = Signature.from_bytes(raw)
        if not under_city(source, self.city):
            raise InvalidEvent("foreign_author", f"{source[:80]!r} is no organisation of city {self.city}")
        standing = directory.get(source)
        if standing is None:
            raise InvalidEvent("unknown_organisation", f"{source[:80]!r} is not in the directory")
        if standing.revoked:
            raise InvalidEvent("revoked_organisation", f"{source} was revoked by directory event {standing.since}")
        key = standing.keys.get(signature.key_id)
        if key is None:
            raise InvalidEvent("unknown_key", f"key {signature.key_id.hex()} is not one of {source}")
        self.verifier.verify(key, signature, fingerprint)
        return source

    def _recognise(self, submission: Submission, fault: InvalidEvent | None) -> Attributes:
        """The author's attributes of a record that is well formed, signed, and where it belongs."""
        if submission.size > MAX_EVENT_BYTES:
            raise InvalidEvent("too_large", f"{submission.size} bytes, at most {MAX_EVENT_BYTES}")
        attributes = submission.attributes()
        if fault is not None:
            raise fault
        if submission.key != attributes.subject.encode():
            raise InvalidEvent("wrong_key", f"the record's key is not its ticket {attributes.subject[:80]!r}")
        right = partition_of(submission.key, self.partitions)
        if right != self.partition:
            raise InvalidEvent(
                "wrong_partition",
                f"ticket {attributes.subject[:80]!r} belongs to partition {right} "
                f"of {self.partitions} (murmur2), not {self.partition}",
            )
        return attributes

    def _understand(
        self,
        submission: Submission,
        attributes: Attributes,
        entry: Entered | None,
        directory: Directory,
        now_ms: int,
    ) -> EventData:
        """The event's data, of a kind and time that the city takes, under an identity that has no ``entry`` yet."""
        if ticket_city(attributes.subject) != self.city:
            raise InvalidEvent("bad_ticket", f"{attributes.subject[:80]!r} is no ticket id of city {self.city}")
        if entry is not None:
            raise InvalidEvent(
                "already_admitted",
                f"{attributes.id} of {attributes.subject} is entry {entry.sequence} of ledger "
                f"partition {self.partition}, with other bytes",
            )
        self._timely(attributes, directory, now_ms)
        type_, data = self.codec.decode(submission.value or b"")
        if type_ != attributes.type:
            raise InvalidEvent("wrong_type", f"ce_type says {attributes.type[:80]!r}, the value is a {type_}")
        return data

    @staticmethod
    def _timely(attributes: Attributes, directory: Directory, now_ms: int) -> None:
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        if attributes.time > now + MAX_AHEAD:
            raise InvalidEvent("time_ahead", f"ce_time {attributes.time.isoformat()} is more than {MAX_AHEAD} ahead")
        if attributes.time < now - MAX_BEHIND:
            standing = directory.get(attributes.source)
            if standing is None or "backfill" not in standing.rights:
                raise InvalidEvent(
                    "time_past",
                    f"ce_time {attributes.time.isoformat()} is more than {MAX_BEHIND.days} days "
                    "back; that needs the right 'backfill'",
                )


def header_category(ticket: Ticket) -> str:
    """The category as admit shows it: at most two levels."""
    return "/".join(ticket.category.split("/")[:2])
