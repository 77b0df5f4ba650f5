"""Generated complaints: the same from the same seed, any day by itself, in the published shares, of made-up people.

Every bound is one that a fair draw keeps but once in many millions; with fixed seeds it keeps it always.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from hutong.errors import SettingsError
from hutong.events.complaint import Filed
from hutong.rules.territory import Territory
from local.cities import City
from local.generator import Complaint, Generator, complaints, personal_strings
from local.generator.habits import habits_of
from local.generator.rhythm import Rhythm
from services.intake.handler import entry_of_json, filed

NOW = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
MONDAY = date(2026, 1, 5)


@pytest.fixture(scope="module")
def beijing() -> City:
    return City.load("beijing", "all")


@pytest.fixture(scope="module")
def many(beijing: City) -> list[Complaint]:
    """A Monday in January, at a tenth of the city."""
    return list(Generator(beijing, 7, 0.1).day(MONDAY))


def surprise(seen: Mapping[Any, int], shares: Mapping[Any, float]) -> float:
    """Chi-square per degree of freedom of what was seen against what these shares lead one to expect."""
    total, whole = sum(seen.values()), sum(shares.values())
    assert seen.keys() <= shares.keys()
    expected = {word: total * share / whole for word, share in shares.items()}
    return sum((seen.get(word, 0) - many) ** 2 / many for word, many in expected.items()) / (len(shares) - 1)


def counted(values: Iterable[Any]) -> Mapping[Any, int]:
    return Counter(values)


def test_same_seed_same_bytes(beijing: City, many: list[Complaint]) -> None:
    """The same seed gives the same bytes in another generator, another seed others; rows are unique across both."""
    told = [complaint.model_dump_json() for complaint in many]
    assert [complaint.model_dump_json() for complaint in Generator(beijing, 7, 0.1).day(MONDAY)] == told
    others = list(Generator(beijing, 8, 0.1).day(MONDAY))
    assert [other.narrative for other in others[:500]] != [one.narrative for one in many[:500]]
    assert len({complaint.row for complaint in many + others}) == len(many) + len(others)


def test_a_month_is_its_days(beijing: City) -> None:
    """Days generated alone, in any order and by new generators, are those of the month, one after the other."""
    month = list(Generator(beijing, 3, 0.002).days(date(2026, 2, 1), 28))
    alone = {
        n: list(Generator(beijing, 3, 0.002).day(date(2026, 2, 1) + timedelta(days=n))) for n in reversed(range(28))
    }
    assert [complaint for n in range(28) for complaint in alone[n]] == month
    assert [complaint.created for complaint in month] == sorted(complaint.created for complaint in month)


def test_every_row_is_one_that_intake_takes(many: list[Complaint]) -> None:
    """Each becomes a filed complaint, with what is about people still to be sealed."""
    for number, complaint in enumerate(many[:300]):
        data = filed(entry_of_json(number, complaint.model_dump_json().encode(), "generator"), Territory.load("110000"))
        assert data.model_fields_set >= set(Filed.sealed_fields())


def test_kinds_and_channels_have_the_published_shares(beijing: City, many: list[Complaint]) -> None:
    """58.5 % consultations, 41 % to be dispatched, 90.7 % by phone."""
    habits, _ = habits_of(beijing)
    assert surprise(counted(c.kind for c in many), {w.code: w.share for w in habits.kinds}) < 5
    assert surprise(counted(c.channel for c in many), {w.code: w.share for w in habits.channels}) < 5
    kinds = {choice.code.value: choice.share for choice in habits.kinds}
    assert kinds["consultation"] / sum(kinds.values()) == pytest.approx(0.585)
    assert sum(share for kind, share in kinds.items() if kind not in ("consultation", "praise")) == pytest.approx(41)


def test_over_a_year_the_top_categories_have_the_published_shares(beijing: City) -> None:
    """However the seasons drive their topics: the sum of all days' plans is the list of 2020."""
    habits, _ = habits_of(beijing)
    rhythm, seen = Rhythm(habits, 1, 1.0), Counter[str]()
    for n in range(365):
        plan = rhythm.plan(date(2025, 1, 1) + timedelta(days=n))
        for topic in habits.topics:
            seen[topic.code.partition("/")[0]] += round(plan.calls * plan.topics.share(topic.code))
    whole, shares = sum(seen.values()), sum(choice.share for choice in habits.categories)
    for choice in habits.categories:
        assert seen[choice.code] / whole == pytest.approx(choice.share / shares, rel=0.02)
    assert whole / 365 == pytest.approx(70_000, rel=0.01)


