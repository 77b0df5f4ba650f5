"""``hutong subscribe``, ``replay`` and ``ticket show``."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hutong import Clear, complaint, disposition, notice
from tests.cities import TwinCity
from tests.client.cli import Command

NOON = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)


def live_through(cli_city: TwinCity) -> str:
    """A ticket that was contested by one unit, solved by another and closed; the ticket's id."""
    cli_city.register("110000.heat", level="utility", names={"zh": "市供热单位", "en": "Heating utility"})
    hotline, water, heat = (cli_city.connect(name) for name in ("110000", "110000.water", "110000.heat"))
    filed = complaint.Filed(
        kind=complaint.Kind.COMPLAINT,
        channel="phone",
        category="public_service/water",
        area="110105026",
        narrative=Clear("三天\x1b[31m没水"),
    )
    ticket = hotline.submit(filed, time=NOON, wait="admitted").ticket
    steps = (
        (4, hotline, disposition.Dispatched(lead="110000.heat")),
        (10, heat, disposition.Declined(reason="not_our_duty")),
        (13, hotline, disposition.DeclineDecided(decision=disposition.Decision.GRANTED)),
        (15, hotline, disposition.Dispatched(lead="110000.water")),
        (20, water, disposition.Accepted()),
        (75, water, disposition.Resolved(report=Clear("修好"))),
        (100, hotline, disposition.CalledBack(contacted=True, satisfaction=disposition.Satisfaction.DISSATISFIED)),
        (101, hotline, disposition.Reopened(reason="dissatisfied")),
        (161, water, disposition.Resolved()),
    )
    for minutes, bus, data in steps:
        bus.submit(data, ticket=ticket, time=NOON + timedelta(minutes=minutes), wait="admitted")
    return ticket


def test_a_subscription_prints_each_delivery_once(command: Command, cli_city: TwinCity) -> None:
    """What was written is marked: the next run goes on behind it, another system begins anew."""
    live_through(cli_city)
    first = command.json("110000.water", "subscribe", "--count", "2", "--timeout", "10")
    rest = command.json("110000.water", "subscribe", "--timeout", "0.3")
    other = command.json("110000.water", "subscribe", "--timeout", "0.3", "--system", "other")
    assert [event["delivery"]["n"] for event in other] == [event["delivery"]["n"] for event in first + rest]
    assert len(first) == 2


def test_a_line_names_the_event_in_both_languages_in_the_citys_time(command: Command, cli_city: TwinCity) -> None:
    """A person reads when, what and about which ticket."""
    ticket = live_through(cli_city)
    result = command.run("110000.water", "subscribe", "--type", "declined", "--timeout", "0.3")
    local = (NOON + timedelta(minutes=10, hours=8)).strftime("%m-%d %H:%M:%S")
    assert result.stdout.split() == [*local.split(), "退单申请", "declined", ticket, "110000.heat"]


def test_too_few_before_the_timeout_is_3(command: Command) -> None:
    """A script that asked for a number of events learns that they did not come."""
    result = command.run("110000.water", "subscribe", "--count", "1", "--timeout", "0.2", code=3)
    assert "0 of 1" in result.stderr


def test_own_events_and_refusals_come_where_they_are_asked_for(command: Command, cli_city: TwinCity) -> None:
    """Without --receipts and --refusals a system hears the others alone."""
    ticket = live_through(cli_city)
    command.run("110000.water", "submit", "resolved", "--ticket", ticket, code=1)
    quiet = command.json("110000.water", "subscribe", "--timeout", "0.3")
    loud = command.json("110000.water", "subscribe", "--timeout", "0.3", "--system", "b", "--receipts", "--refusals")
    assert {event["source"] for event in quiet} == {"110000", "110000.heat"}
    assert [event["refusal"]["code"] for event in loud if event["refusal"]] == ["superseded"]
    assert len(loud) == len(quiet) + 4


def test_a_replay_into_a_file_is_the_whole_ledger(command: Command, cli_city: TwinCity, tmp_path: Path) -> None:
    """The file holds every fingerprint in order; standard output gets a summary, standard error a count."""
    live_through(cli_city)
    file = tmp_path / "all.jsonl"
    result = command.run("110000", "replay", "--output", str(file), "--json")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    expected = [event.fingerprint.hex() for event in cli_city.connect("110000").replay()]
    assert [line["fingerprint"] for line in lines] == expected
    assert json.loads(result.stdout)["events"] == 10
    assert "10 events" in result.stderr


def test_a_replay_that_cannot_be_written_leaves_nothing(command: Command, tmp_path: Path) -> None:
    """A missing folder is one sentence and exit code 2."""
    result = command.run("110000", "replay", "--output", str(tmp_path / "no" / "all.jsonl"), code=2)
    assert "cannot be written" in result.stderr


def test_a_replay_is_bounded_by_the_time_of_admission(command: Command, cli_city: TwinCity) -> None:
    """--since is inclusive and --until exclusive, read in the city's time where they have no zone."""
    live_through(cli_city)
    tomorrow = (datetime.now(UTC) + timedelta(days=1, hours=8)).date().isoformat()
    assert len(command.json("110000", "replay", "--until", tomorrow)) == 10
    assert command.json("110000", "replay", "--since", tomorrow) == []


