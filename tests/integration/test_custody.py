"""Who can read a citizen's name and address, on the real broker: every role, every class, at every turn of a ticket."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest

import hutong
from hutong import complaint, disposition
from hutong.events.directory import Level
from hutong.events.sealed import KeyClass
from hutong.loop import read_all
from hutong.transport import Partition
from hutong.wire.wrapping import TOPIC, KeyName
from local.cities import CityOrganisation
from local.supervisor import ROOT
from tests.checker import check, read_history
from tests.integration.running import RunningCity, running_city
from tests.services.custodians import opens

HOTLINE, CUSTODIAN, CLOCK = "110000", "110000.custodian", "110000.clock"
INTAKE, CALLERS, AUDIT = "110000.intake", "110000.callers", "110000.audit"
STREET, DISTRICT, HEAT, WATER, POWER = "110105026", "110105", "110000.heat", "110000.water", "110000.power"

ROLES = {
    "filer": INTAKE, "dispatcher": HOTLINE, "lead": STREET, "supervisor": DISTRICT, "assistant": HEAT,
    "next lead": WATER, "caller back": CALLERS, "auditor": AUDIT, "clock": CLOCK, "custodian": CUSTODIAN,
    "bystander": POWER,
}  # fmt: skip
"""Who plays which role. The city's own organisation is above everyone, so it supervises too."""

WHO, WHERE = {"name": "李大爷", "phone": "10012345678", "address": "望京西园三区5号楼"}, {"address": "望京西园三区东门"}
FILED = {"identity": str(WHO), "place": str(WHERE)}
OPEN, SEALED, ERASED, NOBODY = "open", "sealed", "erased", "not delivered"

Table = dict[str, tuple[str, str]]
"""Role → what becomes in its hands of who the citizen is (class ``identity``), and of the place (``content``)."""


def separate(id: str, *rights: str) -> CityOrganisation:
    """One that does a single thing, where the demo city's hotline does all."""
    level = {AUDIT: Level.AUDITOR, HOTLINE: Level.CITY}.get(id, Level.DEPARTMENT)
    parent = None if id == HOTLINE else HOTLINE
    return CityOrganisation.model_validate(
        {"id": id, "names": {"zh": id, "en": id}, "level": level, "parent": parent, "rights": rights}
    )


BESIDE = (
    separate(HOTLINE, "register", "dispatch"),
    separate(INTAKE, "file"),
    separate(CALLERS, "call_back", "see_all"),
    separate(AUDIT, "replay", "see_all"),
)


class Roles:
    """The city's organisations, each with a program of its own."""

    def __init__(self, city: RunningCity, opened: contextlib.ExitStack) -> None:
        self.city = city
        self._busses = {name: opened.enter_context(city.connect(name)) for name in ROLES.values()}

    def file(self) -> str:
        """A complaint with a name and two addresses: where the citizen lives, and where the trouble is."""
        data = complaint.Filed(
            kind=complaint.Kind.COMPLAINT, channel="phone", category="public_service/water/no_water", area=STREET,
            identity=hutong.Clear(WHO), place=hutong.Clear(WHERE),
        )  # fmt: skip
        return self._busses[INTAKE].submit(data, wait="admitted").ticket

    def say(self, organisation: str, data: hutong.EventData, ticket: str) -> None:
        """Submit it, and see it admitted. A key that has not come yet is waited for."""
        deadline = time.monotonic() + 30
        while True:
            try:
                self._busses[organisation].submit(data, ticket=ticket, wait="admitted")
                return
            except (hutong.KeyPending, hutong.Refused) as error:
                stale = isinstance(error, hutong.KeyPending) or error.code == "stale_key"
                if not stale or time.monotonic() > deadline:
                    raise

    def table(self, ticket: str, type_: type[hutong.EventData], **fields: str) -> Table:
        """For every role, what the fields of the ticket's last such event are in its hands; ``open`` is their text."""

        def one(organisation: str, field: str, text: str) -> str:
            found = opens(self._busses[organisation], ticket, field, type_)
            return OPEN if found == text else found

        first, second = fields.items()
        return {role: (one(name, *first), one(name, *second)) for role, name in ROLES.items()}

    def becomes(self, expected: Table, ticket: str, type_: type[hutong.EventData], **fields: str) -> None:
        """The table comes to be this, whole, within half a minute."""
        deadline = time.monotonic() + 30
        while (found := self.table(ticket, type_, **fields)) != expected:
            wrong = {role: (found[role], expected[role]) for role in expected if found[role] != expected[role]}
            assert time.monotonic() < deadline, f"role: (found, expected): {wrong}"

    def keys(self, ticket: str) -> dict[str, set[str]]:
        """Role → the classes of which a key of the ticket was ever written to its topic, as the broker has it."""
        places = {Partition(f"{TOPIC}{name}", 0): role for role, name in ROLES.items()}
        found: dict[str, set[str]] = {role: set() for role in ROLES}
        consumer = self.city.transport.consumer(client_id="looking")
        with contextlib.closing(consumer):
            for record in read_all(consumer, list(places)):
                name = KeyName.from_bytes(record.key)
                if name.ticket == ticket and record.value is not None:
                    found[places[Partition(record.topic, 0)]].add(name.key_class)
        return found

    def replay(self, ticket: str) -> list[hutong.Event]:
        """The ticket as the auditor replays it: every signature is checked, also over what nobody can open any more."""
        return list(self._busses[AUDIT].replay(ticket=ticket))

    def command(self, organisation: str, *words: str) -> str:
        """A ``hutong`` command, as the organisation's people run it; what it prints."""
        variables = {**os.environ, **self.city.founded.variables(organisation)}
        argv = [sys.executable, "-m", "hutong", *words]
        return subprocess.run(argv, cwd=ROOT, env=variables, capture_output=True, text=True, check=True).stdout


