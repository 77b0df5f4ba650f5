"""``hutong submit``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cities import TwinCity
from tests.client.cli import Command

FILED = (
    "submit", "filed", "--set", "kind=complaint", "--set", "channel=phone",
    "--set", "area=110105026", "--set", "category=public_service/water",
)  # fmt: skip


def test_a_complaint_is_admitted_and_its_place_on_the_ledger_told(command: Command, cli_city: TwinCity) -> None:
    """The result names ticket, id and fingerprint of the very entry that stands on the ledger."""
    (result,) = command.json("110000", *FILED)
    (entry,) = cli_city.connect("110000").replay()
    assert result["outcome"] == "admitted"
    assert (result["ticket"], result["id"], result["fingerprint"]) == (entry.ticket, entry.id, entry.fingerprint.hex())
    assert entry.ledger is not None
    assert result["ledger"]["sequence"] == entry.ledger.sequence


def test_a_refused_event_ends_with_1_and_says_why(command: Command) -> None:
    """The reason stands in the JSON; the exit code says the bus said no."""
    (result,) = command.json("110000.water", *FILED, code=1)
    assert result["outcome"] == "refused"
    assert result["refusal"]["code"] == "not_entitled"


@pytest.mark.parametrize("name", ["dispatched", "disposition.dispatched", "disposition.dispatched.v1"])
def test_an_event_is_called_by_its_short_or_its_whole_name(command: Command, name: str) -> None:
    """All three are one type; a list may be given as JSON."""
    ticket = command.json("110000", *FILED)[0]["ticket"]
    (result,) = command.json(
        "110000", "submit", name, "--ticket", ticket, "--set", "lead=110000.water", "--set", 'assistants=["110000"]'
    )
    assert result["type"] == "disposition.dispatched.v1"


def test_the_same_wish_under_one_key_is_one_event(command: Command, cli_city: TwinCity) -> None:
    """Run again with --once and --time it becomes no second entry, and that is a success."""
    command.run("110000", *FILED, "--once", "call-17", code=2)  # tomorrow it would be another ticket
    again = (*FILED, "--once", "call-17", "--time", "2099-01-01", "--set", "narrative=没水")
    command.run("110000", *again, code=1)  # far ahead: refused, which binds nothing
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    now = (*FILED, "--once", "call-17", "--time", moment, "--set", "narrative=没水")
    first, second = command.json("110000", *now)[0], command.json("110000", *now)[0]
    assert second["outcome"] == "admitted_before"
    assert (first["id"], first["ticket"]) == (second["id"], second["ticket"])
    assert len(list(cli_city.connect("110000").replay())) == 1


def test_an_unknown_outcome_ends_with_3_and_tells_how_to_run_it_again(command: Command, cli_city: TwinCity) -> None:
    """Where admit sleeps, the command names the key under which a second run makes the same event."""
    with cli_city.asleep():
        result = command.run("110000", *FILED, "--timeout", "0.2", code=3)
    words = result.stderr.split()
    options = [words[words.index(name) + at].rstrip(":") for name in ("--once", "--time") for at in (0, 1)]
    assert command.json("110000", *FILED, *options)[0]["outcome"] in ("admitted", "admitted_before")
    assert len(list(cli_city.connect("110000").replay())) == 1


def test_acknowledged_waits_for_the_broker_alone(command: Command, cli_city: TwinCity) -> None:
    """With --wait acknowledged a sleeping admit does not matter."""
    with cli_city.asleep():
        (result,) = command.json("110000", *FILED, "--wait", "acknowledged")
    assert (result["outcome"], result["ledger"]) == ("acknowledged", None)


def test_data_comes_from_a_file_or_from_standard_input(command: Command, tmp_path: Path) -> None:
    """@FILE and - are read as JSON, and --set wins over them."""
    text = '{"kind": "help", "channel": "phone", "area": "110105", "category": "housing", "identity": {"name": "张三"}}'
    (tmp_path / "filed.json").write_text(text, encoding="utf-8")
    command.run("110000", "submit", "filed", "--data", f"@{tmp_path / 'filed.json'}")
    command.run("110000", "submit", "filed", "--data", "-", "--set", "kind=praise", input=text)
    kinds = [event["data"]["kind"] for event in command.json("110000", "replay")]
    assert sorted(kinds) == ["help", "praise"]


def test_a_wrong_field_is_named_in_words_and_never_quoted(command: Command) -> None:
    """What a citizen said appears in no error text, wherever it was put by mistake."""
    secret = "张三13800000000"
    cases = (
        ("area", secret, "区划"),
        ("kind", secret, "must be one of"),
        ("enterprise", secret, "must be true or false"),
        ("source", f'{{"system": "{secret}", "row": "1"}}', "source.system must be"),
    )
    for field, value, words in cases:
        result = command.run("110000", *FILED, "--set", f"{field}={value}", code=2)
        assert words in " ".join(result.stderr.replace("│", "").split())
        assert secret not in result.output
    for wrong in (("--set", secret), ("--data", secret), ("--data", f'["{secret}"]')):
        assert secret not in command.run("110000", *FILED, *wrong, code=2).output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("submit", "acepted"), "is no event here"),
        (("submit", "directory.revoked"), "hutong org"),
        (("submit", "accepted"), "which ticket"),
        (("submit", "accepted", "--ticket", "17"), "is no ticket id"),
        ((*FILED, "--time", "yesterday"), "is no date or time"),
        ((*FILED, "--answers", "abc"), "64 lower-case hex"),
        ((*FILED, "--data", "@/nowhere/at.all"), "cannot be read"),
        ((*FILED, "--set", "colour=red"), "is no field of this event"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[-2:]),
)
def test_a_wrong_call_ends_with_2_and_says_what_to_write(command: Command, words: tuple[str, ...], told: str) -> None:
    """Nothing is sent."""
    result = command.run("110000", *words, code=2)
    assert told in " ".join(result.stderr.replace("│", "").split())
    assert command.json("110000", "replay") == []


def test_who_cannot_be_heard_is_told_before_waiting(command: Command, cli_city: TwinCity) -> None:
    """A revoked organisation, or one with another key, gets no refusal back; so the command says it at once."""
    other = {"HUTONG_KEY": str(cli_city.keys / "110000.pem")}
    assert "no key of 110000.water" in command.run("110000.water", *FILED, code=2, variables=other).stderr
    cli_city.revoke("110000.water")
    assert "revoked by directory entry 3" in command.run("110000.water", *FILED, code=2).stderr


def test_a_merge_by_hand_answers_what_the_older_ticket_was_told(command: Command, cli_city: TwinCity) -> None:
    """Without that, two tickets could end in each other, or one in a closed file. Nothing is sent."""
    older, younger = (command.json("110000", *FILED)[0]["ticket"] for _ in range(2))
    (entry,) = cli_city.connect("110000").replay(ticket=younger)
    assert entry.ledger is not None
    merged = ("submit", "merged", "--ticket", younger, "--set", f"into={older}", "--set", "rule=by_hand")
    told = command.run("110000", *merged, code=2).stderr
    assert f"amended --ticket {older}" in " ".join(told.replace("│", "").split())
    command.run("110000", *merged, "--answers", entry.fingerprint.hex(), code=2)
    assert len(list(cli_city.connect("110000").replay())) == 2
    repeat = {"ticket": younger, "filed": entry.ledger.admitted.isoformat(timespec="milliseconds")}
    amended = ("submit", "amended", "--ticket", older, "--data", json.dumps({"repeat": repeat}))
    (first,) = command.json("110000", *amended)
    (second,) = command.json("110000", *merged, "--answers", first["fingerprint"])
    assert second["outcome"] == "admitted"
    back = ("submit", "merged", "--ticket", older, "--set", f"into={younger}", "--set", "rule=by_hand")
    command.run("110000", *back, "--answers", first["fingerprint"], code=2)
