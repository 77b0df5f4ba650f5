"""Who is entitled to which class of a ticket's keys, by the table ``schemas/access.yaml``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hutong.catalogue import SCHEMAS, strict_yaml
from hutong.events.sealed import KeyClass
from hutong.events.words import Code
from hutong.rules.directory import Directory
from hutong.rules.lifecycle import Ticket


def _lead(ticket: Ticket) -> str:
    """Who leads it, or nobody: a unit that was relieved of it is named on it until the next dispatch."""
    return "" if ticket.state == "filed" else ticket.lead


_ROLES: Mapping[str, Callable[[Ticket, Directory], Iterable[str]]] = {
    "filer": lambda ticket, directory: (ticket.filer,),
    "dispatcher": lambda ticket, directory: (ticket.dispatcher,),
    "lead": lambda ticket, directory: (_lead(ticket),),
    "assistant": lambda ticket, directory: ticket.assistants if _lead(ticket) else (),
    "supervisor": lambda ticket, directory: directory.ancestors(_lead(ticket)),
}


@dataclass(frozen=True, slots=True, order=True)
class Entitlement:
    """An organisation that may read a class, and for what."""

    organisation: str
    key_class: KeyClass
    purpose: str


class Row(BaseModel):
    """One row of the table; see its head."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: str | None = None
    right: Code | None = None
    key_class: KeyClass = Field(alias="class")
    purpose: Code
    anonymous: Literal["released", "withheld"]
    once: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Row:
        if (self.role is None) == (self.right is None):
            raise ValueError("name either a role or a right")
        if self.role is not None and self.role not in _ROLES:
            raise ValueError(f"unknown role {self.role!r}: one of {', '.join(_ROLES)}")
        return self

    def names(self, ticket: Ticket, directory: Directory) -> Iterable[str]:
        """The organisations it names on this ticket."""
        if self.role is not None:
            return _ROLES[self.role](ticket, directory)
        return sorted(directory.holders(self.right or "") & ticket.participants)


class Access(BaseModel):
    """The table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    access: tuple[Row, ...]

    @classmethod
    def load(cls, path: Path | None = None) -> Access:
        """Read ``schemas/access.yaml`` strictly: an unknown key, role or class is a ``ValueError``."""
        text = (path or SCHEMAS / "access.yaml").read_text(encoding="utf-8")
        return cls.model_validate(strict_yaml(text))

    def entitled(
        self, ticket: Ticket, directory: Directory, *, anonymous: bool, more: Iterable[Entitlement] = ()
    ) -> tuple[Entitlement, ...]:
        """Everybody who may read something of ``ticket`` as it stands, each class once, sorted.

        ``anonymous`` is what its filing says. ``more`` are entitlements from elsewhere: standing agreements; the
        table's own come first. Who is not in the directory, or no longer, is entitled to nothing.
        """
        found: dict[tuple[str, KeyClass], Entitlement] = {}
        for row in self.access:
            if anonymous and row.anonymous == "withheld":
                continue
            if row.once is not None and ticket.state not in row.once:
                continue
            for name in row.names(ticket, directory):
                found.setdefault((name, row.key_class), Entitlement(name, row.key_class, row.purpose))
        for entitlement in more:
            found.setdefault((entitlement.organisation, entitlement.key_class), entitlement)
        return tuple(sorted(each for each in found.values() if directory.stands(each.organisation)))
