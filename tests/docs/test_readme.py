"""The README's program and commands, and the program of the department's guide, run against a whole city in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import hutong
from hutong import disposition
from hutong.cli import connection
from hutong.cli.app import app
from tests.cities import TwinCity
from tests.docs.readme import README, TICKET, Command, commands, guides_program, program

WATER, HOTLINE = "110000.water", "110000"
FILED = hutong.complaint.Filed(
    kind=hutong.complaint.Kind.HELP, channel="phone", category="public_service/water", area="110105026"
)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path) as city:
        city.register(WATER, level="utility")
        city.register("110105026", level="street")
        yield city


def run_program(city: TwinCity, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Start a program as the water utility, and stop it once it has reported."""

    def connect(system: str) -> hutong.Bus:
        bus = open_door(system, city.settings(WATER), transport=city.transport)
        submit = bus.submit

        def submit_and_stop(data: hutong.EventData, **given: Any) -> hutong.Submitted:
            done = submit(data, **given)
            if isinstance(data, disposition.Resolved):
                bus.stop()
            return done

        monkeypatch.setattr(bus, "submit", submit_and_stop)
        return bus

    open_door = hutong.connect
    with monkeypatch.context() as patched:
        patched.setattr(hutong, "connect", connect)
        exec(compile(text, "the department's program", "exec"), {"__name__": "__main__"})


def types_of(bus: hutong.Bus, ticket: str) -> list[str]:
    return [event.type.split(".")[1] for event in bus.replay(ticket=ticket)]


def test_the_departments_programs_are_short() -> None:
    assert len(program().splitlines()) < 15
    assert len(guides_program().splitlines()) < 40


def test_the_readmes_program_accepts_and_resolves(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    hotline = city.connect(HOTLINE)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    run_program(city, monkeypatch, program())
    assert types_of(hotline, ticket) == ["filed", "dispatched", "accepted", "resolved"]


def test_the_departments_program_accepts_resolves_and_resolves_again(
    city: TwinCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it leads it accepts and resolves; reopened, a fresh start of it resolves again, and nothing twice."""
    hotline = city.connect(HOTLINE)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    run_program(city, monkeypatch, guides_program())
    hotline.submit(disposition.CalledBack(contacted=True, resolved=False), ticket=ticket, wait="admitted")
    hotline.submit(disposition.Reopened(reason="dissatisfied"), ticket=ticket, wait="admitted")
    run_program(city, monkeypatch, guides_program())
    life = "filed dispatched accepted resolved called_back reopened resolved"
    assert types_of(hotline, ticket) == life.split()
    assert not [event for event in city.connect(WATER).replay(source="deliveries") if event.refusal]


def test_the_departments_program_leaves_alone_what_another_leads(
    city: TwinCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an assistant 协办 it is told of dispatch and reopening, and answers neither."""
    hotline, street = city.connect(HOTLINE), city.connect("110105026")
    others = hotline.submit(FILED, wait="admitted").ticket
    for bus, data in (
        (hotline, disposition.Dispatched(lead="110105026", assistants=(WATER,))),
        (street, disposition.Accepted()),
        (street, disposition.Resolved()),
        (hotline, disposition.CalledBack(contacted=True, resolved=False)),
        (hotline, disposition.Reopened(reason="dissatisfied")),
    ):
        bus.submit(data, ticket=others, wait="admitted")
    own = hotline.submit(FILED, ticket=ticket_in_the_same_partition(others), wait="admitted").ticket
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=own, wait="admitted")
    run_program(city, monkeypatch, guides_program())
    assert types_of(hotline, others)[-1] == "reopened"
    assert types_of(hotline, own)[-2:] == ["accepted", "resolved"]


def ticket_in_the_same_partition(ticket: str) -> str:
    """Another ticket whose events are delivered behind those of ``ticket``."""
    from hutong.transport.partition import partition_of

    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    others = (ticket[:-1] + letter for letter in letters if letter != ticket[-1])
    return next(other for other in others if partition_of(other.encode(), 2) == partition_of(ticket.encode(), 2))


@pytest.mark.parametrize("command", list(commands()), ids=lambda command: " ".join(command.words[:2]))
def test_every_command_of_the_readme_does_what_it_says(
    city: TwinCity, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It ends with 0, as the organisation whose settings stand above it."""
    hotline = city.connect(HOTLINE)
    hotline.submit(FILED, ticket=TICKET, wait="admitted")
    if "dispatched" not in command.words:
        hotline.submit(disposition.Dispatched(lead=WATER), ticket=TICKET, wait="admitted")
    monkeypatch.setattr(connection, "transport", lambda settings: city.transport)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("HUTONG_")]:
        monkeypatch.delenv(name)
    ran = CliRunner().invoke(app, command.words, env=city.environment(command.organisation))
    assert ran.exit_code == 0, ran.output
    assert ran.output


def test_every_kind_of_user_has_a_command() -> None:
    """A department's developer, a partner's operator, an auditor: so many blocks there are, and each is run here."""
    assert README.count("```sh\n") == 3
    assert len(list(commands())) == README.count(".venv/bin/hutong ")
