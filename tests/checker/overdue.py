"""超期: what was said to be overdue was overdue, by a calculation of the checker's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hutong.events.disposition import Overdue
from tests.checker.limits import Fact, LimitTable
from tests.checker.records import Entry
from tests.checker.tables import Tables
from tests.checker.tickets import Ticket, walk
from tests.checker.verdict import Findings


def check_overdue(entries: Sequence[Entry], tables: Tables, limits: LimitTable | None, findings: Findings) -> None:
    """Entries of a partition in their order: each overdue one names a limit that ran, and its end, which had passed;
    none is said twice."""
    tickets: dict[str, Ticket] = {}
    lives: dict[str, list[Fact]] = {}
    said: set[tuple[str, str, int]] = set()
    for entry in entries:
        data, attributes = entry.reading.data, entry.reading.attributes
        if data is None or attributes is None:
            continue
        ticket = tickets.setdefault(attributes.subject, Ticket(id=attributes.subject))
        facts = lives.setdefault(attributes.subject, [])
        at_ms = entry.ledger.admitted_ms
        if isinstance(data, Overdue):
            findings.look("overdue")
            due_ms = _ms(data.due)
            key = (attributes.subject, data.limit, due_ms)
            if key in said:
                findings.violated("overdue", f"{entry} says again that {data.limit} was due {data.due.isoformat()}")
            elif why := _fault(data.limit, due_ms, at_ms, facts, limits):
                findings.violated("overdue", f"{entry}: {data.limit} due {data.due.isoformat()}: {why}")
            said.add(key)
        walk(tables, ticket, data, attributes.source, at_ms)
        facts.append(Fact(at_ms=at_ms, said_ms=_ms(attributes.time), data=data, state=ticket.state))


def _fault(limit: str, due_ms: int, at_ms: int, facts: Sequence[Fact], limits: LimitTable | None) -> str:
    """What is wrong; empty where the limit had that end, and nothing came that ended or moved it until then."""
    if limits is None:
        return "the city has no limits"
    if at_ms < due_ms:
        return f"that had not passed when it was admitted, at {at_ms}"
    ends = [limits.due(limit, facts[: count + 1]) for count in range(len(facts))]
    for count, end in enumerate(ends):
        undisturbed = count + 1 == len(facts) or facts[count + 1].at_ms > due_ms
        if end == due_ms and undisturbed:
            return ""
    known = sorted({end for end in ends if end is not None})
    return f"the limit did not run, or was met; by the table it was due at {known} (milliseconds), not at {due_ms}"


def _ms(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
