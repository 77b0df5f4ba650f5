"""The command as a process, on a real broker, as a person or a script meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.supervisor import ROOT
from tests.integration.running import RunningCity, running_city

WATER = "110000.water"
FILED = (
    "submit", "filed", "--set", "kind=complaint", "--set", "channel=phone", "--set", "narrative=没水",
    "--set", "area=110105026", "--set", "category=public_service/water", "--json",
)  # fmt: skip


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCity]:
    """The demo city Beijing with admit and deliver."""
    with running_city(tmp_path_factory.mktemp("cli")) as running:
        yield running


def variables(city: RunningCity, organisation: str) -> dict[str, str]:
    """The environment of the organisation's programs; the tests' own settings are not for them."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("HUTONG_")}
    return {**outer, **city.founded.variables(organisation), "PYTHONPATH": str(ROOT), "COLUMNS": "80"}


def start(city: RunningCity, organisation: str, *words: str) -> subprocess.Popen[str]:
    """``hutong …`` as a process of the organisation."""
    env = variables(city, organisation)
    command = [sys.executable, "-m", "hutong", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True, encoding="utf-8")


def run(city: RunningCity, organisation: str, *words: str, code: int = 0) -> str:
    """Its standard output, once it ended with ``code``."""
    process = start(city, organisation, *words)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "Traceback" not in err
    return out


def objects(text: str) -> list[dict[str, Any]]:
    """The JSON objects on the lines of ``text``."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_ticket_goes_from_hand_to_hand_by_commands_alone(city: RunningCity, tmp_path: Path) -> None:
    """Filed, dispatched, heard, accepted, refused once, shown and replayed: each by one command."""
    hotline = city.founded.city.id
    ticket = objects(run(city, hotline, *FILED))[0]["ticket"]
    run(city, hotline, "submit", "dispatched", "--ticket", ticket, "--set", f"lead={WATER}")
    only = ("--type", "filed", "--type", "dispatched")
    heard = objects(run(city, WATER, "subscribe", *only, "--count", "2", "--timeout", "30", "--json"))
    assert [(event["type"], event["ticket"]) for event in heard] == [
        ("complaint.filed.v1", ticket),
        ("disposition.dispatched.v1", ticket),
    ]
    run(city, WATER, "submit", "accepted", "--ticket", ticket, "--answers", heard[1]["fingerprint"])
    run(city, WATER, "submit", "accepted", "--ticket", ticket, code=1)
    told = objects(run(city, WATER, "ticket", "show", ticket, "--json"))[0]
    assert told["state"] == "accepted"
    steps = [step for step in told["steps"] if not step["type"].startswith("notice.")]  # keys come when they come
    assert [bool(step["refusal"]) for step in steps] == [False, False, False, True]
    assert steps[2]["causation"] == heard[1]["fingerprint"]
    run(city, hotline, "replay", "--ticket", ticket, "--output", str(tmp_path / "ticket.jsonl"))
    replayed = objects((tmp_path / "ticket.jsonl").read_text(encoding="utf-8"))
    assert [event["fingerprint"] for event in replayed if not event["type"].startswith("notice.")] == [
        step["fingerprint"] for step in steps if not step["refusal"]
    ]


def test_ctrl_c_ends_a_subscription_with_130_and_loses_nothing(city: RunningCity) -> None:
    """No traceback; what was written is marked, so the next run does not print it again."""
    hotline = city.founded.city.id
    run(city, hotline, *FILED)
    words = ("subscribe", "--system", "interrupted", "--receipts", "--json")
    process = start(city, hotline, *words)
    assert process.stdout is not None
    first = [process.stdout.readline()]
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in err) == (130, False), err
    before = objects("".join([*first, rest]))
    run(city, hotline, *FILED)
    after = objects(run(city, hotline, *words, "--count", "1", "--timeout", "30"))
    places = {(e["delivery"]["stream"], e["delivery"]["partition"], e["delivery"]["n"]) for e in before}
    assert len(places) == len(before) >= 1
    assert not places & {(e["delivery"]["stream"], e["delivery"]["partition"], e["delivery"]["n"]) for e in after}


def test_a_reader_who_has_enough_ends_the_command_quietly(city: RunningCity) -> None:
    """A pipe that closes, as behind ``head``, is 141 like any program, without a traceback."""
    hotline = city.founded.city.id
    run(city, hotline, *FILED)
    process = start(city, hotline, "replay")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert (process.wait(60), "Traceback" in process.stderr.read()) == (141, False)
    process.stderr.close()


def test_a_broker_that_is_away_is_one_sentence_and_2(city: RunningCity) -> None:
    """The sentence names the address and what to look at; nothing is a traceback."""
    env = {**variables(city, WATER), "HUTONG_BOOTSTRAP": "127.0.0.1:9"}
    command = [sys.executable, "-m", "hutong", "org", "list"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "127.0.0.1:9" in done.stderr
    assert "HUTONG_BOOTSTRAP" in done.stderr
    assert "Traceback" not in done.stderr
