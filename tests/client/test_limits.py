"""Time limits as data: read strictly, walked row by row, over Chinese holidays and worked weekends."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hutong import disposition
from hutong.catalogue import SCHEMAS
from hutong.errors import SettingsError
from hutong.events.disposition import Urgency
from hutong.rules.calendar import BusTime, WorkingDays, milliseconds
from hutong.rules.limits import Limits
from hutong.settings import Settings
from tests.client.lives import BEIJING, at, filed, life, one

CHINA = WorkingDays(BEIJING, "CN", True)
WATER = "110000.water"

ROWS = [  # a Wednesday, 10:00: what begins then is due …
    ("dispatch", "ordinary", "2026-06-04 10:00", "2026-06-04 06:00", "2026-06-04 22:00"),
    ("dispatch", "urgent", "2026-06-03 12:00", "2026-06-03 11:30", "2026-06-03 13:00"),
    ("dispatch", "emergency", "2026-06-03 11:00", "2026-06-03 10:45", "2026-06-03 11:30"),
    ("sign", "ordinary", "2026-06-05 00:00", "2026-06-04 16:00", "2026-06-05 12:00"),
    ("sign", "urgent", "2026-06-03 10:30", "2026-06-03 10:20", "2026-06-03 11:00"),
    ("sign", "emergency", "2026-06-03 10:15", "2026-06-03 10:10", "2026-06-03 10:30"),
    ("answer", "ordinary", "2026-06-11 00:00", "2026-06-10 00:00", "2026-06-12 00:00"),
    ("answer", "urgent", "2026-06-04 10:00", "2026-06-04 06:00", "2026-06-04 22:00"),
    ("answer", "emergency", "2026-06-03 12:00", "2026-06-03 11:30", "2026-06-03 13:00"),
]


@pytest.mark.parametrize(("limit", "urgency", "due", "remind", "escalate"), ROWS)
def test_every_limit_of_every_urgency(limit: str, urgency: str, due: str, remind: str, escalate: str) -> None:
    """What a non-programmer reads in the file is what a ticket gets: due, reminded before, escalated after."""
    begin = "2026-06-03 10:00"
    dispatched = disposition.Dispatched(lead=WATER, urgency=Urgency(urgency))
    if limit == "dispatch":  # sent back, it is dispatched anew in the same hurry
        declined = disposition.Declined(reason="not_ours")
        granted = disposition.DeclineDecided(decision=disposition.Decision.GRANTED)
        found = life(("2026-06-03 09:00", filed()), (begin, dispatched), (begin, declined), (begin, granted))
    else:
        found = life(("2026-06-03 09:00", filed()), (begin, dispatched))
    deadline = one(found, limit)
    assert (deadline.due, deadline.remind, deadline.escalate) == (at(due), at(remind), at(escalate))
    assert (deadline.began, deadline.met_at, deadline.version, deadline.urgency) == (at(begin), None, 1, urgency)


def test_the_rows_are_the_whole_table() -> None:
    limits = Limits.load("110000")
    assert limits is not None
    rows = {(n, str(u)) for version in limits.versions for n, limit in version.limits.items() for u in limit.within}
    assert rows == {row[:2] for row in ROWS}


def test_before_any_dispatch_the_category_says_how_urgent_a_ticket_is() -> None:
    """Water is urgent at any depth of the tree; a code that merely begins alike is not."""
    for category, due in [
        ("public_service/water/no_water", "12:00"),
        ("public_service/water", "12:00"),
        ("public_service/waterway", "34:00"),
    ]:
        hours = int(due.split(":")[0])
        expected = at(f"2026-06-0{3 + hours // 24} {hours % 24:02d}:00")
        assert one(life(("2026-06-03 10:00", filed(category))), "dispatch").due == expected


@pytest.mark.parametrize(
    ("begun", "due", "why"),
    [
        ("2026-09-30 10:00", "2026-10-09 00:00", "国庆 1 to 7 October: the next working day is Thursday the 8th"),
        ("2026-10-08 23:59", "2026-10-10 00:00", "one minute before midnight the next day is the one that counts"),
        ("2026-10-09 10:00", "2026-10-11 00:00", "Saturday 10 October is worked 调休"),
        ("2026-10-10 10:00", "2026-10-13 00:00", "after the worked Saturday comes Monday"),
        ("2026-09-18 10:00", "2026-09-21 00:00", "Sunday 20 September is worked, Saturday is not"),
        ("2026-02-13 10:00", "2026-02-15 00:00", "春节: Saturday 14 February is worked"),
        ("2026-02-14 10:00", "2026-02-25 00:00", "春节: 15 to 23 February are free, Tuesday the 24th is worked"),
        ("2026-02-18 10:00", "2026-02-25 00:00", "from within the holiday it is the same day"),
        ("2026-02-27 10:00", "2026-03-01 00:00", "Saturday 28 February is worked"),
        ("2025-12-31 10:00", "2026-01-05 00:00", "元旦: Sunday 4 January is worked"),
    ],
)
def test_a_working_day_over_holidays(begun: str, due: str, why: str) -> None:
    """The State Council's calendars of 2025 and 2026, day by day."""
    found = life((begun, filed()), (begun, disposition.Dispatched(lead=WATER)))
    assert one(found, "sign").due == at(due), why


