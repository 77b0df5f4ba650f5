"""``hutong city``, as the hotline, a district and a department run it."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from hutong import disposition
from hutong.cli import city as command_city
from hutong.cli.board import Picture
from hutong.settings import Settings
from hutong.transport import Outgoing, Partition
from hutong.watching import Watch
from tests.cities import CITY, TwinCity
from tests.client.cli import Command
from tests.client.whole_life import COMMUNITY, DISTRICT, STREET, WATER, file, whole_life

SHAPE = {
    "at", "organisation", "source", "area", "verified", "events", "events_per_second", "refused", "unreadable",
    "tickets", "states", "levels", "shares", "by", "rows", "last",
}  # fmt: skip


def board(command: Command, organisation: str, *words: str) -> dict[str, Any]:
    [told] = command.json(organisation, "city", *words)
    return told


def row(told: dict[str, Any], code: str | None) -> dict[str, Any]:
    [found] = [row for row in told["rows"] if row["code"] == code]
    return dict(found)


def test_the_hotline_sees_the_whole_ledger_by_district(command: Command, cli_city: TwinCity) -> None:
    """Every ticket once, merged ones too, and all sixteen districts; refused events are counted."""
    whole_life(cli_city)
    file(cli_city.connect(CITY), 200)
    command.run(STREET, "submit", "resolved", "--ticket", "110000-20260131-0G7XK2M9QZ", code=1)
    told = board(command, CITY)
    assert told.keys() == SHAPE
    assert (told["source"], told["by"], told["verified"], told["refused"]) == ("ledger", "area", False, 1)
    assert told["tickets"] == {"received": 3, "in_hand": 1, "overdue": 0, "ended": 2}
    assert told["states"] == {"merged": 1, "closed": 1, "filed": 1}
    assert told["levels"] == {"none": 1}
    assert len(told["rows"]) == 16
    assert row(told, DISTRICT) == {"code": DISTRICT, "name": "Chaoyang District", **told["tickets"]}
    assert told["shares"] == {"merged": 1 / 3, "contested": 1.0, "dissatisfied": 0.5}
    assert told["last"][-1]["type"] == "complaint.filed.v1"
    assert told["last"][-1]["place"] == "Wangjing Subdistrict"
    assert told["events"] == len(list(cli_city.connect(CITY).replay()))


def test_a_district_sees_its_streets_tickets_by_street_from_its_own_deliveries(
    command: Command, cli_city: TwinCity
) -> None:
    """Not the younger ticket that was merged before any unit of the district had it."""
    whole_life(cli_city)
    told = board(command, DISTRICT)
    assert (told["source"], told["area"]) == ("deliveries", {"code": DISTRICT, "name": "Chaoyang District"})
    assert told["tickets"] == {"received": 1, "in_hand": 0, "overdue": 0, "ended": 1}
    assert row(told, STREET)["ended"] == 1
    assert all(each["code"].startswith(DISTRICT) for each in told["rows"])


def test_a_street_is_told_by_its_units_and_a_department_sees_all_its_places(
    command: Command, cli_city: TwinCity
) -> None:
    """``--area`` chooses the place; without, a department has the whole city's."""
    ticket = file(cli_city.connect(CITY), 0).ticket
    cli_city.connect(CITY).submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    told = board(command, CITY, "--area", STREET)
    assert (told["by"], row(told, WATER)["in_hand"], row(told, WATER)["name"]) == ("lead", 1, "Water utility")
    assert told["levels"] == {"utility": 1}
    department = board(command, WATER)
    assert (department["area"]["code"], department["tickets"]["received"]) == (CITY, 1)


def test_what_was_delivered_again_counts_once(command: Command, cli_city: TwinCity) -> None:
    """The operator sent a door's deliveries again: the board stays as it was."""
    whole_life(cli_city)
    before = board(command, DISTRICT)
    consumer = cli_city.transport.consumer(client_id="x")
    door = f"deliveries.{DISTRICT}"
    consumer.assign([Partition(door, 0)])
    consumer.seek(Partition(door, 0), 0)
    records = [record for records in consumer.poll(0, 1_000).values() for record in records]
    cli_city.transport.producer(client_id="again").send(
        [Outgoing(topic=door, key=r.key, value=r.value, headers=r.headers, partition=0) for r in records], timeout=1
    )
    consumer.close()
    after = board(command, DISTRICT)
    moving = {"at": "", "events_per_second": 0}
    assert after | moving == before | moving


