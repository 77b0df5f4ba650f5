"""What the demo tells at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hutong.transport import Record
from hutong.wire.stamps import LedgerStamp
from local.cities import City
from local.founding import FoundedCity
from local.report import result_of, show, show_commands
from tests.checker import RULES, Counts, History, Journals, Sent, Verdict

ACCOUNT = {"rejected": 0, "refused": 0}
CITY = City.load("beijing")


def entry(partition: int, offset: int, admitted_ms: int) -> Record:
    stamp = LedgerStamp(
        generation=1, partition=partition, sequence=offset + 1, admitted_ms=admitted_ms, directory=1,
        audience_hash=bytes(32),
    )  # fmt: skip
    headers = (("ce_type", b"complaint.filed.v1"), ("ledger", stamp.to_bytes()))
    return Record(
        topic="ledger", partition=partition, offset=offset, timestamp_ms=0, key=b"k", value=b"", headers=headers
    )


def history(*admitted_ms: tuple[int, ...]) -> History:
    """A ledger that admitted at these times, partition by partition."""
    ledger = {n: tuple(entry(n, at, ms) for at, ms in enumerate(times)) for n, times in enumerate(admitted_ms)}
    return History(
        city=CITY.id, environment="test", registrar_key=bytes(32), generation=1, submissions={}, ledger=ledger,
        refusals={}, directory=(), deliveries={},
    )  # fmt: skip


def verdict(tickets: Mapping[str, int], *, ended: int = 0, ledger_events: int = 0) -> Verdict:
    counts = Counts(
        submissions=1, pending=0, ledger_events=ledger_events, refused=0, refused_by_code={}, deliveries=0,
        tickets=tickets, ended=ended, acknowledged=0, lost=0, duplicates=0, handled=0,
    )  # fmt: skip
    return Verdict(violations=(), looked=Counter(dict.fromkeys(RULES, 1)), counts=counts)


def commands(home: Path, *sent: Sent) -> str:
    founded = FoundedCity(city=CITY, home=home, bootstrap="nowhere:1", registrar_key="0" * 64)
    founded.journals.mkdir()
    (founded.journals / "110000.water.desk.jsonl").touch()
    console = Console(width=200, color_system=None, file=StringIO(), record=True)
    show_commands(console, founded, replace(history(), journals=Journals(sent=sent)))
    return console.export_text()


def shown(verdict: Verdict, result: Mapping[str, Any]) -> str:
    console = Console(width=200, color_system=None, file=StringIO(), record=True)
    show(console, verdict, result, Path("verdict.txt"))
    return console.export_text()


def test_every_end_of_a_ticket_is_told_by_its_name() -> None:
    """What was merged or withdrawn was answered by nobody."""
    found = verdict({"closed": 4, "answered": 3, "merged": 2, "withdrawn": 1, "accepted": 5}, ended=10)
    result = result_of(found, history((0, 1000)), CITY, ACCOUNT)
    told = "15 tickets: 4 closed, 3 answered at once, 2 merged, 1 withdrawn, 5 open; 0 rows rejected."
    assert told in shown(found, result)


def test_the_rate_is_that_of_the_whole_ledger() -> None:
    """From the first admitted event to the last, in whichever partition they are, and however often it was stopped."""
    found = verdict({"filed": 4}, ledger_events=4)
    result = result_of(found, history((7_000, 9_000), (5_000, 13_000)), CITY, ACCOUNT)
    assert (result["seconds"], result["events_per_second"]) == (8.0, 0.5)
    assert "4 events in 8.0 s" in shown(found, result)


@pytest.mark.parametrize("times", [(), (5_000,)])
def test_a_ledger_of_one_moment_has_no_rate(times: tuple[int, ...]) -> None:
    """Nor has an empty one."""
    result = result_of(verdict({}, ledger_events=len(times)), history(times), CITY, ACCOUNT)
    assert (result["seconds"], result["events_per_second"]) == (0.0, None)


def test_the_commands_name_a_ticket_that_was_dispatched(tmp_path: Path) -> None:
    """The first that went to a department; what was only filed is none."""
    filed, dispatched = (
        Sent(at_ms=0, system="110000.dispatch", fingerprint=b"", ticket=ticket, id="i", type=type_, source="110000")
        for ticket, type_ in (("A", "complaint.filed.v1"), ("B", "disposition.dispatched.v1"))
    )
    told = commands(tmp_path, filed, dispatched)
    assert "ticket show B" in told
    assert "access B" in told
    assert "erase B" in told


def test_where_nothing_was_dispatched_the_commands_about_a_ticket_are_left_out(tmp_path: Path) -> None:
    """Three calls may all be answered at once; the others are shown all the same."""
    told = commands(tmp_path)
    assert "110000.water" in told
    assert "replay --output ledger.jsonl" in told
    assert not any(word in told for word in ("ticket show", "access", "erase"))