def test_a_year_not_announced_has_weekends_and_the_laws_holidays_and_says_so() -> None:
    """2099: nobody knows which weekends will be worked; nothing fails, and whoever asks is told."""
    assert CHINA.announced(date(2026, 5, 1))
    assert not CHINA.announced(date(2099, 5, 1))
    assert not CHINA.works(date(2099, 10, 1))
    assert [CHINA.works(date(2099, 6, day)) for day in range(1, 8)] == [True] * 5 + [False] * 2
    assert CHINA.end_of_working_day(milliseconds(at("2150-01-01 10:00")), 1)


def test_another_country_has_its_own_holidays_and_one_without_has_weekends() -> None:
    """4 July 2025 was a Friday; New York's clocks go forward on 9 March, and days stay whole."""
    zone = ZoneInfo("America/New_York")
    nyc, plain = WorkingDays(zone, "US"), WorkingDays(zone)
    assert (nyc.works(date(2025, 7, 4)), plain.works(date(2025, 7, 4))) == (False, True)
    assert not plain.works(date(2025, 7, 5))
    assert nyc.announced(date(2099, 1, 1))
    friday = nyc.begin(date(2025, 3, 7))
    assert nyc.worked(friday, nyc.begin(date(2025, 3, 11))) == 2 * 24 * 3_600_000
    sunday = nyc.begin(date(2025, 3, 9))
    assert nyc.next_day(sunday) - sunday == 23 * 3_600_000


def test_time_that_was_worked_is_where_it_was_counted() -> None:
    """`after` is the inverse of `worked`, also over a holiday."""
    begin = milliseconds(at("2026-09-29 15:00"))
    for hours in (0, 1, 9, 33, 34, 60):
        end = CHINA.after(begin, hours * 3_600_000)
        assert CHINA.worked(begin, end) == hours * 3_600_000
    assert CHINA.after(begin, 34 * 3_600_000) == milliseconds(at("2026-10-08 01:00"))


def test_bus_time_maps_there_and_back() -> None:
    """At speed 720 a day takes two minutes; what falls between two milliseconds is never early."""
    time = BusTime(origin_ms=1_000_000, speed=720)
    assert time.bus(1_000_000 + 120_000) - 1_000_000 == 24 * 3_600_000
    for bus_ms in (1_000_000, 1_000_001, 1_000_719, 1_000_720, 1_000_721, 86_401_123, 999_999, 280):
        back = time.admitted(bus_ms)
        assert time.bus(back) >= bus_ms > time.bus(back - 1)
    assert BusTime().bus(7) == BusTime().admitted(7) == 7
    with pytest.raises(ValueError, match="forward"):
        BusTime(speed=0)


def test_a_city_says_since_when_its_limits_run_faster() -> None:
    """Speed without origin would end every limit at another moment after each restart."""
    given = {"bootstrap": "b:1", "city": "110000", "organisation": "110000", "registrar_key": "0" * 64}
    assert Settings.load(**given).bus_time == BusTime()
    fast = Settings.load(**given, speed="720", origin="2026-06-01T10:00:00+08:00")
    assert fast.bus_time == BusTime(origin_ms=milliseconds(at("2026-06-01 10:00")), speed=720)
    with pytest.raises(SettingsError, match="HUTONG_ORIGIN"):
        _ = Settings.load(**given, speed=720).bus_time


TEXT = (SCHEMAS / "limits" / "beijing.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("runs_in: [filed]", "runs_in: [flied]", "no state of the lifecycle"),
        ("country: CN", "country: XX", "no country 'XX'"),
        ("time_zone: Asia/Shanghai", "time_zone: Asia/Nowhere", "Nowhere"),
        ("{hours: 2},  remind", "{hours: 2, days: 1},  remind", "exactly one"),
        ("remind: {hours: 24}", "remind: {days: 1}", "minutes or hours"),
        ("runs_in: [filed]", "rnus_in: [filed]", "rnus_in"),
        ("stands_still_in: [suspended]", "stands_still_in: [accepted]", "both"),
        ("          urgent:    {time: {hours: 2},", "          urgently:    {time: {hours: 2},", "urgently"),
    ],
)
def test_a_wrong_table_is_one_clear_error(tmp_path: Path, before: str, after: str, says: str) -> None:
    """It names the file and what is wrong in it."""
    path = tmp_path / "limits.yaml"
    assert before in TEXT
    path.write_text(TEXT.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(SettingsError, match=says) as raised:
        Limits.read(path)
    assert "limits.yaml" in str(raised.value)


def test_versions_stand_in_order(tmp_path: Path) -> None:
    path = tmp_path / "limits.yaml"
    head, _, versions = TEXT.partition("versions:\n")
    path.write_text(f"{head}versions:\n{versions}{versions}", encoding="utf-8")
    with pytest.raises(SettingsError, match="in the order of their numbers"):
        Limits.read(path)


def test_a_city_without_limits_has_none() -> None:
    assert Limits.load("nyc") is None
