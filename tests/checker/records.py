"""Ledger entries and refusals taken apart: the author's part, the city's stamps, and what can be read of the event."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from hutong.codec import Codec
from hutong.errors import InvalidEvent
from hutong.events import EventData
from hutong.transport import Record
from hutong.wire.envelope import Attributes, Environment, Submission
from hutong.wire.signing import Signature
from hutong.wire.stamps import AudienceStamp, LedgerStamp, RefusalStamp, SubmissionStamp, unpack_record
from tests.checker.history import Log
from tests.checker.verdict import Findings

ENTRY_STAMPS = ("submission", "ledger", "audience", "category", "area")
REFUSAL_STAMPS = ("submission", "refusal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Whatever can be read of a submission. A fault is the code of the first thing that cannot."""

    submission: Submission
    fingerprint: bytes
    source: str
    attributes: Attributes | None
    header_fault: str
    signature: Signature | None
    data: EventData | None
    value_fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A ledger entry."""

    record: Record
    reading: Reading
    submitted: SubmissionStamp
    ledger: LedgerStamp
    audience: AudienceStamp
    category: bytes
    area: bytes

    def __str__(self) -> str:
        return describe(self.record, self.reading)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A record of the refusals."""

    record: Record
    reading: Reading
    submitted: SubmissionStamp
    stamp: RefusalStamp

    def __str__(self) -> str:
        return f"{describe(self.record, self.reading)} refused as {self.stamp.code}"


def describe(record: Record, reading: Reading) -> str:
    """Topic, partition, offset, type, ticket and fingerprint, for whoever looks into it."""
    type_ = reading.attributes.type if reading.attributes else "unreadable event"
    ticket = (reading.submission.key or b"").decode("utf-8", "replace")[:60]
    place = f"{record.topic}/{record.partition}@{record.offset}"
    return f"{place} ({type_} of ticket {ticket}, fingerprint {reading.fingerprint.hex()[:16]}…)"


def read_submission(submission: Submission, environment: Environment, codec: Codec) -> Reading:
    """Read as much as there is."""
    attributes, header_fault, signature, data, value_fault = None, "", None, None, ""
    raw = submission.header("ce_source") or b""
    try:
        attributes = submission.attributes()
    except InvalidEvent as error:
        header_fault = error.code
    with suppress(InvalidEvent):  # whether it had to be there is for the rules to say
        signature = Signature.from_bytes(submission.header("signature") or b"")
    try:
        data = codec.decode(submission.value or b"")[1]
    except InvalidEvent as error:
        value_fault = error.code
    return Reading(
        submission=submission,
        fingerprint=submission.fingerprint(environment),
        source=raw.decode("ascii", "replace"),
        attributes=attributes,
        header_fault=header_fault,
        signature=signature,
        data=data,
        value_fault=value_fault,
    )


def read_entries(log: Log, environment: Environment, codec: Codec, findings: Findings) -> dict[int, list[Entry]]:
    """The ledger's entries in order, as far as their stamps can be read."""
    found: dict[int, list[Entry]] = {}
    for partition, records in log.items():
        entries = found[partition] = []
        for record in records:
            findings.look("stamp")
            try:
                entries.append(_entry(record, environment, codec))
            except InvalidEvent as error:
                findings.violated("stamp", f"{record.topic}/{partition}@{record.offset}: {error}")
    return found


def read_refusals(log: Log, environment: Environment, codec: Codec, findings: Findings) -> dict[int, list[Refusal]]:
    """The refusals in order, as far as their stamps can be read."""
    found: dict[int, list[Refusal]] = {}
    for partition, records in log.items():
        refusals = found[partition] = []
        for record in records:
            findings.look("stamp")
            try:
                refusals.append(_refusal(record, environment, codec))
            except InvalidEvent as error:
                findings.violated("stamp", f"{record.topic}/{partition}@{record.offset}: {error}")
    return found


def _entry(record: Record, environment: Environment, codec: Codec) -> Entry:
    stamps = record.headers[-len(ENTRY_STAMPS) :]
    if tuple(name for name, _ in stamps) != ENTRY_STAMPS:
        raise InvalidEvent("bad_stamp", f"ends in {[name for name, _ in stamps]}, not in {list(ENTRY_STAMPS)}")
    author = Submission(key=record.key, value=record.value, headers=record.headers[: -len(ENTRY_STAMPS)])
    return Entry(
        record=record,
        reading=read_submission(author, environment, codec),
        submitted=SubmissionStamp.from_bytes(stamps[0][1]),
        ledger=LedgerStamp.from_bytes(stamps[1][1]),
        audience=AudienceStamp.from_bytes(stamps[2][1]),
        category=stamps[3][1],
        area=stamps[4][1],
    )


def _refusal(record: Record, environment: Environment, codec: Codec) -> Refusal:
    if tuple(name for name, _ in record.headers) != REFUSAL_STAMPS:
        raise InvalidEvent("bad_stamp", f"bears {[name for name, _ in record.headers]}, not {list(REFUSAL_STAMPS)}")
    key, value, headers = unpack_record(record.value or b"")
    return Refusal(
        record=record,
        reading=read_submission(Submission(key=key, value=value, headers=headers), environment, codec),
        submitted=SubmissionStamp.from_bytes(record.headers[0][1]),
        stamp=RefusalStamp.from_bytes(record.headers[1][1]),
    )
