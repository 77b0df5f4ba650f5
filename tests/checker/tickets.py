"""The checker's own walk of a ticket: its state, who has which role, who must see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hutong.events import EventData
from hutong.events.disposition import Dispatched
from hutong.events.notice import AccessReleased, Erased
from hutong.events.sealed import Sealed
from tests.checker.register import Register
from tests.checker.tables import Step, Tables


@dataclass(slots=True, kw_only=True)
class Ticket:
    """A ticket as its entries left it."""

    id: str
    state: str = ""
    fields: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    """What the table's ``sets`` and ``adds`` put there: filer, dispatcher, lead, assistants, category, area, into."""
    filed_ms: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """How many events there were of a type whose row has a limit."""
    keys: set[str] = field(default_factory=set)
    """Key ids, in hex, of what was sealed or released since the last change of lead, the erased ones taken out."""
    dead_keys: set[str] = field(default_factory=set)
    """Key ids of before a change of lead, and erased ones."""
    participants: frozenset[str] = frozenset()

    def one(self, name: str) -> str:
        """A field that names one thing; ``""`` where it was never set."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""

    def many(self, name: str) -> tuple[str, ...]:
        """A field that names several."""
        value = self.fields.get(name, ())
        return () if isinstance(value, str) else value


def objections(
    tables: Tables, register: Register, ticket: Ticket | None, data: EventData, author: str, number: int
) -> frozenset[str]:
    """Every reason of the lifecycle against ``author`` taking this step at directory ``number``; none: it is legal."""
    step = tables.steps.get(data.TYPE)
    if step is None:
        return frozenset({"unknown_type"})
    found = set()
    if not _may(step, register, ticket, author, number):
        found.add("not_entitled")
    if ticket is None:
        if step.begins:
            found.add("unknown_ticket")
    elif ticket.state not in step.begins:
        found.add("superseded" if ticket.state in step.late else "not_allowed")
    if _target(step, data, ticket) is None:
        found.add("not_allowed")
    return frozenset(found)


def _may(step: Step, register: Register, ticket: Ticket | None, author: str, number: int) -> bool:
    return any(
        name in register.rights(author, number) if kind == "right" else _has(name, register, ticket, author, number)
        for kind, name in step.who
    )


def _has(role: str, register: Register, ticket: Ticket | None, author: str, number: int) -> bool:
    if ticket is None:
        return False
    match role:
        case "assistant":
            return author in ticket.many("assistants")
        case "supervisor":
            return author in register.ancestors(ticket.one("lead"), number)
        case _:
            return author == ticket.one(role)


def _target(step: Step, data: EventData, ticket: Ticket | None) -> str | None:
    if step.limit and ticket is not None and ticket.counts.get(data.TYPE, 0) >= step.limit:
        return step.last
    state = step.leads.get(str(getattr(data, step.choose)) if step.choose else "")
    return ticket.state if state == "same" and ticket is not None else state


def walk(tables: Tables, ticket: Ticket, data: EventData, author: str, at_ms: int) -> None:
    """The event stands on the ledger, legal or not: the ticket is now where the table leads."""
    ticket.filed_ms = ticket.filed_ms or at_ms
    step = tables.steps.get(data.TYPE)
    if step is None:
        return
    _walk_keys(ticket, data)
    ticket.state = _target(step, data, ticket) or ticket.state
    if step.limit:
        ticket.counts[data.TYPE] = ticket.counts.get(data.TYPE, 0) + 1
    for name, source in step.sets.items():
        value = author if source == "author" else getattr(data, source)
        ticket.fields[name] = tuple(map(str, value)) if isinstance(value, tuple) else str(value)
    for name, source in step.adds.items():
        held = ticket.many(name)
        ticket.fields[name] = held + tuple(new for new in getattr(data, source) if new not in held)


def _walk_keys(ticket: Ticket, data: EventData) -> None:
    """A change of lead ends every key seen so far, an erasure those it names; then this event's own are seen."""
    match data:
        case Dispatched(lead=lead) if ticket.one("lead") not in ("", lead):
            ticket.dead_keys |= ticket.keys
            ticket.keys.clear()
        case Erased(key_ids=ids):
            ticket.dead_keys |= {key_id.hex() for key_id in ids}
        case AccessReleased(key_id=key_id):
            ticket.keys.add(key_id.hex())
    ticket.keys |= seals(data)
    ticket.keys -= ticket.dead_keys


def seals(data: EventData) -> set[str]:
    """The ids, in hex, of the keys that an event's fields are sealed under."""
    return {value.key_id.hex() for _, value in data if isinstance(value, Sealed)}


def sealed_under_a_dead_key(ticket: Ticket | None, data: EventData) -> bool:
    """Whether the ticket had the key before its lead changed (by this very event, perhaps), or it was erased."""
    if ticket is None:
        return False
    after = Ticket(id="", fields=ticket.fields, keys=set(ticket.keys), dead_keys=set(ticket.dead_keys))
    _walk_keys(after, data)
    return not seals(data).isdisjoint(after.dead_keys)


def audience(tables: Tables, register: Register, ticket: Ticket, author: str, number: int) -> frozenset[str]:
    """Who must see the event that left ``ticket``: all who saw the ticket before, and those the table adds."""
    lead = ticket.one("lead")
    members: dict[str, frozenset[str]] = {
        "author": frozenset({author}),
        "filer": frozenset({ticket.one("filer")}),
        "dispatcher": frozenset({ticket.one("dispatcher")}),
        "lead": frozenset({lead}),
        "assistants": frozenset(ticket.many("assistants")),
        "ancestors_of_lead": register.ancestors(lead, number),
        "holders_of_see_all": register.holders("see_all", number),
    }
    return (ticket.participants | frozenset().union(*(members[row] for row in tables.participants))) - {""}
