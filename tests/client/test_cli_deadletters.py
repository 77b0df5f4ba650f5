"""``hutong deadletters``, as whoever finds a parked ticket in the morning uses it."""

from __future__ import annotations

import re
import threading

import pytest
import typer

from tests.cities import TwinCity
from tests.client.cli import Command
from tests.client.desk import WATER
from tests.client.parked import LIFE, Desk, fold, lives, run, waiting

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def parked(cli_city: TwinCity) -> tuple[str, Desk]:
    """A ticket that waits from its third event on, among others, and the desk that could not handle it."""
    ticket, _ = lives(cli_city, 2)
    desk = Desk((ticket, LIFE[2]))
    run(cli_city, desk)
    return ticket, desk


def test_a_list_says_which_tickets_wait_and_why(command: Command, parked: tuple[str, Desk]) -> None:
    """Which and why on a terminal of 80 columns, one object each with --json; nothing parked is said, too."""
    ticket, _ = parked
    told = command.run(WATER, "deadletters", "list").stdout
    head, *why = told.splitlines()
    assert head == f"{ticket}  disposition.accepted  desk  parked"
    assert max(map(len, why)) <= 80
    said = " ".join(" ".join(why).split())
    assert re.fullmatch(
        r"4 wait · 1 tries, last [-0-9]+ [:0-9]+ · ValueError: cannot read disposition.accepted.v1", said
    )
    [row] = command.json(WATER, "deadletters", "list")
    assert (row["ticket"], row["system"], row["waiting"], row["state"]) == (ticket, "desk", 4, "parked")
    assert row["failure"]["tries"] == 1
    assert "stack" not in row["failure"]
    assert command.json(WATER, "deadletters", "list", "--system", "other") == []
    assert "nothing is parked" in command.run(WATER, "deadletters", "list", "--system", "other").stdout


def test_show_tells_each_event_with_its_stack(command: Command, parked: tuple[str, Desk]) -> None:
    """What failed, when first and last, how often, and where in the program; the others wait behind it."""
    ticket, _ = parked
    told = command.run(WATER, "deadletters", "show", ticket).stdout
    assert "Traceback (most recent call last):" in told
    assert told.count("waits behind an earlier event") == 3
    rows = command.json(WATER, "deadletters", "show", ticket)
    assert [row["type"] for row in rows] == [*LIFE[2:]]
    assert rows[0]["failure"]["stack"].endswith(f"ValueError: cannot read {LIFE[2]}\n")
    assert rows[0]["failure"]["first"] <= rows[0]["failure"]["last"]
    assert [row["failure"] for row in rows[1:]] == [None] * 3
    assert "is not parked" in command.run(WATER, "deadletters", "show", "no-such", code=1).stderr


def test_replay_gives_a_ticket_back_and_waits_for_its_outcome(command: Command, parked: tuple[str, Desk]) -> None:
    """Handled: 0. Failed again: 1. Not taken in time: 3. Without --wait it says what will happen."""
    city, (ticket, desk) = command.city, parked
    told = command.run(WATER, "deadletters", "replay", ticket).stdout
    assert "4 events released; desk takes them within seconds if it runs" in told
    assert "is desk running" in command.run(WATER, "deadletters", "replay", ticket, "--wait", "0.1", code=3).stdout

    def again() -> None:
        while not any(parked.released for _, parked in fold(city).letters()):
            pass
        run(city, desk)

    run(city, desk)  # takes what was released above, and fails on it
    for poison, code, outcome in (({(ticket, LIFE[4])}, 1, "failed"), (set(), 0, "handled")):
        desk.poison = poison
        thread = threading.Thread(target=again)
        thread.start()
        [row] = command.json(WATER, "deadletters", "replay", ticket, "--wait", "20", code=code)
        thread.join(20)
        assert (row["ticket"], row["outcome"]) == (ticket, outcome)
    assert desk.of(ticket) == [*LIFE]


def test_replay_of_everything_releases_every_ticket(command: Command) -> None:
    """--all, or those of one system; a ticket or --all must be said, and not both."""
    one, two = lives(command.city, 2)
    run(command.city, Desk((one, LIFE[0]), (two, LIFE[0])))
    run(command.city, Desk((one, LIFE[0])), system="other")
    rows = command.json(WATER, "deadletters", "replay", "--all", "--system", "desk")
    assert {row["ticket"] for row in rows} == {one, two}
    assert {row["state"] for row in command.json(WATER, "deadletters", "list", "--system", "other")} == {"parked"}
    command.run(WATER, "deadletters", "replay", code=2)
    command.run(WATER, "deadletters", "replay", one, "--all", code=2)
    assert command.json(WATER, "deadletters", "replay", "--all", "--system", "nobody") == []


def test_a_skip_needs_a_reason_and_is_kept(command: Command, parked: tuple[str, Desk]) -> None:
    """The event that failed is done, by whom and why; the others wait on, until they are replayed."""
    ticket, desk = parked
    command.run(WATER, "deadletters", "skip", ticket, code=2)
    command.run(WATER, "deadletters", "skip", ticket, "--reason", " ", code=2)
    told = command.run(WATER, "deadletters", "skip", ticket, "--reason", "测试件").stdout
    assert f"{LIFE[2]} skipped" in told
    assert f"hutong deadletters replay {ticket}" in told
    assert waiting(command.city) == [(ticket, type_) for type_ in LIFE[3:]]
    *_, row = command.json(WATER, "deadletters", "list", "--over")
    assert (row["over"]["how"], row["over"]["reason"]) == ("skipped", "测试件")
    assert "@" in row["over"]["by"]
    command.run(WATER, "deadletters", "replay", ticket)
    run(command.city, desk)
    assert desk.of(ticket) == [*LIFE[:2], *LIFE[3:]]


def test_a_whole_ticket_can_be_skipped_and_the_system_must_be_clear(command: Command) -> None:
    """--whole leaves nothing waiting; where two systems parked the ticket, one must be named."""
    [one] = lives(command.city, 1)
    for system in ("desk", "other"):
        run(command.city, Desk((one, LIFE[2])), system=system)
    unclear = command.run(WATER, "deadletters", "skip", one, "--reason", "x", code=2, variables={"COLUMNS": "200"})
    assert "desk, other" in unclear.stderr
    rows = command.json(WATER, "deadletters", "skip", one, "--reason", "x", "--system", "desk", "--whole")
    assert [row["type"] for row in rows] == [*LIFE[2:]]
    assert (waiting(command.city), len(waiting(command.city, "other"))) == ([], 4)


def test_what_an_error_says_cannot_move_a_terminal(command: Command) -> None:
    """Reason and stack are the program's words, and may repeat somebody else's."""
    lives(command.city, 1)

    def hostile(event: object) -> None:
        raise ValueError("\x1b[2Jgone\u202e")

    run(command.city, hostile)
    for words in (["list"], ["show", waiting(command.city)[0][0]]):
        told = command.run(WATER, "deadletters", *words).stdout
        assert "\x1b[2J" not in told
        assert "\u202e" not in told


def test_a_pipe_that_closes_parks_nothing(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hutong subscribe | head` is no failure of an event, and neither is a full disk behind `>`."""
    lives(command.city, 1)
    for error, code in ((BrokenPipeError(), 141), (OSError(28, "No space left on device"), 1)):

        def broken(text: str, error: OSError = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(typer, "echo", broken)
            patch.setattr("os.dup2", lambda *_: None)
            command.run(WATER, "subscribe", "--system", "desk", code=code)
        assert waiting(command.city) == []
    assert len(command.json(WATER, "subscribe", "--system", "desk", "--count", "2")) == 2
