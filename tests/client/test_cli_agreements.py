"""``hutong agreements``: opened and closed by the registrar, and what flowed under each, seen from both sides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hutong import complaint, disposition
from tests.cities import CITY, TwinCity
from tests.client.cli import Command

WATER, STUDY, STREET = "110000.water", "110000.research", "110105026"
UNTIL = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
FILED = complaint.Filed(kind=complaint.Kind.HELP, channel="phone", category="public_service/water/quality", area=STREET)
OPEN = ("agreements", "open", "study", "--recipient", STUDY, "--purpose", "study", "--until", UNTIL)
NARROW = (*OPEN, "--type", "filed", "--type", "dispatched", "--category", "public_service/water", "--area", "110105")


@pytest.fixture(autouse=True)
def research(cli_city: TwinCity) -> None:
    """An institute that has no part in any ticket."""
    cli_city.register(STUDY, names={"zh": "市研究所", "en": "Research"})


def flows(command: Command, organisation: str) -> dict[str, tuple[int, str | None]]:
    """Events and the last of them under each agreement, as ``list`` tells this organisation."""
    return {row["id"]: (row["events"], row["last"]) for row in command.json(organisation, "agreements", "list")}


def last_admitted(city: TwinCity, ticket: str) -> str:
    """When the ticket's last event was admitted, as ``--json`` writes it."""
    stamps = [event.ledger for event in city.connect(CITY).replay(ticket=ticket) if event.ledger]
    return f"{stamps[-1].admitted:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def test_an_agreement_is_opened_shown_and_closed(command: Command) -> None:
    """Its number, what it says, its state; the same again writes nothing; closed it says why."""
    (made,) = command.json(CITY, *NARROW, "--class", "content")
    assert (made["number"], made["written"]) == (4, True)
    assert made["types"] == ["complaint.filed.v1", "disposition.dispatched.v1"]
    (again,) = command.json(CITY, *NARROW, "--class", "content")
    assert (again["number"], again["written"]) == (4, False)
    (row,) = command.json(STUDY, "agreements", "list")
    assert (row["state"], row["key_classes"], row["purpose"]) == ("open", ["content"], "study")
    shown = command.run(CITY, "agreements", "list").stdout
    assert "study  Research 110000.research  open until" in shown
    assert "no event so far" in shown
    (ended,) = command.json(CITY, "agreements", "close", "study", "--reason", "study_finished")
    assert ended == {"id": "study", "reason": "study_finished", "number": 5}
    (row,) = command.json(CITY, "agreements", "list")
    assert (row["state"], row["closed"], row["reason"]) == ("closed", 5, "study_finished")
    assert command.run(WATER, "agreements", "list").stdout == "there are no agreements\n"


def test_both_sides_see_the_same_flow(command: Command, cli_city: TwinCity) -> None:
    """An event that two agreements reach counts under both; what came with a part in a ticket counts under none."""
    hotline, water = cli_city.connect(CITY), cli_city.connect(WATER)
    joined = hotline.submit(FILED, wait="admitted").ticket
    command.run(CITY, *NARROW)
    command.run(CITY, *OPEN[:2], "quality", *OPEN[3:], "--category", "public_service/water/quality")
    command.run(CITY, *OPEN[:2], "heating", *OPEN[3:], "--category", "public_service/heating")
    command.run(CITY, *OPEN[:2], "waters", "--recipient", WATER, *OPEN[5:], "--everything")
    cli_city.take_over()
    watched = hotline.submit(FILED, wait="admitted").ticket
    for ticket in (joined, watched):
        hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
        water.submit(disposition.Accepted(), ticket=ticket, wait="admitted")
    until_then = last_admitted(cli_city, joined)
    water.submit(disposition.AssistRequested(units=(STUDY,)), ticket=joined, wait="admitted")
    water.submit(disposition.Resolved(), ticket=joined, wait="admitted")
    told, mine = flows(command, CITY), flows(command, STUDY)
    assert {name: count for name, (count, _) in told.items()} == {"study": 3, "quality": 5, "heating": 0, "waters": 1}
    assert mine == {name: flow for name, flow in told.items() if name != "waters"}
    assert told["quality"][1] == max(until_then, last_admitted(cli_city, watched))
    assert flows(command, WATER) == {"waters": told["waters"]}
    assert "5 events, the last 20" in command.run(STUDY, "agreements", "list").stdout


def test_an_agreement_that_is_over_says_so(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody had to close it."""
    command.run(CITY, *NARROW)
    monkeypatch.setattr("hutong.cli.agreements.datetime", _Later)
    assert command.json(STUDY, "agreements", "list")[0]["state"] == "expired"
    assert "expired 20" in command.run(STUDY, "agreements", "list").stdout


class _Later(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) + timedelta(days=31)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*NARROW[:8], "2020-01-01", *NARROW[9:]), "would be over before it begins"),
        ((*NARROW[:8], "soon", *NARROW[9:]), "is no date or time"),
        ((*NARROW[:4], "110000.nobody", *NARROW[5:]), "is not registered"),
        ((*NARROW[:4], WATER, *NARROW[5:], "--class", "identity"), "may not have"),
        ((*NARROW, "--class", "everything"), "there are content, identity"),
        ((*NARROW, "--category", "castles"), "not in the city's tree"),
        ((*NARROW, "--category", "Castles!"), "codes joined by /"),
        ((*NARROW, "--area", "110199"), "no division of the city"),
        ((*NARROW, "--type", "vanished"), "is no event here"),
        ((*NARROW, "--everything"), "not both"),
        (OPEN, "this would show every event"),
        ((*NARROW[:2], "used", *NARROW[3:]), "an id is never used again"),
        (("agreements", "close", "nothing", "--reason", "over"), "there is no agreement nothing"),
        (("agreements", "close", "used", "--reason", "over"), "was closed by directory event 5 already"),
        (("agreements", "close", "used", "--reason", "Because!"), "must be a code"),
    ],
)
def test_what_may_not_be_is_one_error_and_nothing_is_written(
    command: Command, words: tuple[str, ...], told: str
) -> None:
    """One sentence, exit code 2, and the directory as before."""
    command.run(CITY, *NARROW[:2], "used", *NARROW[3:])
    command.run(CITY, "agreements", "close", "used", "--reason", "study_finished")
    result = command.run(CITY, *words, code=2)
    assert told in " ".join(result.stderr.replace("│", "").split())
    assert command.city.registrar.directory.number == 5


def test_only_the_registrar_opens_and_closes(command: Command) -> None:
    """Another key is told so before anything is written."""
    assert "is not the registrar's key" in command.run(STUDY, *NARROW, code=2).stderr
    assert command.city.registrar.directory.number == 3


def test_agreements_are_spoken_of_in_chinese(command: Command) -> None:
    """With HUTONG_LANG=zh, names too."""
    command.run(CITY, *NARROW)
    told = command.run(STUDY, "agreements", "list", variables={"HUTONG_LANG": "zh"}).stdout
    assert "市研究所 110000.research" in told
    assert "尚无事件" in told
