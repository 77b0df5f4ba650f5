"""A complaint's whole life on the real broker, every service a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hutong
from hutong.events.complaint import Filed, Kind
from local.cities import City
from local.founding import FoundedCity
from local.supervisor import Child
from tests.checker import check
from tests.checker.reading import read_history
from tests.integration.running import RunningCity, running_city

CITY, STREET, DISTRICT, HEAT = "110000", "110105026", "110105", "110000.heat"

HABITS = """
version: 1
whistle: {share: 1}
whistles: [{units: [110000.heat], label: A}]
extension: {share: 1, hours: 120, reason: more_time}
grants_extension: {share: 1}
"""

LIFE = [
    "complaint.filed.v1", "disposition.dispatched.v1", "disposition.accepted.v1", "disposition.assist_requested.v1",
    "disposition.assist_reported.v1", "disposition.extension_requested.v1", "disposition.extension_decided.v1",
    "disposition.resolved.v1", "disposition.called_back.v1", "disposition.closed.v1",
]  # fmt: skip


@pytest.fixture(scope="module", params=["kafka-python", "confluent"])
def running(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[RunningCity]:
    home = tmp_path_factory.mktemp("life")
    habits = home / "desk.yaml"
    habits.write_text(HABITS)
    with running_city(home, client=request.param) as city:
        for child in services(city.founded, habits):
            city.services.add(child)
        yield city


def services(founded: FoundedCity, habits: Path) -> Iterator[Child]:
    hotline = founded.variables(CITY)
    routing = City.load("beijing").folder / "routing.yaml"
    yield Child.service("dispatch", "--routing", str(routing), env=hotline)
    yield Child.service("callback", "--satisfied", "1", "--contacted", "1", env=hotline)
    for unit in (STREET, DISTRICT, HEAT):
        yield Child.service("desk", "--habits", str(habits), name=f"desk.{unit}", env=founded.variables(unit))


def file(running: RunningCity, phone: str) -> str:
    with running.connect(CITY, "intake") as bus:
        data = Filed(
            kind=Kind.COMPLAINT, channel="phone", category="housing/property", area=STREET,
            identity=hutong.Clear({"name": "王某甲", "phone": phone}), narrative=hutong.Clear("物业不清扫楼道"),
        )  # fmt: skip
        return bus.submit(data, wait="admitted").ticket


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not what():
        assert time.monotonic() < deadline, "the city does not come so far"
        time.sleep(0.2)


@pytest.mark.timeout(240)
def test_a_complaint_is_whistled_extended_resolved_called_back_and_closed_and_its_repeat_merged(
    running: RunningCity,
) -> None:
    """One step after the other, each by who may; the second call about the same ends in the first; nothing is lost. So
    with either client library."""
    with running.connect(CITY, "auditor", journal=False) as auditor:

        def life(ticket: str) -> list[str]:
            types = [event.type for event in auditor.replay(ticket=ticket)]
            return [type_ for type_ in types if not type_.startswith("notice.")]  # keys are released meanwhile

        older = file(running, "10012345678")
        until(lambda: len(life(older)) > 1)  # so dispatch knows it: from two partitions they may come in either order
        younger = file(running, "100-1234-5678")
        until(lambda: life(older)[-1] == LIFE[-1] and len(life(younger)) > 1)
        assert life(younger) == ["complaint.filed.v1", "complaint.merged.v1"]
        told = life(older)
        told.remove("complaint.amended.v1")
        assert told == LIFE
        again = file(running, "10012345678")
        until(lambda: life(again)[-1] == LIFE[-1])
        assert life(again) == LIFE, "the first is closed, so this one is a complaint of its own"
    history = read_history(
        running.transport, running.founded.settings(CITY), journals=running.founded.journals, state=None
    )
    assert [str(violation) for violation in check(history).violations] == []
    assert not any(history.refusals.values())
