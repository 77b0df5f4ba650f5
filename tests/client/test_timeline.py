"""How ``hutong ticket show`` draws a whole life."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

import hutong
from hutong import disposition
from hutong.catalogue import Catalogue
from hutong.cli.deadlines import outcome
from hutong.cli.history import History, history_of
from hutong.cli.said import Sayer
from hutong.cli.texts import event_word
from hutong.cli.texts_ticket import EVENTS
from hutong.cli.timeline import Timeline
from hutong.rules.deadlines import Deadline
from hutong.rules.lifecycle import Lifecycle
from hutong.rules.territory import Territory
from tests.cities import CITY, TwinCity
from tests.client.cli import Command
from tests.client.whole_life import BEGAN, whole_life

LIFECYCLE = Lifecycle.load()
HOUR = timedelta(hours=1)


def deadline(limit: str, hours: int, *, met: float | None = None, suspended: bool = False) -> Deadline:
    due = BEGAN + hours * HOUR
    met_at = None if met is None else BEGAN + met * HOUR
    return Deadline(
        limit=limit, version=1, urgency=disposition.Urgency.ORDINARY, began=BEGAN, remind=due, due=due, escalate=due,
        met_at=met_at, suspended=suspended,
    )  # fmt: skip


KEPT, MISSED = deadline("dispatch", 1, met=0.5), deadline("sign", 1, met=3)
RUNNING, STILL = deadline("answer", 9), deadline("answer", 9, suspended=True)


def drawn(bus: hutong.Bus, history: History, width: int, *, every: bool = False, unseal: bool = False) -> str:
    sayer = Sayer(bus.directory, Territory.load(CITY), CITY, bus._settings.zone, bus if unseal else None)
    console = Console(width=width, color_system=None, highlight=False, file=StringIO(), record=True)
    for part in Timeline(history, LIFECYCLE, sayer, every=every).parts(console):
        console.print(part)
    return console.export_text()


def told(city: TwinCity, *deadlines: Deadline, now: datetime = BEGAN + 5 * HOUR) -> tuple[hutong.Bus, History]:
    ticket, bus = whole_life(city), city.connect(CITY)
    return bus, history_of(ticket, bus.replay(ticket=ticket), LIFECYCLE, now, deadlines)


def test_every_event_of_the_catalogue_has_a_word_in_both_languages() -> None:
    """A new type fails here until it is called something; a ticket's events are called what the table calls them."""
    types = {type_.rpartition(".v")[0] for type_ in Catalogue.load().types}
    assert types == {key.removeprefix("event.") for key in EVENTS}
    for type_, rule in LIFECYCLE.table.events.items():
        assert EVENTS[f"event.{type_.rpartition('.v')[0]}"][1] == rule.zh
    assert event_word("complaint.tomorrow.v1") == "complaint.tomorrow.v1"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [80, 120])
def test_a_whole_life_is_told_within_its_columns(
    cli_city: TwinCity, monkeypatch: pytest.MonkeyPatch, language: str, width: int
) -> None:
    """Every step by its name, every unit by its name, and no line is longer than the console."""
    monkeypatch.setenv("HUTONG_LANG", language)
    bus, history = told(cli_city, KEPT, MISSED, RUNNING, STILL)
    text = drawn(bus, history, width)
    assert max(map(cell_len, text.splitlines())) <= width
    for step in history.steps:
        assert event_word(step.event.type) in text
    names = ("望京街道", "朝阳区", "花园社区", "市供水单位")
    english = ("Wangjing Subdistrict", "Chaoyang District", "Garden Community", "Water utility")
    assert all(name in text for name in (names if language == "zh" else english))
    assert history.repeats
    assert all(repeat in text for repeat in history.repeats)


def test_seals_are_seals_what_is_erased_is_erased_and_what_is_held_opens(cli_city: TwinCity) -> None:
    """The identity's keys were destroyed: no seal tells otherwise; the narrative opens for its author alone."""
    bus, history = told(cli_city)
    shut = drawn(bus, history, 120)
    assert "[密封 sealed] narrative, place   [已删除 erased] identity" in shut
    assert "三天没水" not in shut
    assert "narrative 三天没水" in drawn(bus, history, 120, unseal=True)


def test_key_notices_are_folded_unless_all_are_wanted(cli_city: TwinCity) -> None:
    """Releases one after the other take one step, which names each recipient and class."""
    bus, history = told(cli_city)
    folded = drawn(bus, history, 120)
    assert folded.count("key released") == 1
    assert "Water utility (content, identity), Wangjing Subdistrict (content, identity), Chaoyang" in folded
    assert drawn(bus, history, 120, every=True).count("key released") == 6


def test_a_deadline_says_whether_it_was_kept_and_by_how_much() -> None:
    """Kept, missed, running, over, standing still."""
    now = BEGAN + 5 * HOUR
    said = [outcome(each, now).plain for each in (KEPT, MISSED, RUNNING, STILL)]
    assert said == ["✓ kept, in 30 min", "✗ missed by 2 h", "4 h left", "stands still 挂账"]
    assert outcome(RUNNING, BEGAN + 10 * HOUR).plain == "✗ over for 1 h"


def test_all_is_an_option_of_the_command_and_json_tells_repeats_and_deadlines(
    command: Command, cli_city: TwinCity
) -> None:
    """``--all`` unfolds; the object has what the picture has."""
    ticket = whole_life(cli_city)
    assert command.run(CITY, "ticket", "show", ticket, "--all").stdout.count("key released") == 6
    (found,) = command.json(CITY, "ticket", "show", ticket)
    assert len(found["repeats"]) == 1
    assert found["into"] is None
    (younger,) = command.json(CITY, "ticket", "show", found["repeats"][0])
    assert (younger["state"], younger["into"]) == ("merged", ticket)
    assert {each["limit"] for each in found["deadlines"]} == {"dispatch", "sign", "answer"}
    assert {each["kept"] for each in found["deadlines"] if each["limit"] == "dispatch"} == {True}
    assert "✓ kept" in command.run(CITY, "ticket", "show", ticket).stdout