def with_(table: Table, **changed: tuple[str, str]) -> Table:
    """The table, but for some roles (spaces as underscores)."""
    return {**table, **{role.replace("_", " "): cells for role, cells in changed.items()}}


@pytest.mark.timeout(240)
def test_a_name_and_address_are_for_the_lead_and_no_other_at_every_turn(tmp_path: Path) -> None:
    """Filed, dispatched, passed on, answered, erased: every role by every class, and what the topics of keys hold."""
    with running_city(tmp_path, beside=BESIDE) as city, contextlib.ExitStack() as opened:
        roles = Roles(city, opened)
        ticket = roles.file()
        filed = dict.fromkeys(ROLES, (NOBODY, NOBODY))
        filed |= dict.fromkeys(("caller back", "auditor", "clock", "custodian"), (SEALED, SEALED))
        filed = with_(filed, filer=(OPEN, OPEN))
        roles.becomes(filed, ticket, complaint.Filed, **FILED)

        roles.say(HOTLINE, disposition.Dispatched(lead=STREET, assistants=(HEAT,)), ticket)
        involved = dict.fromkeys(("dispatcher", "supervisor", "assistant"), (SEALED, OPEN))
        dispatched = with_({**filed, **involved}, lead=(OPEN, OPEN))
        roles.becomes(dispatched, ticket, complaint.Filed, **FILED)

        roles.say(STREET, disposition.Declined(reason="not_our_duty"), ticket)
        roles.say(HOTLINE, disposition.DeclineDecided(decision=disposition.Decision.GRANTED), ticket)
        roles.say(HOTLINE, disposition.Dispatched(lead=WATER), ticket)
        passed_on = with_(dispatched, next_lead=(OPEN, OPEN))
        roles.becomes(passed_on, ticket, complaint.Filed, **FILED)

        more = {"name": "李大爷", "phone": "10087654321"}
        roles.say(INTAKE, complaint.Amended(identity=hutong.Clear(more), narrative=hutong.Clear("今天又停了")), ticket)
        later = {**dict.fromkeys(passed_on, (SEALED, SEALED)), "bystander": (NOBODY, NOBODY)}
        later = with_(later, filer=(OPEN, OPEN), dispatcher=(SEALED, OPEN), next_lead=(OPEN, OPEN))
        amended = {"identity": str(more), "narrative": "今天又停了"}
        roles.becomes(later, ticket, complaint.Amended, **amended)

        roles.say(WATER, disposition.Accepted(), ticket)
        roles.say(WATER, disposition.Resolved(report=hutong.Clear("已修好")), ticket)
        roles.becomes(with_(later, caller_back=(OPEN, OPEN)), ticket, complaint.Amended, **amended)
        roles.becomes(with_(passed_on, caller_back=(OPEN, OPEN)), ticket, complaint.Filed, **FILED)

        both, content = set(get_args(KeyClass)), {"content"}
        assert roles.keys(ticket) == {
            "filer": both, "dispatcher": content, "lead": both, "supervisor": content, "assistant": content,
            "next lead": both, "caller back": both, "auditor": set(), "clock": set(), "custodian": both,
            "bystander": set(),
        }  # fmt: skip

        roles.command(CUSTODIAN, "erase", ticket, "--class", "identity", "--reason", "citizen_request")
        after = {role: (ERASED if cells[0] != NOBODY else NOBODY, cells[1]) for role, cells in passed_on.items()}
        roles.becomes(with_(after, caller_back=(ERASED, OPEN)), ticket, complaint.Filed, **FILED)

        life = [event.type for event in roles.replay(ticket)]
        assert life[-1] == "notice.erased.v1"
        history = read_history(city.transport, city.founded.settings(HOTLINE), journals=city.founded.journals)
        verdict = check(history, complete=False)
        assert [str(violation) for violation in verdict.violations] == []
