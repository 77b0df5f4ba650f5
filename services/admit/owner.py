"""Admit's hold on one partition: recall ledger and refusals, then judge and write, batch by batch."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hutong.errors import OutOfRange, SettingsError, Unavailable
from hutong.registry import DirectoryReader
from hutong.transport import Consumer, Outgoing, Partition, Placed, Position, Record, TransactionalProducer, Transport
from hutong.wire.envelope import Submission
from hutong.wire.stamps import (
    AudienceStamp,
    LedgerStamp,
    RefusalStamp,
    SubmissionStamp,
    kept_of_record,
    pack_record,
)
from services.admit.handler import Admission, Admitted, Known, Outcome, Refused, by_directory, header_category
from services.admit.past import TOPICS, Past
from services.admit.store import Head
from services.owning.recall import bring_up
from services.owning.running import WRITE_SECONDS, transactions

UNREADABLE = "unreadable"
"""The reason for what the transport could not read, see :class:`hutong.transport.Record`."""

DIRECTORY_SECONDS = 0.5
"""How old the directory may be that a batch is judged by; before a refusal that comes of it, it is read anew. So a
revocation acts at most this much after it was written."""


class AdmitOwner:
    """Owns partition ``admission.partition`` of submissions, ledger and refusals."""

    def __init__(
        self,
        *,
        admission: Admission,
        past: Past,
        generation: int,
        transport: Transport,
        reader: DirectoryReader,
        producer: TransactionalProducer,
        consumer: Consumer,
    ) -> None:
        self._admission = admission
        self._past = past
        self._store = past.store
        self._generation = generation
        self._transport = transport
        self._reader = reader
        self._producer = producer
        self._consumer = consumer
        self._read_at = 0.0
        self._newest = False  # whether the directory was read after the batch in hand
        self._begins: dict[Partition, int] = {}
        self._submissions = Partition("submissions", admission.partition)

    def resume(self) -> Mapping[Partition, int]:
        """Bring the state up to what is committed, read the directory, find where to go on.

        Raises:
            SettingsError: the submissions do not reach as far as the ledger has read them (a restored broker?).
            OutOfRange: submissions that have no outcome yet are no longer kept.
            Unavailable: a transaction hangs on the ledger or the refusals, or the directory ends too early.
            Fenced, UnknownOutcome: this producer is of no use.
        """
        outputs = [Partition(topic, self._admission.partition) for topic in TOPICS]
        self._begins = self._producer.sweep(outputs, timeout=WRITE_SECONDS)
        bring_up(self._past, self._transport, self._begins)
        self._refresh()
        return {self._submissions: self._next_offset()}

    def _next_offset(self) -> int:
        head = self._store.head
        if head.generation > self._generation:
            raise SettingsError(
                f"partition {self._submissions.number} of the ledger is in generation "
                f"{head.generation}: set HUTONG_GENERATION to it"
            )
        offset = head.next_offset if head.generation == self._generation else 0
        begin, end = self._consumer.beginning(self._submissions), self._consumer.end(self._submissions)
        if offset > end:
            raise SettingsError(
                f"submissions/{self._submissions.number} ends at {end}, but the ledger has read it up to {offset}: was "
                "the broker restored from an older copy? Only the operator can decide to begin a new generation"
            )
        hint = self._consumer.committed(self._submissions)
        if offset < begin and hint is not None and begin <= hint.offset <= end:
            return hint.offset  # between lay only repeats of what is on the ledger, which leave no trace there
        if offset < begin:
            raise OutOfRange(
                f"submissions/{self._submissions.number} begins at {begin}, but those from {offset} on "
                "have no outcome yet: they were deleted before admit read them",
                offset=offset,
                begin=begin,
                end=end,
            )
        return offset

    def process(self, partition: Partition, records: Sequence[Record]) -> Mapping[Partition, Position]:
        """Judge the batch, write its outcomes in one transaction (more where they are large), keep the state."""
        self._newest = False
        if time.monotonic() - self._read_at > DIRECTORY_SECONDS:
            self._refresh()
        for _, made in transactions(records, lambda record: filter(None, [self._one(record)])):
            self._store.file.wrote(made, self._write(made))
            self._store.keep()
        return {partition: Position(offset=records[-1].offset + 1)}

    def _write(self, made: Sequence[Outgoing]) -> list[Placed]:
        """The first records must come right behind the end that the state was brought up to: somebody else who writes
        there was not seen."""
        placed = self._producer.write(made, begins=self._begins, timeout=WRITE_SECONDS)
        for outgoing in made:
            self._begins.pop(Partition(outgoing.topic, self._admission.partition), None)
        return placed

    def _refresh(self) -> None:
        """Read the directory to its end. Raises Unavailable where that is before what the ledger was judged by: a
        broker that the others have left behind told it."""
        number, before = self._reader.refresh().number, self._store.head.directory
        if number < before:
            raise Unavailable(f"the directory ends at number {number} here, but entries were judged by number {before}")
        self._read_at = time.monotonic()
        self._newest = True

    def _one(self, record: Record) -> Outgoing | None:
        submission = Submission(key=record.key, value=record.value, headers=record.headers)
        fingerprint = submission.fingerprint(self._admission.environment)
        now_ms = max(time.time_ns() // 1_000_000, self._store.head.admitted_ms)
        outcome = self._judge(submission, fingerprint, now_ms)
        if record.unreadable:
            outcome = Refused(code=UNREADABLE, text=record.unreadable, binding=False, returned_to="")
        stamp = SubmissionStamp(generation=self._generation, partition=record.partition, offset=record.offset)
        match outcome:
            case Known():
                return None
            case Refused():
                return self._refuse(submission, fingerprint, outcome, stamp)
            case Admitted():
                return self._admit(submission, fingerprint, outcome, stamp, now_ms)

    def _judge(self, submission: Submission, fingerprint: bytes, now_ms: int) -> Outcome:
        directory = self._reader.directory
        outcome = self._admission.judge(submission, fingerprint, self._store, directory, now_ms)
        doubtful = isinstance(outcome, Refused) and (
            by_directory(outcome.code) or not (outcome.returned_to or outcome.binding)  # its author may be new
        )
        if doubtful and not self._newest:
            before = directory.number  # once a batch is enough, it was written before; a stranger could ask for more
            self._refresh()
            if directory.number != before:
                outcome = self._admission.judge(submission, fingerprint, self._store, directory, now_ms)
        return outcome

    def _refuse(self, submission: Submission, fingerprint: bytes, refused: Refused, stamp: SubmissionStamp) -> Outgoing:
        key, value, headers = kept_of_record(submission.key, submission.value, submission.headers)
        kept = Submission(key=key, value=value, headers=headers)
        refusal = RefusalStamp(
            code=refused.code, text=refused.text, binding=refused.binding, returned_to=refused.returned_to
        )
        if kept != submission:  # no longer anybody's own record: the city keeps what there is
            text = f"{refused.text} (kept in part; its fingerprint was {fingerprint.hex()})"
            refusal = RefusalStamp(code=refused.code, text=text, cut=True)
        elif refused.code == UNREADABLE:
            refusal = replace(refusal, cut=True)
        if refusal.cut:
            fingerprint = kept.fingerprint(self._admission.environment)
        self._store.add_refusal(fingerprint, refusal, stamp)
        return Outgoing(
            topic="refusals",
            partition=self._admission.partition,
            key=key,
            value=pack_record(key, value, headers),
            headers=(("submission", stamp.to_bytes()), ("refusal", refusal.to_bytes())),
        )

    def _admit(
        self, submission: Submission, fingerprint: bytes, admitted: Admitted, stamp: SubmissionStamp, now_ms: int
    ) -> Outgoing:
        ticket, store = admitted.ticket, self._store
        audience = AudienceStamp(
            salt=os.urandom(16), participants=tuple(sorted(ticket.participants)), matches=admitted.matches
        )
        head = Head(
            sequence=store.head.sequence + 1,
            admitted_ms=now_ms,
            directory=self._reader.directory.number,
            generation=stamp.generation,
            next_offset=stamp.offset + 1,
        )
        store.add_entry(identity=submission.identity(), fingerprint=fingerprint, ticket=ticket, head=head)
        ledger = LedgerStamp(
            generation=stamp.generation,
            partition=self._admission.partition,
            sequence=head.sequence,
            admitted_ms=now_ms,
            directory=head.directory,
            audience_hash=audience.hash(),
        )
        return Outgoing(
            topic="ledger",
            partition=self._admission.partition,
            key=submission.key,
            value=submission.value,
            headers=(
                *submission.headers,
                ("submission", stamp.to_bytes()),
                ("ledger", ledger.to_bytes()),
                ("audience", audience.to_bytes()),
                ("category", header_category(ticket).encode()),
                ("area", ticket.area.encode()),
            ),
        )

    def close(self) -> None:
        """Let go of the partition."""
        self._producer.close()
        self._store.file.close()


def ends(consumer: Consumer, partition: int) -> Mapping[Partition, int]:
    """The high watermarks up to which the state of a partition is to be brought."""
    places = [Partition(topic, partition) for topic in TOPICS]
    return {place: consumer.end(place) for place in places}
