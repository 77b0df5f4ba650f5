"""Every submission has exactly one outcome, byte for byte; every acknowledged event is settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hutong.transport import Record
from hutong.wire.envelope import Submission
from hutong.wire.stamps import SubmissionStamp, kept_of_record, pack_record
from tests.checker.history import History
from tests.checker.records import ENTRY_STAMPS, Entry, Refusal
from tests.checker.verdict import Findings

Outcome = Entry | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """``pending`` submissions are not reached yet; ``lost`` fingerprints were acknowledged and never settled."""

    pending: int
    acknowledged: int
    lost: frozenset[bytes]


def order(stamp: SubmissionStamp) -> tuple[int, int]:
    """What orders the outcomes of one partition."""
    return stamp.generation, stamp.offset


def check_outcomes(
    history: History,
    entries: Mapping[int, Sequence[Entry]],
    refusals: Mapping[int, Sequence[Refusal]],
    findings: Findings,
    *,
    complete: bool,
) -> Settled:
    """Hold submissions and outcomes against each other. ``complete``: nothing may be pending."""
    pending: set[bytes] = set()
    without: set[bytes] = set()
    count = 0
    for partition, records in history.submissions.items():
        outcomes: list[Outcome] = [*entries.get(partition, ()), *refusals.get(partition, ())]
        by_offset = _pair(history, partition, records, outcomes, findings)
        reached = max((outcome.submitted.offset for outcome in outcomes if _current(history, outcome)), default=-1)
        first: dict[bytes, int] = {}
        for entry in entries.get(partition, ()):
            first.setdefault(entry.reading.fingerprint, entry.submitted.offset if _current(history, entry) else -1)
        for record in records:
            findings.look("outcome")
            if record.offset in by_offset:
                continue
            fingerprint = _author(record).fingerprint(history.environment)
            if first.get(fingerprint, record.offset) < record.offset:
                continue  # a repetition of what is on the ledger
            if record.offset > reached and not complete:
                pending.add(fingerprint)
                count += 1
            else:
                without.add(fingerprint)
                place = f"submissions/{partition}@{record.offset}"
                findings.violated("outcome", f"{place} (ticket {record.key!r}, {fingerprint.hex()[:16]}…) has none")
        for log in (entries, refusals):
            _in_order(log.get(partition, ()), findings)
    settled = {outcome.reading.fingerprint for log in (entries, refusals) for part in log.values() for outcome in part}
    return _settle(history, (settled | pending) - without, count, findings)


def _current(history: History, outcome: Outcome) -> bool:
    return outcome.submitted.generation == history.generation


def _author(record: Record) -> Submission:
    return Submission(key=record.key, value=record.value, headers=record.headers)


def _pair(
    history: History, partition: int, records: Sequence[Record], outcomes: Sequence[Outcome], findings: Findings
) -> Mapping[int, Outcome]:
    """Outcome by the offset of its submission, in this generation; others cannot be held against anything."""
    submissions = {record.offset: record for record in records}
    found: dict[int, Outcome] = {}
    taken: dict[tuple[int, int], Outcome] = {}
    for outcome in outcomes:
        findings.look("two_outcomes", "invented", "altered")
        stamp = outcome.submitted
        other = taken.setdefault(order(stamp), outcome)
        if other is not outcome:
            findings.violated("two_outcomes", f"submissions/{partition}@{stamp.offset} has {other} and {outcome}")
        if stamp.generation < history.generation:
            continue
        record = submissions.get(stamp.offset)
        if record is None or stamp.partition != partition or stamp.generation > history.generation:
            of = f"generation {stamp.generation}, partition {stamp.partition}, offset {stamp.offset}"
            findings.violated("invented", f"{outcome} claims a submission that is not there: {of}")
            continue
        found[stamp.offset] = outcome
        if not _unaltered(record, outcome):
            findings.violated("altered", f"{outcome} differs from submissions/{partition}@{stamp.offset}")
    return found


def _unaltered(record: Record, outcome: Outcome) -> bool:
    if isinstance(outcome, Refusal):
        kept = kept_of_record(record.key, record.value, record.headers)
        cut = kept != (record.key, record.value, record.headers) or bool(record.unreadable)
        return (outcome.record.key, outcome.record.value, outcome.stamp.cut) == (kept[0], pack_record(*kept), cut)
    if record.key != outcome.record.key:
        return False
    author = outcome.record.headers[: -len(ENTRY_STAMPS)]
    return record.value == outcome.record.value and record.headers == author


def _in_order(outcomes: Sequence[Outcome], findings: Findings) -> None:
    before = None
    for outcome in outcomes:
        findings.look("order")
        if before is not None and order(outcome.submitted) <= order(before.submitted):
            at, last = outcome.submitted.offset, before.submitted.offset
            findings.violated("order", f"{outcome} is of submission {at}, but comes after that of {last}")
        before = outcome


def _settle(history: History, settled: set[bytes], count: int, findings: Findings) -> Settled:
    """``settled``: fingerprints of which no submission waits in vain."""
    what = {line.fingerprint: f"{line.type} of ticket {line.ticket}" for line in history.journals.sent}
    systems: dict[bytes, str] = defaultdict(str)
    for line in history.journals.acknowledged:
        systems.setdefault(line.fingerprint, line.system)
    lost = frozenset(systems.keys() - settled)
    findings.look("lost", count=len(systems))
    for fingerprint in sorted(lost):
        event = what.get(fingerprint, "an event never noted as sent")
        findings.violated("lost", f"{fingerprint.hex()}: {event}, acknowledged to {systems[fingerprint]}")
    return Settled(pending=count, acknowledged=len(systems), lost=lost)
