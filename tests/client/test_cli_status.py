"""``hutong status``, as an operator of the city and as a department see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from hutong import looking, status
from hutong.errors import SettingsError
from hutong.transport import Bounds, Outgoing, Partition, Position
from tests.cities import CITY, TwinCity
from tests.client.cli import Command
from tests.client.parked import LIFE, Desk, lives, run
from tests.client.test_cli_refusals import FILED, WATER, refuse_a_stranger, refuse_water


@contextmanager
def services(city: TwinCity, *names: str) -> Iterator[None]:
    """These services of the city run: their groups have a member each, which nothing is given to."""
    city.lively = False
    consumers = []
    for name in names:
        consumer = city.transport.consumer(client_id=name, group=f"{CITY}.{name}")
        consumer.subscribe(status.SERVICES[name])
        consumer.poll(0, 1)
        consumers.append(consumer)
    yield
    for consumer in consumers:
        consumer.close()


def row(told: dict[str, Any], system: str) -> dict[str, Any]:
    [found] = [row for row in told["rows"] if row["system"] == system]
    return dict(found)


def look(command: Command, organisation: str = CITY, code: int = 0) -> dict[str, Any]:
    [told] = command.json(organisation, "status", code=code)
    return told


def test_a_city_that_is_caught_up_is_well(command: Command, cli_city: TwinCity) -> None:
    """Markers of transactions are no records: who has read everything is behind by nothing, and the exit code is 0."""
    refuse_water(cli_city)
    refuse_a_stranger(cli_city)
    command.run(WATER, "subscribe", "--timeout", "0.2", "--system", "desk")
    with services(cli_city, "admit", "deliver"):
        told = look(command)
        assert [(r["system"], r["lag"]["records"], r["lag"]["exact"], r["alarms"]) for r in told["rows"]] == [
            ("admit", 0, True, []),
            ("deliver", 0, True, []),
            ("desk", 0, True, []),
        ]
        assert told["refusals"] == {
            "not_entitled": {"day": 1, "ever": 1},
            "unknown_organisation": {"day": 1, "ever": 1},
        }
        assert "all is well" in command.run(CITY, "status").stdout
        assert "一切正常" in command.run(CITY, "status", variables={"HUTONG_LANG": "zh"}).stdout


def test_what_waits_is_counted_and_its_age_told(command: Command, cli_city: TwinCity) -> None:
    """Three submissions that nobody admitted; a system that has not begun has everything before it."""
    refuse_water(cli_city)
    reader = cli_city.transport.consumer(client_id="x", group=f"{WATER}.desk")
    reader.subscribe([f"deliveries.{WATER}"])
    reader.poll(0)
    with services(cli_city, "admit", "deliver"):
        for _ in range(3):
            cli_city.connect(CITY).submit(FILED, wait="acknowledged")
        told = look(command)
    assert row(told, "admit")["lag"]["records"] == 3
    assert row(told, "admit")["lag"]["oldest"] <= told["at"]
    assert row(told, "desk")["lag"]["records"] == 1
    assert row(told, "desk")["lag"]["oldest"] is not None
    reader.close()


def test_what_is_too_much_to_count_is_estimated(
    command: Command, cli_city: TwinCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is marked so."""
    monkeypatch.setattr(looking, "COUNTED", 1)
    with services(cli_city, "admit", "deliver"):
        ticket = cli_city.connect(CITY).submit(FILED).ticket
        for _ in range(2):
            cli_city.connect(CITY).submit(FILED, ticket=ticket)
        assert row(look(command), "admit")["lag"] | {"oldest": ""} == {"records": 3, "exact": False, "oldest": ""}
        assert "\t~3\t" in command.run(CITY, "status").stdout


def test_a_service_that_does_not_run_needs_a_person(command: Command, cli_city: TwinCity) -> None:
    with services(cli_city, "admit"):
        told = look(command, code=1)
        assert row(told, "deliver")["alarms"] == ["nobody"]
        assert told["alarms"] == {"nobody": 1}
        assert "python -m services.deliver" in command.run(CITY, "status", code=1).stdout


