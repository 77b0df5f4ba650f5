"""``hutong trace``: one event from its author to whoever handled it."""

from __future__ import annotations

import re

import pytest

from tests.cities import TwinCity
from tests.client.cli import Command
from tests.client.desk import WATER
from tests.client.parked import LIFE, Desk, lives, run
from tests.client.test_cli_reading import live_through
from tests.client.test_cli_submit import FILED

CITY, HEAT = "110000", "110000.heat"
pytestmark = pytest.mark.usefixtures("quick")


def test_an_event_is_found_by_id_fingerprint_and_place(command: Command, cli_city: TwinCity) -> None:
    """All three name the same event, on the ledger and in a door."""
    live_through(cli_city)
    event = list(cli_city.connect(CITY).replay())[3]
    place = event.position
    names = (event.id, event.fingerprint.hex(), event.fingerprint.hex()[:12], str(place))
    traces = [command.json(CITY, "trace", name) for name in (*names, f"{place.partition}@{place.offset}")]
    assert traces.count(traces[0]) == len(traces)
    (told,) = traces[0]
    assert (told["outcome"], told["fingerprint"], told["id"]) == ("admitted", event.fingerprint.hex(), event.id)
    assert told["event"]["ledger"]["sequence"] == event.ledger.sequence if event.ledger else False
    (own,) = command.json(WATER, "trace", event.id)
    assert (own["outcome"], own["receivers"]) == ("admitted", [])


def test_the_ledgers_reader_sees_to_whom_it_goes_and_whether_it_came(command: Command, cli_city: TwinCity) -> None:
    """The audience, and how far deliver is; others see their own door alone."""
    ticket = live_through(cli_city)
    cli_city.lively = False
    words = ("submit", "called_back", "--ticket", ticket, "--set", "contacted=true", "--wait", "acknowledged")
    (sent,) = command.json(CITY, *words)
    (told,) = command.json(CITY, "trace", sent["id"])
    assert (told["outcome"], told["event"], told["submission"]) == ("submitted", None, sent["submission"])
    assert command.run(WATER, "trace", sent["id"], code=1).stdout == ""
    cli_city.admit_alone()
    (told,) = command.json(CITY, "trace", sent["id"])
    assert {each["organisation"]: each["delivered"] for each in told["receivers"]} == {
        CITY: False,
        WATER: False,
        HEAT: False,
    }
    cli_city.pump()
    (told,) = command.json(CITY, "trace", sent["id"])
    assert {each["delivered"] for each in told["receivers"]} == {True}
    (own,) = command.json(WATER, "trace", sent["id"])
    assert own["delivery"]["position"].startswith(f"deliveries.{WATER}/")


def test_a_refused_event_says_why_and_to_whom_it_went_back(command: Command, cli_city: TwinCity) -> None:
    """Seen by the city and by its author."""
    ticket = live_through(cli_city)
    (sent,) = command.json(WATER, "submit", "resolved", "--ticket", ticket, code=1)
    for who in (CITY, WATER):
        (told,) = command.json(who, "trace", sent["fingerprint"])
        assert told["outcome"] == "refused"
        assert [each["code"] for each in told["refusals"]] == ["superseded"]
    assert command.json(CITY, "trace", sent["id"])[0]["receivers"] == [{"organisation": WATER, "delivered": True}]
    assert "superseded" in command.run(WATER, "trace", sent["id"]).stdout


def test_a_system_has_handled_it_or_parked_it_or_not_taken_it(command: Command, cli_city: TwinCity) -> None:
    """The group's marks and the dead letters of the own organisation say which."""
    ticket, other = lives(cli_city, 2)
    run(cli_city, Desk((ticket, LIFE[2])))
    events = {(event.ticket, event.type): event for event in cli_city.connect(WATER).replay(source="deliveries")}

    def systems(ticket: str, type_: str) -> dict[str, str]:
        (told,) = command.json(WATER, "trace", events[ticket, type_].fingerprint.hex())
        return {each["system"]: each["state"] for each in told["systems"]}

    assert systems(ticket, LIFE[2]) == {"desk": "parked"}
    assert systems(other, LIFE[2]) == {"desk": "handled"}
    command.run(WATER, "deadletters", "skip", ticket, "--reason", "test")
    assert systems(ticket, LIFE[2]) == {"desk": "skipped"}
    (late,) = command.json(CITY, *FILED)
    command.run(CITY, "submit", "dispatched", "--ticket", late["ticket"], "--set", f"lead={WATER}")
    newest = list(cli_city.connect(WATER).replay(source="deliveries"))[-1]
    events[newest.ticket, newest.type] = newest
    assert systems(newest.ticket, newest.type) == {"desk": "waiting"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_drawing_tells_it_in_80_columns(command: Command, cli_city: TwinCity, language: str) -> None:
    """Author, place on the ledger and receivers, in the reader's language."""
    from rich.cells import cell_len

    live_through(cli_city)
    event = list(cli_city.connect(CITY).replay())[1]
    told = command.run(CITY, "trace", event.id, variables={"HUTONG_LANG": language}).stdout
    assert max(map(cell_len, told.splitlines())) <= 80
    words = (
        ("submitted", "admitted", "goes to", "delivered")
        if language == "en"
        else ("上报", "已入台账", "送达单位", "已送达")
    )
    for word in (*words, event.ticket, event.fingerprint.hex()[:20], HEAT, str(event.position)):
        assert word in told


def test_what_is_not_there_is_1_and_what_is_several_is_2(command: Command, cli_city: TwinCity) -> None:
    """Nothing is guessed."""
    live_through(cli_city)
    assert "no event" in command.run(CITY, "trace", "ffffffffffff", code=1).stderr
    assert "no event" in command.run(CITY, "trace", "ledger/7@0", code=1).stderr
    assert "cannot be read from here" in command.run(WATER, "trace", "ledger/0@0", code=2).stderr
    told = "".join(command.run(CITY, "trace", "110000-20260131-GYG62AQ1PW", code=2).stderr.split())
    assert "isaticket,notanevent" in re.sub("│", "", told)
