"""A program that also acts when nothing comes: None between events, on a subscription that asked for it."""

from __future__ import annotations

from tests.cities import TwinCity
from tests.client.desk import WATER, dispatched


def test_an_idle_subscription_gives_none_when_there_is_nothing_to_read(city: TwinCity) -> None:
    """First everything that is there, then None again and again; what comes meanwhile comes in between."""
    dispatched(city)
    bus, seen = city.connect(WATER), []
    for event in bus.subscribe(idle=0.02):
        if event is None:
            seen.append("-")
            if seen[-2:] == ["-", "-"] and "…" not in seen:
                seen.append("…")
                dispatched(city)
            if seen.count("-") == 5:
                bus.stop()
            continue
        with event:
            seen.append(event.type.split(".")[1])
    assert [one for one in seen if one != "-"] == ["filed", "dispatched", "…", "filed", "dispatched"]
    assert seen[0] == "filed"


def test_none_comes_although_deliveries_never_cease(city: TwinCity) -> None:
    """A busy door does not keep a program from its other work: the time is looked at after each round."""
    dispatched(city)
    bus, seen = city.connect(WATER), []
    for event in bus.subscribe(idle=0.05):
        if event is None:
            break
        with event:
            seen.append(event)
            dispatched(city)  # two more for each that was taken
    assert len(seen) >= 2


def test_without_idle_nothing_but_events_comes(city: TwinCity) -> None:
    dispatched(city)
    bus = city.connect(WATER)
    for count, event in enumerate(bus.subscribe(), start=1):
        with event:
            assert event is not None
        if count == 2:
            bus.stop()
