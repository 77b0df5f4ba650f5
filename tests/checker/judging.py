"""The whole judgement: every rule over one history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from hutong.catalogue import Catalogue
from hutong.codec import Codec
from hutong.wire.signing import Verifier
from tests.checker.admission import Walk, identity
from tests.checker.deliveries import Content, Doors, Line, expect_deliveries
from tests.checker.faults import World
from tests.checker.handling import check_handled
from tests.checker.history import History
from tests.checker.limits import read_limits
from tests.checker.merges import check_merges
from tests.checker.outcomes import Settled, check_outcomes
from tests.checker.overdue import check_overdue
from tests.checker.parked import check_letters, check_ticket_order
from tests.checker.records import Entry, read_entries, read_refusals
from tests.checker.register import read_register
from tests.checker.states import check_admit_state, check_deliver_state
from tests.checker.tables import Tables, read_tables
from tests.checker.verdict import Counts, Findings, Verdict

_REMEMBERED = 100_000


def check(
    history: History,
    *,
    complete: bool = False,
    systems: Collection[str] | None = None,
    joined_late: Collection[str] = (),
    restarted: Collection[str] = (),
) -> Verdict:
    """Judge a history.

    ``complete``: the run is over, so no submission may be without outcome, no delivery under way, and ``systems``
    (``<org>.<system>``; by default all that handled anything) must have handled all their deliveries.
    ``joined_late`` and ``restarted`` name systems as in :func:`tests.checker.handling.check_handled`.
    """
    findings = Findings()
    codec, tables = Codec(Catalogue.load()), read_tables(history.city)
    register = read_register(history.directory, history.registrar_key, history.environment, codec, findings)
    world = World(
        city=history.city,
        partitions=history.partitions,
        register=register,
        tables=tables,
        verifier=Verifier(history.environment, _REMEMBERED),
    )
    entries = read_entries(history.ledger, history.environment, codec, findings)
    refusals = read_refusals(history.refusals, history.environment, codec, findings)
    settled = check_outcomes(history, entries, refusals, findings, complete=complete)
    duplicates = _duplicates(entries, findings)
    walks = [
        Walk(world, history.generation, partition, entries.get(partition, []), refusals.get(partition, []))
        for partition in sorted(entries.keys() | refusals.keys())
    ]
    lines: dict[Line, list[Content]] = {}
    limits = read_limits(history.city, origin_ms=history.origin_ms, speed=history.speed)
    for walk in walks:
        walk.run(findings)
        check_overdue(walk.entries, tables, limits, findings)
        expected = expect_deliveries(walk.partition, walk.entries, walk.refusals)
        lines |= expected.lines
        if walk.partition in history.admit_states:
            check_admit_state(history.admit_states[walk.partition], walk, findings)
        if walk.partition in history.deliver_states:
            check_deliver_state(history.deliver_states[walk.partition], walk.partition, expected, findings)
    check_merges([entry for walk in walks for entry in walk.entries], findings)
    doors = Doors(lines, findings)
    delivered = doors.check(history.deliveries, complete=complete)
    handled = history.journals.handled
    if systems is None:
        systems = {line.system for line in handled}
    check_handled(
        handled,
        lines,
        register.organisations,
        findings,
        letters=check_letters(history, lines, findings),
        done=systems if complete else (),
        joined_late=joined_late,
        restarted=restarted,
    )
    check_ticket_order(history, lines, findings)
    _journals(history, findings)
    counts = _counts(history, walks, tables, settled, delivered, duplicates + doors.repeated)
    return Verdict(violations=tuple(findings.violations), looked=findings.looked, counts=counts)


def _duplicates(entries: Mapping[int, Sequence[Entry]], findings: Findings) -> int:
    seen: dict[object, Entry] = {}
    again = 0
    for log in entries.values():
        for entry in log:
            findings.look("duplicate")
            keys = (entry.reading.fingerprint, identity(entry.reading) or entry.reading.fingerprint)
            former = next((seen[key] for key in keys if key in seen), None)
            if former is not None:
                again += 1
                findings.violated("duplicate", f"{entry} repeats {former}")
            for key in keys:
                seen.setdefault(key, entry)
    return again


def _journals(history: History, findings: Findings) -> None:
    journals = history.journals
    findings.look(
        "journal", count=len(journals.sent) + len(journals.acknowledged) + len(journals.handled) + len(journals.parked)
    )
    for text in journals.unreadable:
        findings.look("journal")
        findings.violated("journal", text)


def _counts(
    history: History, walks: Sequence[Walk], tables: Tables, settled: Settled, delivered: int, duplicates: int
) -> Counts:
    tickets = Counter(ticket.state for walk in walks for ticket in walk.tickets.values())
    refused = Counter(refusal.stamp.code for walk in walks for refusal in walk.refusals)
    return Counts(
        submissions=sum(map(len, history.submissions.values())),
        pending=settled.pending,
        ledger_events=sum(map(len, history.ledger.values())),
        refused=sum(map(len, history.refusals.values())),
        refused_by_code=dict(sorted(refused.items())),
        deliveries=delivered,
        tickets=dict(sorted(tickets.items())),
        ended=sum(count for state, count in tickets.items() if state in tables.ended),
        acknowledged=settled.acknowledged,
        lost=len(settled.lost),
        duplicates=duplicates,
        handled=len(history.journals.handled),
    )
