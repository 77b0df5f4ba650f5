"""What admit derives from the ledger and the refusals, whoever wrote them."""

from __future__ import annotations

from hashlib import sha256

from hutong.catalogue import SCHEMAS
from hutong.codec import Codec
from hutong.event import read_event
from hutong.rules.lifecycle import Lifecycle
from hutong.settings import Settings
from hutong.transport import Record
from hutong.wire.envelope import Environment, Submission
from hutong.wire.stamps import RefusalStamp, SubmissionStamp, unpack_record
from services.admit.store import TABLES, Head, Store
from services.owning.state import Belongs, StateFile

TOPICS = ("ledger", "refusals")
"""Everything that the state follows from."""

_RULES = 4
"""Counts up when this code makes another state of the same records."""


class Past:
    """Learns entry by entry, refusal by refusal; ``store`` holds it."""

    def __init__(self, store: Store, *, codec: Codec, lifecycle: Lifecycle, environment: Environment) -> None:
        self.store = store
        self._codec = codec
        self._lifecycle = lifecycle
        self._environment: Environment = environment

    @classmethod
    def of(cls, settings: Settings, partition: int, instance: str, *, codec: Codec, lifecycle: Lifecycle) -> Past:
        """The past of a partition, still empty, in a file of ``instance``. Raises SettingsError where it cannot be."""
        belongs = Belongs(
            service="admit",
            city=settings.city,
            environment=settings.environment,
            partition=partition,
            rules=f"{_RULES}:{sha256((SCHEMAS / 'lifecycle.yaml').read_bytes()).hexdigest()}",
        )
        file = StateFile(settings.home / "state" / "admit", belongs, TABLES, instance=instance)
        return cls(Store(file), codec=codec, lifecycle=lifecycle, environment=settings.environment)

    @property
    def file(self) -> StateFile:
        """Where it is kept."""
        return self.store.file

    def keep(self) -> None:
        """What was learned so far is committed on Kafka: keep it."""
        self.store.keep()

    def take(self, record: Record) -> None:
        """Learn an entry or a refusal that was committed by whoever owned the partition."""
        if record.topic == "refusals":
            self._take_refusal(record)
        else:
            self._take_entry(record)

    def _take_refusal(self, record: Record) -> None:
        stamps = dict(record.headers)
        key, value, headers = unpack_record(record.value or b"")
        self.store.add_refusal(
            Submission(key=key, value=value, headers=headers).fingerprint(self._environment),
            RefusalStamp.from_bytes(stamps["refusal"]),
            SubmissionStamp.from_bytes(stamps["submission"]),
        )

    def _take_entry(self, record: Record) -> None:
        event, store = read_event(record, self._codec, self._environment), self.store
        assert event.submitted is not None
        assert event.ledger is not None
        assert event.audience is not None
        ticket = self._lifecycle.follow(
            store.ticket(event.ticket),
            event.data,
            subject=event.ticket,
            author=event.source,
            at_ms=event.ledger.admitted_ms,
        )
        ticket = ticket._replace(participants=frozenset(event.audience.participants))
        head = Head(
            sequence=event.ledger.sequence,
            admitted_ms=event.ledger.admitted_ms,
            directory=event.ledger.directory,
            generation=store.head.generation,
            next_offset=store.head.next_offset,
        )
        store.add_entry(identity=event.submission.identity(), fingerprint=event.fingerprint, ticket=ticket, head=head)
        store.seen(event.submitted)