def test_a_day_keeps_its_plan_of_topics_and_hours(beijing: City, many: list[Complaint]) -> None:
    """What is called about, and when, is drawn as the calendar of that day says."""
    habits, _ = habits_of(beijing)
    plan = Rhythm(habits, 7, 0.1).plan(MONDAY)
    # repeats come from days with other plans, so a little more than chance alone
    assert surprise(counted(c.category for c in many), {t.code: plan.topics.share(t.code) for t in habits.topics}) < 5
    hours = Counter(complaint.created.hour for complaint in many)
    assert len(many) == plan.calls
    for hour, times in enumerate(habits.hours.times):
        assert hours[hour] == pytest.approx(plan.calls * times / sum(habits.hours.times), abs=3)


def test_weekdays_stand_above_weekends_and_the_season_drives_heating(beijing: City) -> None:
    """A Sunday has fewer calls than any weekday; heating is called about in the season, 15 November to 15 March."""
    habits, _ = habits_of(beijing)
    rhythm = Rhythm(habits, 1, 1.0)
    week = [rhythm.plan(MONDAY + timedelta(days=n)).calls for n in range(7)]
    assert max(week[5:]) < min(week[:5])
    cold = "public_service/heating/not_warm"
    share = {day: rhythm.plan(day).topics.share(cold) for day in (
        date(2026, 11, 14), date(2026, 11, 15), date(2026, 12, 15), date(2027, 3, 15), date(2027, 3, 16))}  # fmt: skip
    out, first, winter, last, after = share.values()
    assert first > winter > 15 * out
    assert last > 15 * after
    noise = "public_order/noise"
    assert rhythm.plan(date(2026, 7, 1)).topics.share(noise) > 1.8 * rhythm.plan(MONDAY).topics.share(noise)


def test_calls_come_from_the_whole_city_most_from_its_centre(beijing: City, many: list[Complaint]) -> None:
    """Every district calls, in its share; the six central ones have 60 %; every area is a street."""
    assert beijing.places is not None
    areas = [beijing.divisions[complaint.area] for complaint in many]
    assert all(area.level == "street" for area in areas)
    assert surprise(counted(area.parent for area in areas), dict(beijing.places.shares())) < 5
    centre = sum(area.parent in beijing.places.central.districts for area in areas)
    assert 0.57 < centre / len(areas) < 0.63


def test_a_small_city_calls_from_its_own_districts_with_and_without_a_door() -> None:
    """Every area is a street of a district with a door; what comes from streets without one is for the district."""
    small = City.load("beijing")
    areas = [small.divisions[complaint.area] for complaint in complaints(7, 2000, small, now=NOW)]
    assert all(area.parent in small.organisations for area in areas)
    without = sum(area.code not in small.organisations for area in areas)
    assert 0.5 < without / len(areas) < 0.9


