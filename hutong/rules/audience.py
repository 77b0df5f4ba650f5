"""Who sees an event, by the table ``schemas/audience.yaml``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_validator

from hutong.catalogue import SCHEMAS, strict_yaml
from hutong.rules.directory import Directory
from hutong.rules.lifecycle import Ticket

_MEMBERS: Mapping[str, Callable[[Ticket, str, Directory], Iterable[str]]] = {
    "author": lambda ticket, author, directory: (author,),
    "filer": lambda ticket, author, directory: (ticket.filer,),
    "dispatcher": lambda ticket, author, directory: (ticket.dispatcher,),
    "lead": lambda ticket, author, directory: (ticket.lead,),
    "assistants": lambda ticket, author, directory: ticket.assistants,
    "ancestors_of_lead": lambda ticket, author, directory: directory.ancestors(ticket.lead) if ticket.lead else (),
    "holders_of_see_all": lambda ticket, author, directory: directory.holders("see_all"),
}


class Audience(BaseModel):
    """The table. ``participants`` are rows of :data:`_MEMBERS`; an unknown row is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    participants: tuple[str, ...]

    @field_validator("participants")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in _MEMBERS:
                raise ValueError(f"unknown member {name!r}: one of {', '.join(_MEMBERS)}")
        return names

    @classmethod
    def load(cls, path: Path | None = None) -> Audience:
        """Read ``schemas/audience.yaml`` strictly."""
        text = (path or SCHEMAS / "audience.yaml").read_text(encoding="utf-8")
        return cls.model_validate(strict_yaml(text))

    def of(self, ticket: Ticket, author: str, directory: Directory) -> frozenset[str]:
        """The participants after an event by ``author`` that left ``ticket``: those before and those it adds."""
        added = {name for row in self.participants for name in _MEMBERS[row](ticket, author, directory)}
        return ticket.participants | added - {""}
