"""The live board: what it counts, and how it is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from io import StringIO
from random import Random
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from hutong.board import Board, Counts, states_of
from hutong.cli.board import Names, Picture
from hutong.events import EventData, complaint, disposition
from hutong.events.directory import Level, Name, OrganisationEntry, Registered
from hutong.rules.directory import Directory
from hutong.rules.lifecycle import Ticket
from hutong.rules.limits import Limits
from hutong.rules.regions import Regions
from hutong.rules.territory import Territory
from tests.client.walking import BEGAN, LIFECYCLE, Told, walk

CITY, DISTRICT, STREET = "110000", "110105", "110105026"
TERRITORY = Territory.load(CITY)
RUNS = states_of(Limits.load(CITY))
REGIONS = Regions(CITY, TERRITORY.divisions)
AREAS = (STREET, "110105004", "110105", "110101001", CITY)
LEADS = (STREET, DISTRICT, "110000.water", "110000.heat")


def recount(told: Sequence[Told], root: str) -> dict[str, Counts]:
    """Naively: each ticket's whole life is gone through, and a limit counts as passed while the ticket did not leave
    the states in which that limit runs since it was told, and got no more time."""
    rows: dict[str, Counter[str]] = {}
    for name in dict.fromkeys(each.ticket for each in told):
        life = [each for each in told if each.ticket == name]
        row = next((up for up in _chain(life[0].area) if REGIONS.above(up) == root), None)
        row = root if life[0].area == root else row
        if row is None:
            continue
        ticket: Ticket | None = None
        states = []
        for each in life:
            ticket = LIFECYCLE.follow(ticket, each.data, subject=name, author=each.author, at_ms=0)
            states.append(ticket.state)
        assert ticket is not None
        ended = LIFECYCLE.ended(ticket.state)
        late = any(
            isinstance(each.data, disposition.Overdue) and _still(each.data.limit, life[at:], states[at:])
            for at, each in enumerate(life)
        )
        tally = rows.setdefault(row, Counter())
        tally["received"] += 1
        tally["ended" if ended else "in_hand"] += 1
        tally["overdue"] += late
    return {row: Counts(**tally) for row, tally in rows.items()}


def _chain(area: str) -> list[str]:
    return [area] + (_chain(REGIONS.above(area)) if REGIONS.above(area) else [])


def _still(limit: str, life: Sequence[Told], states: Sequence[str]) -> bool:
    anywhere = LIFECYCLE.table.events[disposition.Overdue.TYPE].states
    more = [each for each in life if isinstance(each.data, disposition.ExtensionDecided)]
    given = any(each.data.decision == "granted" for each in more if isinstance(each.data, disposition.ExtensionDecided))
    return all(state in RUNS.get(limit, anywhere) for state in states) and not (limit == "answer" and given)


def board_of(told: Sequence[Told], root: str = CITY) -> Board:
    board = Board(LIFECYCLE, REGIONS, root, runs=RUNS)
    for each in told:
        each.to(board)
    return board


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 150), st.sampled_from([CITY, DISTRICT, STREET]))
def test_the_board_counts_what_a_naive_recount_counts(seed: int, tickets: int, steps: int, root: str) -> None:
    """Received, in hand, overdue and ended, in every place, after any history that the lifecycle allows."""
    told = list(walk(Random(seed), tickets=tickets, steps=steps, areas=AREAS, leads=LEADS))
    overview = board_of(told, root).overview()
    expected = recount(told, root)
    if overview.by == "area":
        assert {row: counts for row, counts in overview.rows.items() if counts != Counts()} == expected
    total = Counter[str]()
    for counts in expected.values():
        for name in ("received", "in_hand", "overdue", "ended"):
            total[name] += getattr(counts, name)
    assert overview.counts == Counts(**total)
    assert sum(overview.states.values()) == overview.counts.received
    assert sum(overview.leads.values()) == overview.counts.in_hand


def test_ended_tickets_are_forgotten_and_what_comes_for_them_changes_nothing() -> None:
    """A board holds what is in hand alone, however long its city has run."""
    told = list(walk(Random(5), tickets=300, steps=2_000, areas=AREAS, leads=LEADS))
    board = board_of(told)
    before = board.overview()
    late = next(each for each in told if type(each.data).__name__ == "Answered")
    Told(data=complaint.Amended(), ticket=late.ticket, author=CITY, time=late.time, area=late.area).to(board)
    assert board.overview() == before
    assert len(board._open) == before.counts.in_hand


def test_a_ticket_is_overdue_until_its_step_comes_or_it_gets_more_time() -> None:
    """An extension gives time again; a suspension leaves what was over as it is; the answer ends it."""
    later = BEGAN + timedelta(days=9)
    late = disposition.Overdue(limit="answer", due=later)
    asked = disposition.ExtensionRequested(until=later, reason="parts")
    granted, rejected = disposition.Decision.GRANTED, disposition.Decision.REJECTED
    steps: list[tuple[EventData, int]] = [
        (complaint.Filed(kind=complaint.Kind.HELP, channel="phone", category="housing", area=STREET), 0),
        (disposition.Overdue(limit="dispatch", due=later), 1),
        (disposition.Dispatched(lead=STREET), 0),
        (disposition.Overdue(limit="sign", due=later), 1),
        (disposition.Accepted(), 0),
        (late, 1),
        (asked, 1),
        (disposition.ExtensionDecided(decision=rejected), 1),
        (asked, 1),
        (disposition.ExtensionDecided(decision=granted, until=later), 0),
        (late, 1),
        (asked, 1),
        (disposition.Suspended(until=later, reason="winter"), 1),
        (disposition.Resumed(reason="spring"), 1),
        (disposition.Resolved(), 0),
    ]
    board = board_of([])
    for data, overdue in steps:
        Told(data=data, ticket="x", author=CITY, time=BEGAN, area=STREET).to(board)
        assert board.overview().counts.overdue == overdue, data


def test_an_event_of_a_ticket_whose_filing_was_never_shown_is_an_event_only() -> None:
    """A standing agreement shows single events: no ticket is made of them."""
    board = board_of([Told(data=disposition.Accepted(), ticket="x", author=DISTRICT, time=BEGAN, area=STREET)])
    assert (board.events, board.overview().counts) == (1, Counts())


def test_shares_are_of_what_can_be_shared_and_else_nothing() -> None:
    """No call-back yet: no share of dissatisfied, rather than nought."""
    board = board_of([])
    assert (board.overview().shares.merged, board.overview().shares.dissatisfied) == (None, None)
    filed = complaint.Filed(kind=complaint.Kind.HELP, channel="phone", category="housing", area=STREET)
    steps = [
        *([("a", filed), ("b", filed)]),
        ("a", complaint.Merged(into="110000-20260131-0G7XK2M9QZ", rule="same_place")),
        ("b", disposition.Dispatched(lead=STREET)),
        ("b", disposition.Accepted()),
        ("b", disposition.Resolved()),
        ("b", disposition.CalledBack(contacted=False)),
    ]
    for name, data in steps:
        Told(data=data, ticket=name, author=CITY, time=BEGAN, area=STREET).to(board)
    shares = board.overview().shares
    assert (shares.merged, shares.contested, shares.dissatisfied) == (0.5, 0.0, None)


def test_the_rate_is_of_admitted_time() -> None:
    """Reading a long past at once is no rush; twenty events in the last ten seconds are two a second."""
    past = [
        Told(data=disposition.Accepted(), ticket="x", author=CITY, time=BEGAN - timedelta(seconds=n), area=STREET)
        for n in range(5_000, 100, -1)
    ]
    recent = [
        Told(data=disposition.Accepted(), ticket="x", author=CITY, time=BEGAN + timedelta(seconds=n / 2), area=STREET)
        for n in range(20)
    ]
    board = board_of([*past, *recent])
    assert board.rate(BEGAN + timedelta(seconds=10)) == 2.0
    assert board.rate(BEGAN + timedelta(seconds=60)) == 0.0
    assert len(board._seconds) < 100


def test_a_street_is_told_by_its_units_and_a_district_by_its_streets() -> None:
    """The finest place has no places under it: there it counts who has the tickets."""
    told = list(walk(Random(1), tickets=40, steps=400, areas=AREAS, leads=LEADS))
    assert board_of(told, STREET).overview().by == "lead"
    district = board_of(told, DISTRICT).overview()
    assert district.by == "area"
    assert {STREET, "110105004", DISTRICT} <= district.rows.keys()
    assert all(REGIONS.above(row) == DISTRICT for row in district.rows if row != DISTRICT)


def test_without_a_table_nine_digits_are_a_street_of_their_first_six() -> None:
    """GB/T 2260; any other code stands right under the city, and another city's places stand outside."""
    regions = Regions("130000", None)
    assert regions.row("130102005", "130000") == "130102"
    assert regions.row("130102005", "130102") == "130102005"
    assert regions.row("130102", "130102") == "130102"
    assert regions.row("130104", "130102") is None
    assert Regions("nyc", None).row("queens", "nyc") == "queens"


