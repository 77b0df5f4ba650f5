"""Admit's and deliver's live state against one rebuilt here from ledger and refusals: row by row."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from itertools import islice

from hutong.wire.stamps import pack_record
from tests.checker.admission import Walk, identity
from tests.checker.deliveries import Expected
from tests.checker.history import Rows
from tests.checker.outcomes import order
from tests.checker.tickets import Ticket
from tests.checker.verdict import Findings

_SHOWN = 10


def check_admit_state(live: Mapping[str, Rows], walk: Walk, findings: Findings) -> None:
    """Compare the state file of admit's partition with what ``walk`` found."""
    _compare(f"admit/{walk.partition}", "admit_state", live, _admit_rows(walk), findings)


def check_deliver_state(live: Mapping[str, Rows], partition: int, expected: Expected, findings: Findings) -> None:
    """Compare the state file of deliver's partition with the deliveries that were to come about."""
    _compare(f"deliver/{partition}", "deliver_state", live, _deliver_rows(expected), findings)


def _admit_rows(walk: Walk) -> dict[str, Rows]:
    entries: dict[tuple[object, ...], object] = {}
    refusals: dict[tuple[object, ...], tuple[object, ...]] = {}
    for entry in walk.entries:
        who = identity(entry.reading)
        if who is not None:
            key = sha256("\x00".join(who).encode()).digest()
            entries[key,] = (entry.reading.fingerprint, entry.ledger.sequence)
    for refusal in walk.refusals:
        stamp = refusal.stamp
        if not (stamp.binding or stamp.returned_to):
            continue  # it says nothing to whoever sends the same again
        told = (refusal.reading.fingerprint, stamp.code)
        text, binding, returned = refusals.get(told, (stamp.text, 0, 0))
        refusals[told] = (text, int(bool(binding) or stamp.binding), int(bool(returned) or bool(stamp.returned_to)))
    return {
        "entry": entries,
        "refusal": dict(refusals),
        "ticket": {(ticket.id,): _ticket(ticket) for ticket in walk.tickets.values()},
        "head": {(1,): _head(walk)},
    }


def _ticket(ticket: Ticket) -> list[object]:
    """In the order in which admit writes it."""
    return [
        ticket.id,
        ticket.state,
        ticket.filed_ms,
        *(ticket.one(name) for name in ("filer", "dispatcher", "lead")),
        list(ticket.many("assistants")),
        *(ticket.one(name) for name in ("category", "area", "into")),
        ticket.counts,
        sorted(ticket.keys),
        sorted(ticket.dead_keys),
        sorted(ticket.participants),
    ]


def _head(walk: Walk) -> dict[str, int]:
    last = walk.entries[-1].ledger if walk.entries else None
    stamps = [outcome.submitted for log in (walk.entries, walk.refusals) for outcome in log]
    furthest = max(stamps, key=order, default=None)
    return {
        "sequence": last.sequence if last else 0,
        "admitted_ms": last.admitted_ms if last else 0,
        "directory": last.directory if last else 0,
        "generation": furthest.generation if furthest else 0,
        "next_offset": furthest.offset + 1 if furthest else 0,
    }


def _deliver_rows(expected: Expected) -> dict[str, Rows]:
    return {
        "counter": {(name, stream): (len(line),) for (name, stream, _), line in expected.lines.items()},
        "history": {
            (ticket, place): (pack_record(content.key, content.value, content.headers),)
            for ticket, history in expected.histories.items()
            for place, content in enumerate(history, 1)
        },
        "participant": {
            (ticket, organisation): () for ticket, joined in expected.participants.items() for organisation in joined
        },
        "single": dict.fromkeys(expected.singles, ()),
    }


def _compare(name: str, rule: str, live: Mapping[str, Rows], rebuilt: Mapping[str, Rows], findings: Findings) -> None:
    for table in sorted(live.keys() ^ rebuilt.keys()):
        findings.violated(rule, f"{name}: table {table} is only on one side")
    for table in sorted(live.keys() & rebuilt.keys()):
        there, wanted = live[table], rebuilt[table]
        findings.look(rule, count=len(there.keys() | wanted.keys()))
        if there == wanted:
            continue
        different = (key for key in there.keys() | wanted.keys() if there.get(key) != wanted.get(key))
        for key in islice(different, _SHOWN):
            shown = ", ".join(part.hex()[:16] if isinstance(part, bytes) else str(part) for part in key)
            mine, right = _shown(there.get(key)), _shown(wanted.get(key))
            findings.violated(rule, f"{name}: {table} ({shown}) is {mine}, rebuilt it is {right}")


def _shown(row: object) -> str:
    if row is None:
        return "missing"
    return repr(row)[:160]
