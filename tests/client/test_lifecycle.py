"""The lifecycle table, walked."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from pydantic import ValidationError

from hutong.catalogue import SCHEMAS
from hutong.errors import InvalidEvent
from hutong.events import MODELS, EventData
from hutong.events.directory import Level, OrganisationEntry, Registered
from hutong.events.disposition import (
    Accepted,
    AssistReported,
    AssistRequested,
    Decision,
    Declined,
    DeclineDecided,
    Dispatched,
)
from hutong.rules.audience import Audience
from hutong.rules.directory import Directory
from hutong.rules.lifecycle import Lifecycle, Rule, Ticket, roles

LIFECYCLE = Lifecycle.load()
TABLE = LIFECYCLE.table
HOTLINE, DISTRICT, STREET, WATER, IDLE = "110000", "110105", "110105026", "110000.water", "110000.idle"
ID = "110000-20260101-0123456789"


def directory() -> Directory:
    """A hotline with every right, a district with a street, a department, and one without any part in it."""
    made = Directory()
    parents = {HOTLINE: None, DISTRICT: HOTLINE, STREET: DISTRICT, WATER: HOTLINE, IDLE: HOTLINE}
    for number, (name, parent) in enumerate(parents.items(), 1):
        rights = ("file", "dispatch", "call_back", "clock", "custody") if name == HOTLINE else ()
        entry = OrganisationEntry(
            id=name, names=(), level=Level.UNKNOWN, parent=parent, signing_keys=(bytes([number]) * 32,), rights=rights
        )
        made.apply(Registered(number=number, entry=entry))
    return made


DIRECTORY = directory()


def example(type_: str) -> EventData:
    family, event, version = type_.split(".")
    return MODELS[type_].model_validate(
        json.loads((SCHEMAS / family / f"{event}.{version}" / "example.json").read_text())
    )


def in_state(state: str) -> Ticket:
    return Ticket(id=ID, state=state, filer=HOTLINE, dispatcher=HOTLINE, lead=STREET, assistants=(WATER,))


SENDERS = {"filer": HOTLINE, "lead": STREET, "assistant": WATER, "supervisor": DISTRICT}


def senders(rule: Rule) -> list[str]:
    """One who may send the event for each way to be entitled."""
    return [HOTLINE if by.right is not None else SENDERS[str(by.role)] for by in rule.by]


def step(ticket: Ticket | None, type_: str, author: str, data: EventData | None = None) -> Ticket:
    return LIFECYCLE.step(ticket, data or example(type_), subject=ID, author=author, directory=DIRECTORY, at_ms=1)


@pytest.mark.parametrize("type_", sorted(TABLE.events))
def test_every_row_is_walked_from_every_state(type_: str) -> None:
    """From a state of `from` the event leads to `to`; from `late` it is superseded; from any other not allowed."""
    rule = TABLE.events[type_]
    for state, author in product(TABLE.states, senders(rule)):
        if state in rule.states:
            leads = {state if target == "same" else target for target in rule.leads()}
            assert step(in_state(state), type_, author).state in leads
            continue
        with pytest.raises(InvalidEvent) as caught:
            step(in_state(state), type_, author)
        assert caught.value.code == ("superseded" if state in rule.late else "not_allowed"), state


@pytest.mark.parametrize("type_", sorted(TABLE.events))
def test_only_its_role_may_send_an_event(type_: str) -> None:
    """An organisation without the role or right is refused, whatever the state."""
    for state in TABLE.states:
        with pytest.raises(InvalidEvent) as caught:
            step(in_state(state), type_, IDLE)
        assert caught.value.code == "not_entitled"


def test_nothing_comes_before_the_filing() -> None:
    """On a ticket that was never filed every event but the filing is an unknown ticket."""
    for type_, rule in TABLE.events.items():
        if rule.states:
            with pytest.raises(InvalidEvent) as caught:
                step(None, type_, senders(rule)[0])
            assert caught.value.code == "unknown_ticket"
        else:
            assert step(None, type_, HOTLINE).state == rule.to


def test_every_ticket_event_of_the_catalogue_has_a_row() -> None:
    """The table and the catalogue name the same events, the directory's apart."""
    assert set(TABLE.events) == {type_ for type_ in MODELS if not type_.startswith("directory.")}


def test_the_directorys_events_are_no_steps_of_a_ticket() -> None:
    """A directory event submitted as a ticket event is of an unknown type."""
    with pytest.raises(InvalidEvent) as caught:
        step(in_state("filed"), "directory.revoked.v1", HOTLINE)
    assert caught.value.code == "unknown_type"


def test_a_decision_leads_where_it_says() -> None:
    """退单审核: granted waits for another dispatch, rejected must be handled, an unknown decision leads nowhere."""
    type_ = DeclineDecided.TYPE
    assert step(in_state("contested"), type_, HOTLINE, DeclineDecided(decision=Decision.GRANTED)).state == "filed"
    assert step(in_state("contested"), type_, HOTLINE, DeclineDecided(decision=Decision.REJECTED)).state == "upheld"
    with pytest.raises(InvalidEvent, match="leads nowhere"):
        step(in_state("contested"), type_, HOTLINE, DeclineDecided(decision=Decision.UNKNOWN))


