"""The checker's own walk of a ticket: its state, who has which role, who must see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hutong.events import EventData
from tests.checker.register import Register
from tests.checker.tables import Step, Tables


@dataclass(slots=True, kw_only=True)
class Ticket:
    """A ticket as its entries left it."""

    id: str
    state: str = ""
    fields: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    """What the table's ``sets`` put there: filer, dispatcher, lead, assistants, category, area."""
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
    if _target(step, data) is None:
        found.add("not_allowed")
    return frozenset(found)


def _may(step: Step, register: Register, ticket: Ticket | None, author: str, number: int) -> bool:
    kind, name = step.who
    if kind == "right":
        return name in register.rights(author, number)
    if ticket is None:
        return False
    match name:
        case "assistant":
            return author in ticket.many("assistants")
        case "supervisor":
            return author in register.ancestors(ticket.one("lead"), number)
        case _:
            return author == ticket.one(name)


def _target(step: Step, data: EventData) -> str | None:
    return step.leads.get(str(getattr(data, step.choose)) if step.choose else "")


def walk(tables: Tables, ticket: Ticket, data: EventData, author: str) -> None:
    """The event stands on the ledger, legal or not: the ticket is now where the table leads."""
    step = tables.steps.get(data.TYPE)
    if step is None:
        return
    ticket.state = _target(step, data) or ticket.state
    for name, source in step.sets.items():
        value = author if source == "author" else getattr(data, source)
        ticket.fields[name] = tuple(map(str, value)) if isinstance(value, tuple) else str(value)


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
