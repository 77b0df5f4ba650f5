"""The command on a secured broker, as who may see the whole city, who may see the ledger, and who sees his own side."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hutong.cli.app import app
from tests.securing.secured import AUDIT, CITY, WATER, SecuredCity

pytestmark = pytest.mark.timeout(300)
NOBODYS = "0123456789abcdef"

Command = Callable[..., Result]


@pytest.fixture(params=["kafka-python", "confluent"])
def command(request: pytest.FixtureRequest, secured: SecuredCity) -> Command:
    """Runs words as an organisation of the secured city, with each client library."""

    def run(organisation: str, *words: str, code: int) -> Result:
        values = secured.founded.values(organisation)
        settings = {f"HUTONG_{name.upper()}": value for name, value in values.items()}
        result = CliRunner().invoke(app, words, env={**settings, "HUTONG_CLIENT": request.param, "HUTONG_LANG": "en"})
        assert result.exit_code == code, result.output
        return result

    return run


def told(result: Result) -> dict[str, dict[str, Any]]:
    return {each["topic"]: each for each in map(json.loads, result.stdout.splitlines())}


def test_topics_that_are_closed_are_not_missing(command: Command) -> None:
    """The city's own organisation sees what each is held to; others see that a topic is there, or not even that."""
    whole = told(command(CITY, "topics", "--json", code=0))
    assert whole["ledger"]["settings"]["retention.ms"] == "-1"
    assert f"keys.{WATER}" in whole
    assert {each["closed"] for each in whole.values()} == {None}
    own = told(command(WATER, "topics", "--json", code=0))
    assert {name: each["missing"] for name, each in own.items() if each["missing"]} == {}
    assert "110000.water" in own["ledger"]["closed"]
    assert own[f"deliveries.{WATER}"]["partitions"] == 1
    assert own[f"deliveries.{WATER}"]["closed"]


def test_a_trace_says_whose_side_is_seen(command: Command) -> None:
    """Without the right replay that is one's own alone; with it the ledger's, though not what waits to be judged."""
    assert "with the right replay" in command(WATER, "trace", NOBODYS, code=1).stderr
    assert "closed to 110000.water" in command(WATER, "trace", NOBODYS, "--source", "ledger", code=2).stderr
    assert "on ledger" in command(AUDIT, "trace", NOBODYS, "--source", "ledger", code=1).stderr
    assert "on ledger" in command(CITY, "trace", NOBODYS, code=1).stderr


@pytest.mark.parametrize("who", [CITY, WATER])
def test_what_an_operator_asks_ends_in_an_answer(command: Command, who: str) -> None:
    """Whoever asks, about the whole city or its own side."""
    command(who, "status", "--json", code=0 if who == WATER else 1)
    command(who, "deadletters", "list", "--json", code=0)
    command(who, "refusals", "list", "--json", code=0)
    command(who, "org", "list", "--json", code=0)
