"""A city that decides wrongly, one thing at a time: the checker must see it in what the city then does.

(``tests/services/test_sabotage.py`` takes away what protects it from crashes and forgers.)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import hutong
from services.deliver.store import Store as DeliverStore
from tests.checker import Verdict, check, read_history
from tests.checker.story import filed
from tests.cities import CITY, TwinCity

WATER = "110000.water"


def judged(city: TwinCity) -> set[str]:
    """The rules that the city's history breaks; live state left aside."""
    verdict: Verdict = check(read_history(city.transport, city.settings(CITY)), complete=True)
    assert verdict.counts.ledger_events > 0
    return {violation.rule for violation in verdict.violations}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path, partitions=1) as city:
        city.register(WATER)
        city.take_over()
        yield city


def play(city: TwinCity) -> None:
    """A complaint, filed and dispatched."""
    centre = city.connect(CITY)
    ticket = centre.submit(filed(0)).ticket
    centre.submit(hutong.disposition.Dispatched(lead=WATER), ticket=ticket)


def test_an_unbroken_city_is_in_order(city: TwinCity) -> None:
    """Without it the tests below would prove nothing."""
    play(city)
    assert judged(city) == set()


def test_counters_lost_at_a_takeover_are_seen(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliver begins to count anew, so numbers come twice."""
    play(city)
    monkeypatch.setattr("services.deliver.owner.bring_up", lambda *_: None)
    city.take_over()
    play(city)
    assert "numbering" in judged(city)


def test_a_joiner_without_its_past_is_seen(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lead gets the dispatch, but not the complaint before it."""
    monkeypatch.setattr(DeliverStore, "history", lambda *_: iter(()))
    play(city)
    assert judged(city) == {"numbering", "missing"}


def test_a_step_nobody_may_take_is_seen(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Admit lets a department file, which has no right to."""
    monkeypatch.setattr("hutong.rules.lifecycle.Lifecycle._entitled", lambda *_: None)
    city.connect(WATER).submit(filed(0))
    assert judged(city) == {"lifecycle"}


def test_who_sees_too_much_is_seen(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Admit shows every event to an organisation that has nothing to do with it."""
    monkeypatch.setattr("hutong.rules.audience.Audience.of", lambda *_: frozenset({CITY, WATER}))
    city.connect(CITY).submit(filed(0))
    assert judged(city) == {"audience"}