def test_what_cannot_be_read_is_counted_and_ends_nothing(command: Command, cli_city: TwinCity) -> None:
    """A schema of tomorrow on the ledger."""
    file(cli_city.connect(CITY), 0)
    headers = (("area", STREET.encode()), ("ce_source", b"x"))
    cli_city.lively = False  # deliver stops at such a record
    strange = Outgoing(topic="ledger", key=b"k", value=b"\0\0\0\xff\xff", headers=headers, partition=0)
    cli_city.transport.producer(client_id="x").send([strange], timeout=1)
    told = board(command, CITY)
    assert (told["unreadable"], told["tickets"]["received"]) == (1, 1)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("words", [["--once"], []])
def test_one_picture_is_printed_where_there_is_no_terminal(
    command: Command, cli_city: TwinCity, language: str, words: list[str]
) -> None:
    """Within 80 columns, with the names of places, in the reader's language."""
    whole_life(cli_city)
    shown = command.run(CITY, "city", *words, variables={"HUTONG_LANG": language}).stdout
    assert {cell_len(line) for line in shown.splitlines()} == {80}
    assert ("Chaoyang" if language == "en" else "朝阳区") in shown
    assert ("closed" if language == "en" else "归档") in shown


def test_an_unknown_place_is_one_sentence_and_2(command: Command) -> None:
    """With what a code looks like."""
    result = command.run(CITY, "city", "--area", "999999", code=2)
    assert "9 for a street" in " ".join(result.stderr.replace("│", " ").split())


def test_an_organisation_that_is_not_registered_learns_what_to_do(command: Command) -> None:
    """No board without a door."""
    result = command.run(CITY, "city", "--json", code=2, variables={"HUTONG_ORGANISATION": "110000.nobody"})
    assert "hutong org register" in result.stderr


@pytest.mark.timeout(60)
def test_the_running_board_shows_what_arrives_and_ctrl_c_ends_it_quietly_with_0(
    command: Command, cli_city: TwinCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ticket filed meanwhile stands there without the command being run again; the last picture stays behind."""
    hotline = cli_city.connect(CITY)
    file(hotline, 0)
    shown, seen = [], threading.Event()
    fresh: list[str] = []

    def draw(self: Picture, watched: Any, now: datetime, width: int, height: int) -> str:
        shown.append(watched.overview().counts.received)
        if shown[-1] == 1 and not fresh:
            fresh.append(file(hotline, 5).ticket)
        if shown[-1] == 2 and not seen.is_set():
            seen.set()
            signal.raise_signal(signal.SIGINT)
        return f"received {shown[-1]}"

    monkeypatch.setattr(Picture, "draw", draw)
    monkeypatch.setattr(Console, "is_terminal", property(lambda self: True))
    monkeypatch.setattr(command_city, "FRAME_SECONDS", 0.01)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        result = command.run(CITY, "city")
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen.is_set()
    assert shown[0] == 1
    assert "received 2" in result.stdout
    assert result.stderr == ""


def test_a_watch_reads_only_what_is_new(cli_city: TwinCity) -> None:
    """One consumer, from the beginning; what it has read it does not read again."""
    hotline = cli_city.connect(CITY)
    file(hotline, 0)
    settings: Settings = cli_city.settings(CITY)
    with command_city._opened(settings, cli_city.transport, None) as (_, watch, _picture):
        assert isinstance(watch, Watch)
        assert watch.progress().done == 0 < watch.progress().total
        while watch.progress().done < watch.progress().total:
            watch.read(0.01)
        file(hotline, 1)
        assert watch.read(0.01) + watch.read(0.01) == 1
        assert watch.board.overview().counts.received == 2
        assert watch.board.rate(datetime.now(UTC)) >= 0


def test_a_community_is_an_organisation_like_any_other(command: Command, cli_city: TwinCity) -> None:
    """No division of the table, so it sees the places of all that was delivered to it."""
    whole_life(cli_city)
    told = board(command, COMMUNITY)
    assert (told["source"], told["tickets"]["received"]) == ("deliveries", 1)
