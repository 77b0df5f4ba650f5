"""时限 on a real broker: the clock is killed in the middle of its work, again and again."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

import hutong
from hutong import complaint
from local.supervisor import Child
from tests.checker import check, read_history
from tests.integration.running import RunningCity, running_city

CLOCK, HOTLINE = "110000.clock", "110000"
SPEED = 3600
"""Two hours, within which water is to be dispatched, pass in two seconds."""
SAID = ("disposition.overdue.v1", "disposition.escalated.v1")
WAVES, TICKETS = 4, 8


def file(hotline: hutong.Bus) -> list[str]:
    """Complaints that nobody will dispatch."""
    filed = complaint.Filed(
        kind=complaint.Kind.COMPLAINT, channel="phone", category="public_service/water/no_water", area="110105026"
    )
    drafts = [hotline.draft(filed) for _ in range(TICKETS)]
    return [submitted.ticket for submitted in hotline.submit_batch(drafts)]


def said(city: RunningCity) -> Counter[tuple[str, str]]:
    """How often the clock said what of which ticket, as the ledger has it."""
    with city.connect(HOTLINE, "looking", journal=False) as bus:
        return Counter((event.ticket, event.type) for event in bus.replay() if event.source == CLOCK)


@pytest.mark.timeout(240)
def test_a_clock_that_is_killed_in_the_middle_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Killed four times while tickets fall due: each is overdue and escalated once, and truly so by the checker."""
    with running_city(tmp_path, speed=SPEED) as city:
        child = Child.service("clock", env=city.founded.variables(CLOCK))
        city.services.add(child)
        tickets: list[str] = []
        with city.connect(HOTLINE) as hotline:
            for wave in range(WAVES):
                tickets += file(hotline)
                before, deadline = sum(said(city).values()), time.monotonic() + 40
                while sum(said(city).values()) == before:  # it is at work
                    assert time.monotonic() < deadline, f"the clock says nothing of wave {wave}"
                city.services.kill(child.name)
        wanted = Counter({(ticket, type_): 1 for ticket in tickets for type_ in SAID})
        deadline = time.monotonic() + 90
        while wanted - (found := said(city)):
            assert time.monotonic() < deadline, f"not said: {wanted - found}"
        assert {key: count for key, count in found.items() if key[1] in SAID} == dict(wanted)
        assert set(found.values()) == {1}
        history = read_history(city.transport, city.founded.settings(HOTLINE), journals=city.founded.journals)
        verdict = check(history, restarted=[f"{CLOCK}.clock"])
        assert verdict.violations == ()
        assert verdict.looked["overdue"] == len(tickets) == WAVES * TICKETS
        assert verdict.counts.refused == 0
