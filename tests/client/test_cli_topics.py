"""``hutong topics``: what the broker keeps, and where that is not what was agreed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hutong.errors import SettingsError
from hutong.transport import TopicSpec
from tests.cities import CITY, TwinCity
from tests.client.cli import Command
from tests.client.test_cli_refusals import WATER

OF_A_CITY = ["_schemas", "checkpoints", "directory", "ledger", "refusals", "submissions"]


def look(command: Command, organisation: str = CITY, code: int = 0) -> dict[str, dict[str, Any]]:
    return {each["topic"]: each for each in command.json(organisation, "topics", code=code)}


def test_a_city_is_as_agreed_when_it_was_founded(command: Command) -> None:
    """The city sees its own and everybody's topics, a department the city's and its own; floors are told."""
    told = look(command)
    assert sorted(name for name in told if "." not in name) == OF_A_CITY
    assert {name for name in told if name.endswith(WATER)} == {
        f"{t}.{WATER}" for t in ("deliveries", "deadletters", "keys")
    }
    assert (told["ledger"]["partitions"], told["ledger"]["agreed"]["partitions"]) == (2, 2)
    assert told["submissions"]["settings"]["retention.ms"] == "2592000000"
    assert f"deliveries.{CITY}" in told
    assert not [name for name in look(command, WATER) if name.endswith(CITY)]
    shown = command.run(CITY, "topics").stdout
    assert "submissions\t2\t30 d\t30 d\t1,024 KiB\t✓" in shown
    assert "ledger\t2\tfor ever\tfor ever" in shown
    assert "_schemas\t1\tnewest of each key" in shown
    assert "all topics are as agreed" in shown
    assert "与约定一致" in command.run(CITY, "topics", variables={"HUTONG_LANG": "zh"}).stdout


def test_what_drifted_is_named_with_what_was_agreed(command: Command, cli_city: TwinCity) -> None:
    """A floor that was undercut, a policy that deletes, a size that refuses; the exit code is 1."""
    cli_city.transport.configure(f"deliveries.{WATER}", retention_ms="3600000")
    cli_city.transport.configure("_schemas", cleanup_policy="delete")
    told = look(command, code=1)
    assert told[f"deliveries.{WATER}"]["drift"] == [
        {"setting": "retention.ms", "agreed": "7776000000", "found": "3600000"}
    ]
    assert [each["setting"] for each in told["_schemas"]["drift"]] == ["cleanup.policy"]
    assert not told["ledger"]["drift"]
    shown = command.run(CITY, "topics", code=1).stdout
    assert "90 d\t1 h\t2,048 KiB\tretention.ms is 3600000, agreed 7776000000" in shown
    assert "2 topics are not as agreed" in shown


def test_who_keeps_longer_than_the_floor_is_as_agreed(command: Command, cli_city: TwinCity) -> None:
    for longer in ("7776000001", "-1"):
        cli_city.transport.configure(f"deliveries.{WATER}", retention_ms=longer)
        look(command)
    cli_city.transport.configure("ledger", retention_ms="9999999999999")  # for ever has no longer
    assert look(command, code=1)["ledger"]["drift"]


def test_a_missing_topic_and_other_partitions_are_drift(command: Command, cli_city: TwinCity) -> None:
    """As a broker that was restored in part has them."""
    del cli_city.transport.logs["checkpoints"]
    del cli_city.transport.logs["refusals"]
    cli_city.transport.create([TopicSpec(name="refusals", partitions=5, replication=1, config={})])
    told = look(command, code=1)
    assert (told["checkpoints"]["missing"], told["checkpoints"]["partitions"]) == (True, None)
    assert {"setting": "partitions", "agreed": "2", "found": "5"} in told["refusals"]["drift"]
    assert "checkpoints\t-\tfor ever\t-\t-\tmissing" in command.run(CITY, "topics", code=1).stdout


def test_what_is_closed_is_shown_as_closed(
    command: Command, cli_city: TwinCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One topic whose settings this client may not read ends nothing, and is no drift."""
    configs = cli_city.transport.configs

    def closed(topics: Sequence[str]) -> dict[str, dict[str, str]]:
        if "ledger" in topics:
            raise SettingsError("ledger: not authorized")
        return configs(topics)

    monkeypatch.setattr(cli_city.transport, "configs", closed)
    told = look(command, WATER)
    assert told["ledger"]["closed"] == "ledger: not authorized"
    assert told["submissions"]["settings"]["retention.ms"] == "2592000000"
    assert "closed to you" in command.run(WATER, "topics").stdout
