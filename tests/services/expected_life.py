"""The life of a ticket as its prose says it (docs/lifecycle.md), written down by hand.

Neither ``hutong.rules.lifecycle`` nor ``schemas/lifecycle.yaml`` is read here: this is what both are held against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import hutong
from hutong.events.complaint import Amended
from hutong.events.disposition import AssistRequested, DeclineDecided, Dispatched, ExtensionDecided, ExtensionRequested

STATES = (
    "filed", "answered", "merged", "withdrawn",
    "dispatched", "contested", "upheld", "designated",
    "accepted", "extending", "suspending", "suspended",
    "resolved", "called_back", "reopened", "closed",
)  # fmt: skip

ENDED = frozenset({"answered", "merged", "withdrawn", "closed"})

_TABLE = """
    complaint.filed                   file        ....  ....  ....  ....
    complaint.answered                filer       >~~~  ~~~~  ~~~.  ..~.
    complaint.amended                 filer       =~~~  ====  ====  ===~
    complaint.merged                  dispatch    >~~~  ~~~~  ~~~.  ..~.
    complaint.withdrawn               filer       >~~~  >>>>  >>>>  ~~>~
    disposition.dispatched            dispatch    >~~~  ~..~  ....  ....
    disposition.accepted              lead        ...~  >~>>  ~~~~  ~~~~
    disposition.declined              lead        ...~  >...  ~...  ....
    disposition.decline_decided       dispatch    ~..~  .>~.  ....  ....
    disposition.assist_requested      lead        ...~  ....  ===~  ~~=~
    disposition.assist_reported       assistant   ~..~  ====  ====  ~~=~
    disposition.extension_requested   lead        ...~  ....  >..~  ~~>~
    disposition.extension_decided     above       ...~  ....  .>>~  ~~.~
    disposition.suspended             above       ...~  ....  ..>~  ~~.~
    disposition.resumed               above,lead,clock  ...~  ....  ~~~>  ~~~~
    disposition.resolved              lead        ...~  ....  >>>~  ~~>~
    disposition.reminded              clock       =~~~  ====  ===~  ~~=~
    disposition.overdue               clock       =~~~  ====  ===~  ~~=~
    disposition.escalated             above,clock =~~~  ====  ====  ~~=~
    disposition.called_back           call_back   ....  ....  ....  >~~~
    disposition.reopened              call_back   ....  ....  ....  .>~~
    disposition.closed                call_back   ....  ....  ....  .>~~
    notice.access_released            custody     ====  ====  ====  ====
    notice.erased                     custody     ====  ====  ====  ====
"""
"""Event, who may send it, and for each of STATES: > it leads on, = it stays, ~ a race that was lost, . forbidden."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event: who may send it (roles on the ticket and rights), and a sign for each state."""

    senders: frozenset[str]
    signs: Mapping[str, str]


def _row(line: str) -> tuple[str, Row]:
    name, senders, *signs = line.split()
    return f"{name}.v1", Row(frozenset(senders.split(",")), dict(zip(STATES, "".join(signs), strict=True)))


ROWS: Mapping[str, Row] = dict(_row(line) for line in _TABLE.strip().splitlines())

PARENTS: Mapping[str, str] = {
    "110105": "110000",
    "110105026": "110105",
    "110105004": "110105",
    "110000.water": "110000",
    "110000.second": "110000",
    "110000.clock": "110000",
    "110000.keys": "110000",
    "110000.idle": "110000",
}
RIGHTS: Mapping[str, frozenset[str]] = {
    "110000": frozenset({"file", "dispatch", "call_back"}),
    "110000.second": frozenset({"file", "dispatch"}),
    "110000.clock": frozenset({"clock"}),
    "110000.keys": frozenset({"custody"}),
}
AUTHORS = ("110000", *PARENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A ticket as this model knows it."""

    state: str
    filer: str
    lead: str = ""
    assistants: frozenset[str] = frozenset()
    dispatches: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An event and its author. ``fault``: the refusal it deserves for what it names, whoever sends it and when;
    ``fault_of_filed``: the same, as far as the ticket is there at all."""

    author: str
    data: hutong.EventData
    fault: str = ""
    fault_of_filed: str = ""


def above(organisation: str) -> frozenset[str]:
    """Every organisation over this one."""
    parent = PARENTS.get(organisation)
    return frozenset() if parent is None else frozenset({parent}) | above(parent)


def held(life: Life | None, author: str) -> frozenset[str]:
    """The author's rights, and his roles on the ticket."""
    rights = RIGHTS.get(author, frozenset())
    if life is None:
        return rights
    roles = {
        "filer": author == life.filer,
        "lead": author == life.lead,
        "assistant": author in life.assistants,
        "above": author in above(life.lead),
    }
    return rights | {role for role, has in roles.items() if has}


def expect(life: Life | None, step: Step) -> tuple[str, Life | None]:
    """The code of the refusal (empty: admitted), and the ticket afterwards."""
    if step.fault or (life is not None and step.fault_of_filed):
        return step.fault or step.fault_of_filed, life
    row = ROWS.get(step.data.TYPE)
    if row is None:
        return "unknown_type", life
    filing = step.data.TYPE == "complaint.filed.v1"
    if life is None and not filing:
        return "unknown_ticket", None
    if not row.senders & held(life, step.author):
        return "not_entitled", life
    if life is None:
        return "", Life(state="filed", filer=step.author)
    sign = row.signs[life.state]
    if sign in "~.":
        return ("superseded" if sign == "~" else "not_allowed"), life
    after = _after(life, step.data)
    if after is None:
        return "not_allowed", life
    assert (after.state == life.state) == (sign == "="), (life.state, step.data.TYPE)
    return "", after


_LEADS = {
    "complaint.answered.v1": "answered",
    "complaint.merged.v1": "merged",
    "complaint.withdrawn.v1": "withdrawn",
    "disposition.accepted.v1": "accepted",
    "disposition.declined.v1": "contested",
    "disposition.suspended.v1": "suspended",
    "disposition.resumed.v1": "accepted",
    "disposition.resolved.v1": "resolved",
    "disposition.called_back.v1": "called_back",
    "disposition.reopened.v1": "reopened",
    "disposition.closed.v1": "closed",
}


def _after(life: Life, data: hutong.EventData) -> Life | None:
    """The ticket after an event that may come; None where its decision decides nothing."""
    match data:
        case Dispatched(lead=lead, assistants=assistants):
            return replace(
                life,
                state="designated" if life.dispatches >= 3 else "dispatched",  # 三次派单后指定承办
                lead=lead,
                assistants=frozenset(assistants),
                dispatches=life.dispatches + 1,
            )
        case DeclineDecided(decision=decision):
            states = {"granted": "filed", "rejected": "upheld"}
            return replace(life, state=states[decision]) if decision in states else None
        case ExtensionRequested(measure=measure):
            states = {"extension": "extending", "suspension": "suspending"}
            return replace(life, state=states[measure]) if measure in states else None
        case ExtensionDecided(decision=decision):
            return replace(life, state="accepted") if decision in ("granted", "rejected") else None
        case AssistRequested(units=units):
            return replace(life, assistants=life.assistants | frozenset(units))
        case Amended():
            return life
        case _:
            return replace(life, state=_LEADS.get(data.TYPE, life.state))
