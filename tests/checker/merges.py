"""并单 over all partitions: what no single one can see when it admits."""

from __future__ import annotations

from collections.abc import Sequence

from hutong.events.complaint import Amended, Filed, Merged
from tests.checker.records import Entry
from tests.checker.verdict import Findings


def check_merges(entries: Sequence[Entry], findings: Findings) -> None:
    """Every merged ticket answers the event that told the older ticket of it, with the time of its own filing."""
    filed = {_subject(entry): entry for entry in entries if isinstance(entry.reading.data, Filed)}
    told = {entry.reading.fingerprint.hex(): entry for entry in entries if isinstance(entry.reading.data, Amended)}
    for entry in entries:
        match entry.reading.data:
            case Merged(into=into):
                findings.look("merge")
                cause = entry.reading.attributes.causation if entry.reading.attributes else None
                if why := _fault(entry, into, filed, told.get(cause or "")):
                    findings.violated("merge", f"{entry} is merged into {into}: {why}")


def _fault(entry: Entry, into: str, filed: dict[str, Entry], telling: Entry | None) -> str:
    """What is wrong with a merge; empty where nothing is. That the older ticket was open is the lifecycle's rule."""
    young, old = filed.get(_subject(entry)), filed.get(into)
    if telling is None or not isinstance(telling.reading.data, Amended) or _subject(telling) != into:
        return "it does not answer an event that told that ticket"
    repeat = telling.reading.data.repeat
    if repeat is None or repeat.ticket != _subject(entry):
        return f"{telling} does not name this ticket"
    if young is None or old is None:
        return "one of the two was never filed"
    if round(repeat.filed.timestamp() * 1000) != young.ledger.admitted_ms:
        return f"{telling} gives another time of filing"
    if young.ledger.admitted_ms <= old.ledger.admitted_ms:
        return "it is not the younger"
    return ""


def _subject(entry: Entry) -> str:
    return entry.reading.attributes.subject if entry.reading.attributes else ""
