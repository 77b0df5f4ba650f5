"""The lifecycle of a ticket, walked by the table ``schemas/lifecycle.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hutong.catalogue import SCHEMAS, strict_yaml
from hutong.errors import InvalidEvent
from hutong.events import EventData
from hutong.rules.directory import Directory


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class State(_Strict):
    """A state of a ticket. An ``ended`` ticket needs no further step."""

    zh: str
    en: str
    ended: bool = False


class By(_Strict):
    """Who may send an event: a role on the ticket, or a right in the directory."""

    role: str | None = None
    right: str | None = None

    @model_validator(mode="after")
    def _one(self) -> By:
        if (self.role is None) == (self.right is None):
            raise ValueError("name either a role or a right")
        return self


class Rule(_Strict):
    """One row of the table; see the head of ``lifecycle.yaml``."""

    zh: str
    by: By
    states: tuple[str, ...] = Field(alias="from")
    to: str | Mapping[str, str]
    choose: str | None = None
    late: tuple[str, ...] = ()
    sets: Mapping[str, str] = {}


class Table(_Strict):
    """The whole of ``lifecycle.yaml``."""

    version: int
    states: Mapping[str, State]
    events: Mapping[str, Rule]

    @model_validator(mode="after")
    def _known(self) -> Table:
        for type_, rule in self.events.items():
            leads = [rule.to] if isinstance(rule.to, str) else list(rule.to.values())
            for state in (*rule.states, *rule.late, *leads):
                if state not in self.states:
                    raise ValueError(f"{type_} names the unknown state {state!r}")
            if (rule.choose is None) != isinstance(rule.to, str):
                raise ValueError(f"{type_}: `choose` and a table of `to` go together")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a ticket's events so far amount to."""

    id: str
    state: str
    filer: str = ""
    dispatcher: str = ""
    lead: str = ""
    assistants: tuple[str, ...] = ()
    category: str = ""
    area: str = ""
    participants: frozenset[str] = frozenset()


class Lifecycle:
    """Walks tickets along the table."""

    def __init__(self, table: Table) -> None:
        self.table = table

    @classmethod
    def load(cls, path: Path | None = None) -> Lifecycle:
        """Read ``schemas/lifecycle.yaml`` strictly: an unknown key or state is a ``ValueError``."""
        text = (path or SCHEMAS / "lifecycle.yaml").read_text(encoding="utf-8")
        return cls(Table.model_validate(strict_yaml(text)))

    def step(
        self, ticket: Ticket | None, data: EventData, *, subject: str, author: str, directory: Directory
    ) -> Ticket:
        """The ticket after ``author`` sent ``data``; ``ticket`` is None where nothing was filed yet.

        Participants are left as they were: :mod:`hutong.rules.audience` adds to them.

        Raises:
            InvalidEvent: ``unknown_type`` (no ticket event), ``not_entitled`` (role or right missing),
                ``unknown_ticket``, ``superseded`` (a race lost) or ``not_allowed`` (the table forbids it).
        """
        rule = self.table.events.get(data.TYPE)
        if rule is None:
            raise InvalidEvent("unknown_type", f"{data.TYPE} is no event of a ticket's life")
        if ticket is None and rule.states:
            raise InvalidEvent("unknown_ticket", f"{subject} was never filed here")
        self._entitled(rule, ticket, data.TYPE, author, directory)
        state = ticket.state if ticket else None
        if state is not None and state not in rule.states:
            code = "superseded" if state in rule.late else "not_allowed"
            raise InvalidEvent(code, f"{data.TYPE} may not come to a ticket that is {state} ({subject})")
        return self.follow(ticket, data, subject=subject, author=author)

    def follow(self, ticket: Ticket | None, data: EventData, *, subject: str, author: str) -> Ticket:
        """The ticket after an event that was admitted: nothing is judged any more."""
        rule = self.table.events[data.TYPE]
        before = ticket or Ticket(id=subject, state="")
        sets: dict[str, Any] = {
            name: author if value == "author" else getattr(data, value) for name, value in rule.sets.items()
        }
        return replace(before, state=self._target(rule, data), **sets)

    def _entitled(self, rule: Rule, ticket: Ticket | None, type_: str, author: str, directory: Directory) -> None:
        if rule.by.right is not None:
            standing = directory.get(author)
            held = standing is not None and rule.by.right in standing.rights
            wanted = f"the right '{rule.by.right}'"
        else:
            held = ticket is not None and rule.by.role in roles(ticket, author, directory)
            wanted = f"the role '{rule.by.role}' on this ticket"
        if not held:
            raise InvalidEvent("not_entitled", f"{author} may not send {type_}: it needs {wanted}")

    @staticmethod
    def _target(rule: Rule, data: EventData) -> str:
        if isinstance(rule.to, str):
            return rule.to
        choice: Any = getattr(data, str(rule.choose))
        if choice not in rule.to:
            raise InvalidEvent("not_allowed", f"{data.TYPE} with {rule.choose} {str(choice)!r} leads nowhere")
        return rule.to[choice]

    def ended(self, state: str) -> bool:
        """Whether a ticket in ``state`` needs no further step."""
        return self.table.states[state].ended


def roles(ticket: Ticket, organisation: str, directory: Directory) -> frozenset[str]:
    """The roles an organisation has on a ticket: filer, lead, assistant, supervisor (an ancestor of the lead)."""
    held = {
        "filer": organisation == ticket.filer,
        "lead": organisation == ticket.lead,
        "assistant": organisation in ticket.assistants,
        "supervisor": bool(ticket.lead) and organisation in directory.ancestors(ticket.lead),
    }
    return frozenset(role for role, has in held.items() if has)
