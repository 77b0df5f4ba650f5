"""A complaint from the call to its closed file on a secured broker, every service a user of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import hutong
from hutong.events.complaint import Filed, Kind
from local.cities import City
from local.supervisor import Child, Supervisor
from tests.checker import check
from tests.checker.reading import read_history
from tests.securing.secured import AUDIT, CITY, STREET, WATER, SecuredCity

STEPS = ["complaint.filed.v1", "disposition.dispatched.v1", "disposition.accepted.v1", "disposition.resolved.v1"]
ENDS = ["disposition.called_back.v1", "disposition.closed.v1"]


@pytest.mark.timeout(300)
def test_a_complaint_is_closed_through_the_secured_city(secured: SecuredCity, tmp_path: Path) -> None:
    """Every service a process of its own and a user of its own: filed, dispatched, accepted, resolved, closed."""
    with Supervisor(_services(secured), home=tmp_path), contextlib.ExitStack() as opened:
        hotline = opened.enter_context(hutong.connect("intake", secured.settings(CITY)))
        auditor = opened.enter_context(hutong.connect("audit", secured.settings(AUDIT)))
        data = Filed(
            kind=Kind.COMPLAINT, channel="phone", category="public_service/water", area=STREET,
            identity=hutong.Clear({"name": "王某甲", "phone": "10012345678"}), narrative=hutong.Clear("三天没水"),
        )  # fmt: skip
        ticket = hotline.submit(data, wait="admitted", timeout=90).ticket

        def life() -> list[str]:
            types = [event.type for event in auditor.replay(ticket=ticket)]
            return [type_ for type_ in types if not type_.startswith("notice.")]

        deadline = time.monotonic() + 120
        while (told := life()) != [*STEPS, *ENDS]:
            assert time.monotonic() < deadline, f"the city does not come so far: {told}"
            time.sleep(0.2)
    settings = secured.settings(CITY)
    history = read_history(secured.transport, settings, journals=secured.founded.journals, state=None)
    assert [str(violation) for violation in check(history).violations] == []
    assert not any(history.refusals.values())


def _services(city: SecuredCity) -> Iterator[Child]:
    founded = city.founded
    routing = City.load("beijing").folder / "routing.yaml"
    for name in ("admit", "deliver"):
        yield Child.service(name, env=founded.service(name))
    yield from founded.custody()
    yield from founded.timekeeping()
    yield Child.service("dispatch", "--routing", str(routing), env=founded.variables(CITY))
    yield Child.service("callback", "--satisfied", "1", "--contacted", "1", env=founded.variables(CITY))
    for unit in (WATER, STREET):
        yield Child.service("desk", "--decline-share", "0", name=f"desk.{unit}", env=founded.variables(unit))
