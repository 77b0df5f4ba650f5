"""The lifecycle of a ticket, walked by the table ``schemas/lifecycle.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hutong.catalogue import SCHEMAS, strict_yaml
from hutong.errors import InvalidEvent
from hutong.events import EventData
from hutong.rules.directory import Directory
from hutong.rules.ticket_keys import keys_after

SAME = "same"
"""In ``to``: the event leaves the ticket in its state."""


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

    def __str__(self) -> str:
        return f"the role '{self.role}' on this ticket" if self.role else f"the right '{self.right}'"


class Beyond(_Strict):
    """Where the event leads instead, once the ticket had ``count`` of its kind."""

    count: Annotated[int, Field(ge=1)]
    to: str


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


class Rule(_Strict):
    """One row of the table; see the head of ``lifecycle.yaml``. Groups of states are written out."""

    zh: str
    by: Annotated[tuple[By, ...], BeforeValidator(_listed), Field(min_length=1)]
    states: tuple[str, ...] = Field(alias="from")
    to: str | Mapping[str, str]
    choose: str | None = None
    late: tuple[str, ...] = ()
    sets: Mapping[str, str] = {}
    adds: Mapping[str, str] = {}
    beyond: Beyond | None = None

    @property
    def moves(self) -> bool:
        """Whether it is a step of the ticket's life; else it leaves the ticket in its state."""
        return self.to != SAME

    def leads(self) -> Mapping[str, str]:
        """State → the value of ``choose`` that leads there, empty without one; ``same`` is where it was."""
        found = {self.to: ""} if isinstance(self.to, str) else {}
        if not isinstance(self.to, str):
            for choice, state in self.to.items():
                found[state] = f"{found[state]} / {choice}" if state in found else choice
        return found | ({self.beyond.to: f"{self.beyond.count + 1}+"} if self.beyond else {})


class Table(_Strict):
    """The whole of ``lifecycle.yaml``."""

    version: int
    states: Mapping[str, State]
    groups: Mapping[str, tuple[str, ...]]
    events: Mapping[str, Rule]

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, table: Any) -> Any:
        """Every group's name in ``from`` and ``late`` replaced by its states."""
        groups = table.get("groups", {})
        if twice := groups.keys() & table.get("states", {}).keys() | {SAME} & table.get("states", {}).keys():
            raise ValueError(f"{', '.join(sorted(twice))}: a name for a state, and for something else")

        def states(names: Any) -> Any:
            return [state for name in names for state in groups.get(name, (name,))]

        rows = {
            type_: {key: states(value) if key in ("from", "late") else value for key, value in row.items()}
            for type_, row in table.get("events", {}).items()
        }
        return {**table, "events": rows}

    @model_validator(mode="after")
    def _known(self) -> Table:
        grouped = [state for group in self.groups.values() for state in group]
        for type_, rule in self.events.items():
            named = (*rule.states, *rule.late, *rule.leads(), *grouped)
            for state in named:
                if state not in self.states and state != SAME:
                    raise ValueError(f"{type_} names the unknown state {state!r}")
            if twice := set(rule.states) & set(rule.late):
                raise ValueError(f"{type_} may come in {', '.join(sorted(twice))} and is late there")
            if (rule.choose is None) != isinstance(rule.to, str):
                raise ValueError(f"{type_}: `choose` and a table of `to` go together")
        return self


class Ticket(NamedTuple):  # made anew three times an event, and a dataclass takes three times as long to replace
    """What a ticket's events so far amount to. ``filed_ms`` is when its filing was admitted (Unix, milliseconds)."""

    id: str
    state: str
    filed_ms: int = 0
    filer: str = ""
    dispatcher: str = ""
    lead: str = ""
    assistants: tuple[str, ...] = ()
    category: str = ""
    area: str = ""
    into: str = ""
    counts: Mapping[str, int] = {}
    """How many events there were of each type that the table counts."""
    keys: tuple[str, ...] = ()
    """Ids (hex, sorted) of the keys seen on this ticket that may still be sealed under."""
    stale_keys: tuple[str, ...] = ()
    """Ids (hex, sorted) of those that may not: of before a change of lead, or erased."""
    participants: frozenset[str] = frozenset()

    def plain(self) -> dict[str, Any]:
        """What JSON can hold of it, for a store; the same ticket always gives the same."""
        return self._asdict() | {"participants": sorted(self.participants)}

    @classmethod
    def of_plain(cls, values: Mapping[str, Any]) -> Ticket:
        """The ticket that :meth:`plain` was made of."""
        lists = {name: tuple(values[name]) for name in ("assistants", "keys", "stale_keys")}
        return cls(**{**values, **lists, "participants": frozenset(values["participants"])})


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
        self, ticket: Ticket | None, data: EventData, *, subject: str, author: str, directory: Directory, at_ms: int
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
        return self.follow(ticket, data, subject=subject, author=author, at_ms=at_ms)

    def follow(self, ticket: Ticket | None, data: EventData, *, subject: str, author: str, at_ms: int) -> Ticket:
        """The ticket after an event that was admitted at ``at_ms``: nothing is judged any more."""
        rule = self.table.events[data.TYPE]
        before = ticket or Ticket(id=subject, state="", filed_ms=at_ms)
        sets: dict[str, Any] = {
            name: author if value == "author" else getattr(data, value) for name, value in rule.sets.items()
        }
        for name, value in rule.adds.items():
            held = getattr(before, name)
            sets[name] = (*held, *(new for new in getattr(data, value) if new not in held))
        if rule.beyond:
            sets["counts"] = {**before.counts, data.TYPE: before.counts.get(data.TYPE, 0) + 1}
        sets["keys"], sets["stale_keys"] = keys_after(before.keys, before.stale_keys, before.lead, data)
        return before._replace(state=self._target(rule, before, data), **sets)

    def _entitled(self, rule: Rule, ticket: Ticket | None, type_: str, author: str, directory: Directory) -> None:
        standing = directory.get(author)
        rights = standing.rights if standing else frozenset()
        if any(by.right in rights for by in rule.by):
            return  # roles ask for the lead's ancestors: a right that is enough spares admit that
        held = roles(ticket, author, directory) if ticket else frozenset()
        if not any(by.role in held for by in rule.by):
            wanted = " or ".join(map(str, rule.by))
            raise InvalidEvent("not_entitled", f"{author} may not send {type_}: it needs {wanted}")

    @staticmethod
    def _target(rule: Rule, ticket: Ticket, data: EventData) -> str:
        if rule.beyond and ticket.counts.get(data.TYPE, 0) >= rule.beyond.count:
            return rule.beyond.to
        if isinstance(rule.to, str):
            return ticket.state if rule.to == SAME else rule.to
        choice: Any = getattr(data, str(rule.choose))
        if choice not in rule.to:
            raise InvalidEvent("not_allowed", f"{data.TYPE} with {rule.choose} {str(choice)!r} leads nowhere")
        return rule.to[choice]

    def may_come(self, type_: str, state: str) -> bool:
        """Whether an event of this type may come to a ticket in ``state``, whoever sends it."""
        return state in self.table.events[type_].states

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
