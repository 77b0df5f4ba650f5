"""On the real broker: the guides' program as a process of its own, the guides followed to the letter, and a street that
joins a ticket late."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

import hutong
from hutong import disposition
from local.supervisor import ROOT
from tests.docs.guides import FOLDER, TICKET, blocks
from tests.docs.readme import guides_program
from tests.integration.following import Reader
from tests.integration.running import RunningCity, running_city

CITY, WATER, DISTRICT, STREET = "110000", "110000.water", "110105", "110105026"
AUDITED = "110000-20261130-7SR3SED9WK"
"""The ticket that the auditor's guide takes from the ledger."""
FILED = hutong.complaint.Filed(
    kind=hutong.complaint.Kind.COMPLAINT,
    channel="phone",
    category="public_service/water",
    area=STREET,
    narrative=hutong.Clear("小区停水三天了"),
)
SECONDS = 60.0


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCity]:
    with running_city(tmp_path_factory.mktemp("readme")) as city:
        yield city


@pytest.fixture(scope="module")
def hotline(city: RunningCity) -> Iterator[hutong.Bus]:
    with city.connect(CITY, "hotline") as bus:
        yield bus


@pytest.fixture
def desk(city: RunningCity, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The program of the department's guide, saved and started as the guide says, as the water utility."""
    file = tmp_path / "my_desk.py"
    file.write_text(guides_program(), encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith("HUTONG_")}
    env |= {"HUTONG_CONFIG": str(city.founded.settings_file(WATER)), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, str(file)], env=env) as process:
        yield process
        process.kill()


def submit(bus: hutong.Bus, ticket: str, *data: hutong.EventData) -> None:
    for one in data:
        bus.submit(one, ticket=ticket, wait="admitted", timeout=SECONDS)


def short(types: Iterator[str]) -> str:
    """The steps by name; keys are released between them, which is nobody's step."""
    return " ".join(type_.split(".")[1] for type_ in types if not type_.startswith("notice."))


def test_the_departments_program_runs_as_a_process(
    city: RunningCity, hotline: hutong.Bus, desk: subprocess.Popen[bytes]
) -> None:
    """Dispatched to it, it accepts and resolves; reopened, it resolves again; then its ticket is closed."""
    ticket = hotline.submit(FILED, wait="admitted", timeout=SECONDS).ticket
    submit(hotline, ticket, disposition.Dispatched(lead=WATER))
    wait_for(hotline, desk, ticket, "filed dispatched accepted resolved")
    called_back = disposition.CalledBack(contacted=True, resolved=False)
    submit(hotline, ticket, called_back, disposition.Reopened(reason="dissatisfied"))
    wait_for(hotline, desk, ticket, "filed dispatched accepted resolved called_back reopened resolved")
    submit(hotline, ticket, called_back, disposition.Closed(reason="resolved"))


def wait_for(bus: hutong.Bus, desk: subprocess.Popen[bytes], ticket: str, life: str) -> None:
    """Until the ledger tells this life of the ticket."""
    told, deadline = "", time.monotonic() + SECONDS
    while time.monotonic() < deadline and desk.poll() is None:
        told = short(event.type for event in bus.replay(ticket=ticket))
        if told == life:
            return
    raise AssertionError(f"the ledger tells {told!r}, not {life!r}; the program ended with {desk.poll()}")


@pytest.fixture
def reader(city: RunningCity, hotline: hutong.Bus, tmp_path: Path) -> Reader:
    """Beside the demo's settings, with a hotline that dispatches to the street what he files in it."""
    home = tmp_path / ".hutong"
    home.mkdir()
    (home / "demo").symlink_to(city.founded.home)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    tickets: list[str] = []

    def dispatch(command: str, said: str) -> None:
        if found := re.search(rf"admitted  complaint.filed.v1\n.*({TICKET})", said):
            street = re.search(r"area=(\d+)", command)
            assert street
            tickets.append(found[1])
            submit(hotline, found[1], disposition.Dispatched(lead=street[1]))

    def resolved() -> bool:
        return "resolved" in short(event.type for event in hotline.replay(ticket=tickets[-1]))

    return Reader(folder=tmp_path, done=resolved, seen=dispatch)


@pytest.mark.alone
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", ["department.md", "partner.md", "auditor.md"])
def test_the_guide_does_what_it_says(hotline: hutong.Bus, reader: Reader, page: str) -> None:
    """Every command ends as the page says, and shows what it shows; on a city that stands already."""
    if page == "auditor.md":
        reader.own[AUDITED] = hotline.submit(FILED, wait="admitted", timeout=SECONDS).ticket
    reader.follow(list(blocks(FOLDER / page)))


@pytest.mark.parametrize("late", [STREET, DISTRICT])
def test_who_joins_a_ticket_late_receives_its_earlier_events_first(
    city: RunningCity, hotline: hutong.Bus, late: str
) -> None:
    """Filed, dispatched elsewhere, declined, granted, and then dispatched to the street: street and district above it
    begin with `filed`, in order, under numbers without a gap."""
    ticket = hotline.submit(FILED, wait="admitted", timeout=SECONDS).ticket
    submit(hotline, ticket, disposition.Dispatched(lead=WATER))
    with city.connect(WATER, "declines") as water:
        submit(water, ticket, disposition.Declined(reason="not_our_duty"))
    granted = disposition.DeclineDecided(decision=disposition.Decision.GRANTED)
    submit(hotline, ticket, granted, disposition.Dispatched(lead=STREET))
    with city.connect(late, f"late-{ticket.lower()}") as bus:
        events = [event for event in delivered(bus) if event.ticket == ticket]
    told = [event for event in events if not event.type.startswith("notice.")]  # keys are released meanwhile
    assert short(event.type for event in told) == "filed dispatched declined decline_decided dispatched"
    assert [event.data.lead for event in events if isinstance(event.data, disposition.Dispatched)] == [WATER, STREET]
    numbers = [event.delivery.n for event in events if event.delivery]
    assert numbers == list(range(numbers[0], numbers[0] + len(events)))
    sequences = [event.ledger.sequence for event in events if event.ledger]
    assert sequences == sorted(sequences)
    whole = [event for event in hotline.replay(ticket=ticket) if not event.type.startswith("notice.")]
    assert [event.fingerprint for event in told] == [event.fingerprint for event in whole]


def delivered(bus: hutong.Bus) -> Iterator[hutong.Event]:
    """Everything there is at the organisation's door now, read as a new system reads it."""
    there = sum(1 for _ in bus.replay(source="deliveries"))
    for event in islice(bus.subscribe(), there):
        with event:
            yield event
