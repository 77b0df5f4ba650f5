"""Who reads what others than the city may write says so: it is unpacked in bounded memory then (ADR 0013, ADR 0019)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import hutong
from hutong.testing import MemoryTransport
from hutong.transport import Partition
from tests.cities import CITY, TwinCity
from tests.client.cli import Command
from tests.client.desk import WATER
from tests.client.parked import LIFE, Desk, lives, run
from tests.client.test_cli_submit import FILED
from tests.docs.recompute import ROOT

STRANGERS = {
    "hutong/keyring.py _open": "True",  # keys.<organisation>
    "hutong/looking.py look": "True",  # submissions, and transactions that are open
    "hutong/subscribing/deadletters.py letters": "True",
    "hutong/subscribing/parking.py _reader": "True",  # deadletters.<organisation>
    "hutong/tracing.py _consumer": "strangers",  # submissions, and what the city wrote
    "services/custodian/mailbox.py __init__": "True",  # keys.<custodian>
    "services/owning/running.py run": "strangers",  # admit's submissions, deliver's ledger
}
THE_CITY = {  # ledger, refusals, doors, directory, schemas; or nothing but positions
    "hutong/client.py subscribe",
    "hutong/looking.py look",
    "hutong/reading.py replay",
    "hutong/refusals.py _reader",
    "hutong/registry.py _open",
    "hutong/schemalog.py read",
    "hutong/submitting/receipts.py _reader",
    "hutong/subscribing/gaps.py find",
    "hutong/watching.py __init__",
    "services/deliver/__main__.py work",
    "services/deliver/again.py _wanted",
    "services/owning/command.py rebuild_all",
    "services/owning/recall.py bring_up",
}


def consumers() -> Iterator[tuple[str, str | None]]:
    """Every consumer that is made: file and function, and what it says of strangers."""
    for package in (Path(hutong.__file__).parent, ROOT / "services"):
        for file in sorted(package.rglob("*.py")):
            if "transport" not in (told := file.relative_to(package.parent)).parts:
                yield from made_in(file, str(told))


def made_in(file: Path, told: str) -> Iterator[tuple[str, str | None]]:
    within: dict[ast.Call, str] = {}  # the innermost function: the outer ones come first
    for function in ast.walk(ast.parse(file.read_text())):
        if isinstance(function, ast.FunctionDef):
            within |= {node: function.name for node in ast.walk(function) if isinstance(node, ast.Call)}
    for call, name in within.items():
        if isinstance(call.func, ast.Attribute) and call.func.attr == "consumer":
            said = {word.arg: ast.unparse(word.value) for word in call.keywords}
            yield f"{told} {name}", said.get("strangers")


def test_every_consumer_says_whom_it_reads() -> None:
    """A new one belongs into one of the two lists; who reads both kinds says which, and is watched below."""
    made = list(consumers())
    assert {where: said for where, said in made if said is not None} == STRANGERS
    assert {where for where, said in made if said is None} == THE_CITY


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, bool]]:
    """What is read from now on: topic, and whether as strangers'."""
    found: set[tuple[str, bool]] = set()
    consumer = MemoryTransport.consumer

    def watched(self: MemoryTransport, *, strangers: bool = False, **settings: Any) -> Any:
        reader: Any = consumer(self, strangers=strangers, **settings)
        assign, subscribe = reader.assign, reader.subscribe

        def assigned(partitions: Sequence[Partition]) -> None:
            found.update((place.topic, strangers) for place in partitions)
            assign(partitions)

        def subscribed(topics: Sequence[str]) -> None:
            found.update((topic, strangers) for topic in topics)
            subscribe(topics)

        reader.assign, reader.subscribe = assigned, subscribed
        return reader

    monkeypatch.setattr(MemoryTransport, "consumer", watched)
    return found


@pytest.mark.usefixtures("quick")
def test_what_others_may_write_is_read_as_strangers(
    command: Command, cli_city: TwinCity, read: set[tuple[str, bool]]
) -> None:
    """By a system that parks, by the command over its letters, by a trace of what waits, by the city's status."""
    cli_city.register("110000.heat")
    (ticket,) = lives(cli_city, 1)
    run(cli_city, Desk((ticket, LIFE[2])))
    command.json(WATER, "deadletters", "list")
    cli_city.lively = False
    (sent,) = command.json(CITY, *FILED, "--wait", "acknowledged")
    command.json(CITY, "trace", sent["id"])
    command.run(CITY, "status", code=1)
    others = {(topic, strangers) for topic, strangers in read if topic == "submissions" or "deadletters" in topic}
    assert others == {("submissions", True), (f"deadletters.{WATER}", True)}
    assert ("ledger", False) in read