# -- the picture ----------------------------------------------------------------------------------------------------


def directory() -> Directory:
    found = Directory()
    names = {
        STREET: ("望京街道", "Wangjing Subdistrict", Level.STREET),
        DISTRICT: ("朝阳区", "Chaoyang District", Level.DISTRICT),
        "110000.water": ("市供水单位", "Water utility", Level.UTILITY),
        "110000.heat": ("市供热\u202e单位" * 12, "Heating utility " * 7, Level.UTILITY),
    }
    for number, (id, (zh, en, level)) in enumerate(names.items(), 1):
        entry = OrganisationEntry.model_construct(
            id=id, names=(Name.model_construct(language="zh", text=zh), Name(language="en", text=en)), level=level,
            parent=None, signing_keys=(bytes([number]) * 32,), sealing_key=None, rights=(), partitions=1,
        )  # fmt: skip
        found.apply(Registered.model_construct(number=number, entry=entry))
    return found


def drawn(board: Board, width: int, height: int, expected: int | None = None) -> list[str]:
    known = directory()
    picture = Picture(
        lifecycle=LIFECYCLE,
        names=Names(lambda: known, REGIONS),
        zone=ZoneInfo("Asia/Shanghai"),
        source="ledger",
        expected=expected,
    )
    console = Console(width=width, height=height, record=True, color_system=None, file=StringIO())
    console.print(picture.draw(board, BEGAN + timedelta(hours=1), width, height))
    return console.export_text().splitlines()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)])