def test_old_work_and_deliveries_near_their_end_need_a_person(
    command: Command, cli_city: TwinCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What admit has not done for minutes; what a system has left for most of its door's retention."""
    refuse_water(cli_city)
    reader = cli_city.transport.consumer(client_id="x", group=f"{WATER}.desk")
    reader.assign([Partition(f"deliveries.{WATER}", 0)])
    reader.commit({Partition(f"deliveries.{WATER}", 0): Position(offset=0)})
    with services(cli_city, "admit", "deliver"):
        cli_city.connect(CITY).submit(FILED)
        assert not look(command)["alarms"]
        monkeypatch.setattr(status, "BEHIND", timedelta(0))
        monkeypatch.setattr(status, "FLOOR", 0.0)
        told = look(command, code=1)
        assert (row(told, "admit")["alarms"], row(told, "desk")["alarms"]) == (["behind"], ["late"])
        assert "the door keeps deliveries 90 d" in command.run(CITY, "status", code=1).stdout


def test_an_open_transaction_is_named_once_it_lasts(
    command: Command, cli_city: TwinCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where, since when, and whose next start ends it; one that has just begun is nothing to tell."""
    refuse_water(cli_city)
    cli_city.transport.hang("gone", [Outgoing(topic="ledger", key=b"k", value=b"v", partition=1)])
    with services(cli_city, "admit", "deliver"):
        assert look(command)["hanging"] == []
        monkeypatch.setattr(looking, "HANGING", timedelta(seconds=-1))
        [hanging] = look(command, code=1)["hanging"]
        assert (hanging["topic"], hanging["partition"], hanging["owner"]) == ("ledger", 1, "admit")
        assert "Start admit of this partition" in command.run(CITY, "status", code=1).stdout


@pytest.mark.usefixtures("quick")
def test_parked_tickets_need_a_person(command: Command, cli_city: TwinCity) -> None:
    """The department sees its own, with the command that shows them; the city sees them, too."""
    ticket, _ = lives(cli_city, 2)
    run(cli_city, Desk((ticket, LIFE[2])))
    with services(cli_city, "admit", "deliver"):
        for organisation in (WATER, CITY):
            found = row(look(command, organisation, code=1), "desk")
            assert (found["parked"], found["letters"], found["alarms"]) == (1, 4, ["parked"])
        told = command.run(WATER, "status", code=1).stdout
    assert f"hutong --organisation {WATER} deadletters list" in told


def test_a_department_sees_its_own_only(command: Command, cli_city: TwinCity) -> None:
    """Neither the city's services nor its other organisations, nor a group whose name only begins alike."""
    refuse_water(cli_city)
    refuse_a_stranger(cli_city)
    for group in ("110000.water.desk", "110000.waterworks.desk"):
        reader = cli_city.transport.consumer(client_id="x", group=group)
        reader.subscribe([f"deliveries.{WATER}"])
        reader.poll(0)
    told = look(command, WATER)
    assert [(each["organisation"], each["system"]) for each in told["rows"]] == [(WATER, "desk")]
    assert told["refusals"] == {"not_entitled": {"day": 1, "ever": 1}}


def test_what_is_closed_is_shown_as_closed(
    command: Command, cli_city: TwinCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A topic that this client may not read ends nothing: its row says so, the others stand."""
    refuse_water(cli_city)
    bounds = cli_city.transport.bounds

    def closed(partitions: Sequence[Partition]) -> dict[Partition, Bounds]:
        if any(place.topic == "submissions" for place in partitions):
            raise SettingsError("submissions: not authorized")
        return bounds(partitions)

    monkeypatch.setattr(cli_city.transport, "bounds", closed)
    with services(cli_city, "admit", "deliver"):
        told = look(command)
        assert row(told, "admit")["closed"] == "submissions: not authorized"
        assert row(told, "admit")["lag"] is None
        assert row(told, "deliver")["lag"]["records"] == 0
        assert "closed to you" in command.run(CITY, "status").stdout


def test_a_system_that_does_not_run_while_something_waits_is_named(command: Command, cli_city: TwinCity) -> None:
    """No alarm, since whoever tried a system once leaves it so; but nobody is told that all is well."""
    refuse_water(cli_city)
    reader = cli_city.transport.consumer(client_id="x", group=f"{WATER}.desk")
    reader.subscribe([f"deliveries.{WATER}"])
    reader.poll(0)
    reader.commit({Partition(f"deliveries.{WATER}", 0): Position(offset=0)})
    reader.close()
    with services(cli_city, "admit", "deliver"):
        told = look(command)
        assert (row(told, "desk")["unread"], row(told, "desk")["lag"]["records"] > 0) == (True, True)
        shown = command.run(CITY, "status").stdout
    assert "not running" in next(line for line in shown.splitlines() if "desk" in line)
    assert f"not running, though something waits: {WATER}.desk; start what should run" in shown
    assert "all is well" not in shown