def test_sealed_fields_stay_shut_unless_asked_for_and_held(command: Command, cli_city: TwinCity) -> None:
    """The author opens his own words with --unseal; to another they stay the id of a key."""
    ticket = live_through(cli_city)
    shut, opened, foreign = (
        command.json(who, "ticket", "show", ticket, *more)[0]["steps"][0]["data"]["narrative"]
        for who, more in (("110000", ()), ("110000", ("--unseal",)), ("110000.water", ("--unseal",)))
    )
    assert shut == foreign
    assert list(shut) == ["sealed"]
    assert opened == "三天\x1b[31m没水"


def test_a_ticket_tells_who_held_it_for_how_long(command: Command, cli_city: TwinCity) -> None:
    """A lead holds from dispatch to report or contest, and again when reopened; the others act by right."""
    ticket = live_through(cli_city)
    (told,) = command.json("110000", "ticket", "show", ticket)
    holders = {(h["organisation"], h["task"]): (h["seconds"] / 60, h["times"]) for h in told["holders"]}
    assert holders["110000.heat", "lead"] == (6, 1)
    assert holders["110000.water", "lead"] == (60 + 60, 2)
    assert holders["110000", "dispatch"] == (4 + 3 + 2, 2)
    assert [h["task"] for h in told["holders"] if h["holding"]] == ["call_back"]
    assert (told["state"], told["ended"], told["lead"]) == ("resolved", False, "110000.water")
    assert told["steps"][3]["since_seconds"] == 180


def test_what_leaves_a_ticket_in_its_state_takes_it_from_nobody(command: Command, cli_city: TwinCity) -> None:
    """Neither a key released, nor the clock's word, nor an assistant's report makes its author a holder."""
    cli_city.register("110000.heat", level="utility")
    cli_city.register("110000.custodian", rights=("custody",))
    cli_city.register("110000.clock", rights=("clock",))
    cli_city.take_over()
    names = ("110000", "110000.water", "110000.heat", "110000.custodian", "110000.clock")
    hotline, water, heat, custodian, clock = (cli_city.connect(name) for name in names)
    filed = complaint.Filed(
        kind=complaint.Kind.COMPLAINT, channel="phone", category="public_service/water", area="110105026"
    )
    released = notice.AccessReleased(
        key_id=bytes(16), key_class=notice.KeyClass.CONTENT, recipient="110000", purpose="filing"
    )
    ticket = hotline.submit(filed, time=NOON, wait="admitted").ticket
    steps = (
        (1, custodian, released),
        (30, clock, disposition.Overdue(limit="dispatch", due=NOON + timedelta(minutes=30))),
        (40, hotline, disposition.Dispatched(lead="110000.water", assistants=("110000.heat",))),
        (50, water, disposition.Declined(reason="not_our_duty")),
        (51, custodian, released),
        (52, heat, disposition.AssistReported()),
        (60, hotline, disposition.DeclineDecided(decision=disposition.Decision.REJECTED)),
        (70, water, disposition.Accepted()),
        (80, water, disposition.Resolved()),
        (81, custodian, released),
    )
    for minutes, bus, data in steps:
        bus.submit(data, ticket=ticket, time=NOON + timedelta(minutes=minutes), wait="admitted")
    (told,) = command.json("110000", "ticket", "show", ticket)
    assert len(told["steps"]) == 1 + len(steps)
    holders = {(h["organisation"], h["task"]): h for h in told["holders"]}
    assert set(holders) == {("110000", "dispatch"), ("110000.water", "lead"), ("110000", "call_back")}
    assert [(h["seconds"] / 60, h["times"]) for h in told["holders"][:2]] == [(40 + 10, 2), (10 + 20, 2)]
    assert (holders["110000", "call_back"]["times"], holders["110000", "call_back"]["holding"]) == (1, True)


def test_the_timeline_fits_80_columns_and_no_event_can_steer_the_terminal(command: Command, cli_city: TwinCity) -> None:
    """No line is wider, no escape sequence of somebody else's text comes through."""
    from rich.cells import cell_len

    ticket = live_through(cli_city)
    for language in ("en", "zh"):
        told = command.run(
            "110000", "ticket", "show", ticket, "--unseal", variables={"HUTONG_LANG": language, "NO_COLOR": "1"}
        ).stdout
        assert max(map(cell_len, told.splitlines())) <= 80
        assert "\x1b" not in told
        for name in ("受理", "退单申请", "退单审核", "重办", ticket):
            assert name in told
    assert "市供热单位" in told


def test_a_refusal_stands_in_its_authors_timeline_and_moves_nothing(command: Command, cli_city: TwinCity) -> None:
    """The organisation sees its own refused step; the ticket's state stays."""
    ticket = live_through(cli_city)
    command.run("110000.water", "submit", "resolved", "--ticket", ticket, code=1)
    (told,) = command.json("110000.water", "ticket", "show", ticket)
    assert told["steps"][-1]["refusal"]["code"] == "superseded"
    assert (told["steps"][-1]["state"], told["state"]) == (None, "resolved")
    (ledger,) = command.json("110000.water", "ticket", "show", ticket, "--source", "ledger")
    assert len(ledger["steps"]) == len(told["steps"]) - 1


@pytest.mark.parametrize("source", ["deliveries", "ledger"])
def test_an_unknown_ticket_is_one_sentence_and_1(command: Command, source: str) -> None:
    """Nothing is shown."""
    result = command.run("110000.water", "ticket", "show", "110000-20260131-0G7XK2M9QZ", "--source", source, code=1)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