def test_the_same_person_calls_again_and_neighbours_do(beijing: City) -> None:
    """About 7 % call again about the same, 4 % about what a neighbour reported; the first call is the earlier one."""
    generator, days = Generator(beijing, 5, 0.02), 16
    seen: dict[tuple[str, str, str, str], list[Complaint]] = {}
    again = neighbours = late = 0
    for complaint in generator.days(MONDAY, days):
        key = (complaint.category, complaint.area, complaint.place.address, complaint.place.community)
        firsts = seen.setdefault(key, [])
        if complaint.created.date() >= MONDAY + timedelta(days=8):  # all first calls lie within these days
            late += 1
            if complaint.narrative.startswith(("再次", "Calling again")):
                again += 1
                assert complaint.identity in [first.identity for first in firsts]
            elif complaint.narrative.startswith(("和邻居", "My neighbour")):
                neighbours += 1
                assert firsts
        firsts.append(complaint)
    assert 0.055 < again / late < 0.085
    assert 0.028 < neighbours / late < 0.052


def test_some_are_firms_some_anonymous_some_write_english(many: list[Complaint]) -> None:
    """In the shares of the file; what is said in English is English, but for the names of streets."""
    total = len(many)
    assert 0.04 < sum(complaint.enterprise for complaint in many) / total < 0.06
    assert 0.01 < sum(complaint.anonymous for complaint in many) / total < 0.025
    english = [complaint for complaint in many if complaint.language == "en"]
    assert 0.005 < len(english) / total < 0.016
    assert all(sum(letter.isascii() for letter in c.narrative) > len(c.narrative) / 2 for c in english)
    assert not any(complaint.narrative.isascii() for complaint in many if complaint.language == "zh")


def test_people_are_made_up(many: list[Complaint]) -> None:
    """No phone number can be real, no name is a full one, every text is filled in, and all of it is enumerated."""
    personal = personal_strings(many)
    for complaint in many:
        assert complaint.identity.phone.startswith("100")
        assert len(complaint.identity.phone) == 11
        assert "某" in complaint.identity.name
        assert "{" not in complaint.narrative + complaint.place.address
        assert {complaint.identity.name, complaint.identity.phone, complaint.place.address} < personal


def test_a_day_needs_no_more_memory_than_a_few_complaints(beijing: City) -> None:
    """What a generator holds after 6,000 complaints is what it held after 1,000, within 200 kB."""
    stream = Generator(beijing, 1, 1.0).day(MONDAY)
    tracemalloc.start()
    try:
        held: list[int] = []
        for _ in (1, 2):
            for complaint in islice(stream, 1000 if not held else 5000):
                del complaint
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[1] - held[0] < 200_000


def test_a_play_is_a_day_in_an_hour(beijing: City) -> None:
    """A play's complaints are dated in order within the hour before now, with the city's offset, most by day."""
    play = list(complaints(7, 500, beijing, now=NOW))
    created = [complaint.created for complaint in play]
    assert created == sorted(created)
    assert timedelta(0) < NOW - created[-1] < NOW - created[0] <= timedelta(hours=1)
    assert created[0].utcoffset() == timedelta(hours=8)
    assert list(complaints(7, 500, beijing, now=NOW)) == play


def test_command_writes_json_lines() -> None:
    """``python -m local generate`` prints a day, a JSON object per line; a month begins with its first day."""

    def told(*arguments: str) -> list[str]:
        command = [sys.executable, "-m", "local", "generate", "--scale", "0.0002", "--seed", "7", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    day = told("--day", "2026-01-01")
    assert [Complaint.model_validate_json(line) for line in day] == list(
        Generator(City.load("beijing"), 7, 0.0002).day(date(2026, 1, 1))
    )
    assert told("--month", "2026-01")[: len(day)] == day
    assert set(json.loads(day[0])["identity"]) == {"name", "phone"}


def test_city_without_habits_is_told() -> None:
    """A city that nothing can be generated for is one sentence with exit code 2."""
    with pytest.raises(SettingsError, match=r"generator\.yaml cannot be read"):
        complaints(1, 1, City.load("nyc"), now=NOW)
    command = [sys.executable, "-m", "local", "generate", "--city", "atlantis"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (
        2,
        "There is no demo city called 'atlantis': choose one of beijing, nyc.\n",
    )