@pytest.mark.parametrize("root", [CITY, DISTRICT, STREET])
def test_the_picture_fills_its_console_and_no_line_is_longer(
    monkeypatch: pytest.MonkeyPatch, language: str, width: int, height: int, root: str
) -> None:
    """中文 takes two columns: the right border stands in one line all the way down."""
    monkeypatch.setenv("HUTONG_LANG", language)
    areas = [code for code, division in (TERRITORY.divisions or {}).items() if division.level == "street"]
    told = list(walk(Random(2), tickets=900, steps=4_000, areas=[*areas, STREET, STREET], leads=LEADS, apart=0.9))
    for lines in (drawn(board_of(told, root), width, height, 1_000), drawn(board_of([], root), width, height)):
        assert len(lines) == height
        assert {cell_len(line) for line in lines} == {width}
        assert all(line.endswith(("│", "╮", "╯")) for line in lines)
        assert not any("\u202e" in line for line in lines)


def test_a_city_at_80_by_24_shows_all_sixteen_districts_and_what_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    """In 中文, with names, numbers and the last events."""
    monkeypatch.setenv("HUTONG_LANG", "zh")
    told = list(walk(Random(2), tickets=500, steps=2_000, areas=AREAS, leads=LEADS))
    board = board_of(told)
    lines = drawn(board, 80, 24)
    text = "\n".join(lines)
    for division in (TERRITORY.divisions or {}).values():
        if division.level == "district":
            assert division.name in text
    row = board.overview().rows[DISTRICT]
    line = next(line for line in lines if "朝阳区" in line and "│" in line[2:])
    for count in (row.received, row.in_hand, row.overdue, row.ended):
        assert f" {count:,}" in line
    last = board.last[-1]
    assert last.ticket in text
    assert "受理" in lines[1]


def test_rows_that_find_no_room_are_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chaoyang has 43 streets: on a small console those with most in hand stand there, and nothing is lost."""
    monkeypatch.setenv("HUTONG_LANG", "zh")
    areas = [code for code in TERRITORY.divisions or {} if code.startswith(DISTRICT) and len(code) == 9]
    board = board_of(list(walk(Random(2), tickets=500, steps=2_000, areas=areas, leads=LEADS)), DISTRICT)
    lines = drawn(board, 80, 24)
    assert any("其余" in line for line in lines)
    busiest = max(board.overview().rows.items(), key=lambda row: row[1].in_hand)[0]
    assert any((TERRITORY.divisions or {})[busiest].name in line for line in lines)


def test_a_board_keeps_up_with_a_city() -> None:
    """Two thousand events a second and more on one core, decoding aside."""
    told = list(walk(Random(2), tickets=4_000, steps=10_000, areas=AREAS, leads=LEADS))
    began = process_time()
    board_of(told)
    assert process_time() - began < 5