def test_a_row_without_a_way_to_be_entitled_is_an_error(tmp_path: Path) -> None:
    """Nobody could ever send such an event."""
    text = (SCHEMAS / "lifecycle.yaml").read_text()
    path = tmp_path / "lifecycle.yaml"
    path.write_text(text.replace("by: [{role: supervisor}, {right: clock}]", "by: []"))
    with pytest.raises(ValidationError, match="at least 1"):
        Lifecycle.load(path)


def test_the_fourth_dispatch_designates() -> None:
    """After three dispatches the hotline's next one cannot be contested, however often it was declined before."""
    ticket = in_state("filed")
    for _ in range(3):
        ticket = step(ticket, Dispatched.TYPE, HOTLINE, Dispatched(lead=STREET))
        assert ticket.state == "dispatched"
        ticket = step(ticket, Declined.TYPE, STREET)
        ticket = step(ticket, DeclineDecided.TYPE, HOTLINE, DeclineDecided(decision=Decision.GRANTED))
    ticket = step(ticket, Dispatched.TYPE, HOTLINE, Dispatched(lead=STREET))
    assert ticket.state == "designated"
    with pytest.raises(InvalidEvent) as caught:
        step(ticket, Declined.TYPE, STREET)
    assert caught.value.code == "not_allowed"
    assert step(ticket, Accepted.TYPE, STREET).state == "accepted"


def test_who_is_called_to_help_becomes_an_assistant_once() -> None:
    """吹哨: the lead stays; the units come to those who help already."""
    ticket = step(in_state("accepted"), AssistRequested.TYPE, STREET, AssistRequested(units=(IDLE, WATER)))
    assert (ticket.state, ticket.lead, ticket.assistants) == ("accepted", STREET, (WATER, IDLE))
    assert step(ticket, AssistReported.TYPE, IDLE).state == "accepted"


def test_what_only_adds_leaves_the_ticket_in_its_state() -> None:
    """补充, 催办, 超期, 督办 and the custodian's notices take no ticket out of the hands it is in."""
    stays = {type_ for type_, rule in TABLE.events.items() if rule.to == "same"}
    assert stays == {
        "complaint.amended.v1", "disposition.assist_requested.v1", "disposition.assist_reported.v1",
        "disposition.reminded.v1", "disposition.overdue.v1", "disposition.escalated.v1",
        "notice.access_released.v1", "notice.erased.v1",
    }  # fmt: skip


def test_an_approval_needs_a_request() -> None:
    """延期审核 and 挂账 come to a ticket that asks for time; to one that does not they are no lost race."""
    for type_ in ("disposition.extension_decided.v1", "disposition.suspended.v1"):
        with pytest.raises(InvalidEvent) as caught:
            step(in_state("accepted"), type_, DISTRICT)
        assert caught.value.code == "not_allowed"


def test_a_dispatch_names_lead_and_assistants() -> None:
    """What the event says about the ticket is kept: lead, assistants, dispatcher."""
    ticket = step(in_state("filed"), Dispatched.TYPE, HOTLINE, Dispatched(lead=WATER, assistants=(DISTRICT,)))
    assert (ticket.lead, ticket.assistants, ticket.dispatcher) == (WATER, (DISTRICT,), HOTLINE)


def test_roles_come_from_the_ticket_and_the_directory() -> None:
    """The lead's ancestors supervise."""
    held = {
        name: set(roles(in_state("accepted"), name, DIRECTORY)) for name in (HOTLINE, DISTRICT, STREET, WATER, IDLE)
    }
    assert held == {
        HOTLINE: {"filer", "supervisor"},
        DISTRICT: {"supervisor"},
        STREET: {"lead"},
        WATER: {"assistant"},
        IDLE: set(),
    }


def test_participants_never_leave() -> None:
    """After another dispatch the former lead and its district still see the ticket."""
    audience = Audience.load()
    first = audience.of(in_state("dispatched"), HOTLINE, DIRECTORY)
    assert first == {HOTLINE, STREET, DISTRICT, WATER}
    moved = Ticket(id=ID, state="dispatched", filer=HOTLINE, lead=IDLE, participants=first)
    assert audience.of(moved, HOTLINE, DIRECTORY) == first | {IDLE}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from:", "form:"),
        ("to: answered", "to: answerd"),
        ("groups:", "group:"),
        ("  gone: ", "  filed: "),
        ("{role: filer}", "{role: filer, right: file}"),
    ],
)
def test_a_misspelt_table_is_an_error(tmp_path: Path, old: str, new: str) -> None:
    """An unknown key, an unknown state, or two ways to be entitled are found when the table is read."""
    text = (SCHEMAS / "lifecycle.yaml").read_text()
    assert old in text
    path = tmp_path / "lifecycle.yaml"
    path.write_text(text.replace(old, new))
    with pytest.raises(ValidationError):
        Lifecycle.load(path)


def test_a_misspelt_audience_is_an_error(tmp_path: Path) -> None:
    """An unknown member is named together with the known ones."""
    path = tmp_path / "audience.yaml"
    path.write_text("version: 1\nparticipants: [author, leed]\n")
    with pytest.raises(ValidationError, match="unknown member 'leed'"):
        Audience.load(path)


def test_a_row_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    """The second would silently replace the first, and with it who may close a ticket."""
    path = tmp_path / "lifecycle.yaml"
    path.write_text((SCHEMAS / "lifecycle.yaml").read_text() + "  disposition.closed.v1: {}\n")
    with pytest.raises(ValueError, match=r"disposition\.closed\.v1"):
        Lifecycle.load(path)
