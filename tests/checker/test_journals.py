"""What the checker says of journals that do not fit what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hutong.journal import Journal
from tests.checker import Acknowledged, Handled, History, check, read_journals
from tests.checker.falsify import in_journal
from tests.checker.handling import latencies
from tests.checker.story import STREET, SYSTEMS, WATER
from tests.cities import CITY

DESK = f"{WATER}.desk"


def unhandled(history: History) -> History:
    return in_journal(history, DESK, lambda lines: lines[:1] + lines[2:])


def the_last_unhandled(history: History) -> History:
    return in_journal(history, DESK, lambda lines: lines[:-1])


def nothing_handled(history: History) -> History:
    return in_journal(history, DESK, lambda lines: [])


def handled_twice(history: History) -> History:
    return in_journal(history, DESK, lambda lines: [*lines, lines[3]])


def phantom(history: History) -> History:
    return in_journal(history, DESK, lambda lines: [*lines, replace(lines[-1], n=1000)])


def of_another_stream(history: History) -> History:
    return in_journal(history, DESK, lambda lines: [*lines, replace(lines[-1], stream="ledger", partition=7)])


def another_event(history: History) -> History:
    return in_journal(history, DESK, lambda lines: [replace(lines[0], fingerprint=bytes(32)), *lines[1:]])


def out_of_order(history: History) -> History:
    def change(lines: list[Handled]) -> list[Handled]:
        first = lines[0]
        later = next(i for i in range(1, len(lines)) if lines[i].n == first.n + 1 and lines[i].stream == first.stream)
        lines[0], lines[later] = lines[later], first
        return lines

    return in_journal(history, DESK, change)


def acknowledged_but_lost(history: History) -> History:
    line = Acknowledged(at_ms=1, system=f"{CITY}.hotline", fingerprint=bytes(32))
    return replace(history, journals=replace(history.journals, acknowledged=(*history.journals.acknowledged, line)))


def unreadable(history: History) -> History:
    return replace(history, journals=replace(history.journals, unreadable=("a.jsonl line 3: torn",)))


@pytest.mark.parametrize(
    ("falsify", "rules"),
    [
        (unhandled, {"unhandled"}),
        (the_last_unhandled, {"unhandled"}),
        (nothing_handled, {"unhandled"}),
        (handled_twice, {"handled_twice"}),
        (phantom, {"phantom"}),
        (of_another_stream, {"phantom"}),
        (another_event, {"phantom", "unhandled"}),
        (out_of_order, {"handled_order", "ticket_order"}),
        (acknowledged_but_lost, {"lost"}),
        (unreadable, {"journal"}),
    ],
)
def test_a_falsified_journal_breaks_the_rule_it_must(
    history: History, falsify: Callable[[History], History], rules: set[str]
) -> None:
    """Each falsification is named by its rules, those and no others."""
    verdict = check(falsify(history), complete=True, systems=SYSTEMS)
    assert {violation.rule for violation in verdict.violations} == rules


def test_a_system_at_work_may_be_behind(history: History) -> None:
    """Before the end of a run only gaps count, not what is still to be handled."""
    assert check(the_last_unhandled(history)).ok
    assert check(unhandled(history)).of("unhandled")


def test_a_system_that_started_now_begins_at_its_first(history: History) -> None:
    """What came before it is not its business; a gap afterwards is."""
    late = in_journal(history, DESK, lambda lines: [line for line in lines if line.stream != "ledger" or line.n > 4])
    assert check(late, complete=True, joined_late=[DESK]).ok
    assert check(late, complete=True).of("unhandled")
    gap = in_journal(history, DESK, lambda lines: [line for line in lines if line.n not in (4, 6)])
    assert check(gap, complete=True, joined_late=[DESK]).of("unhandled")


def test_a_killed_system_may_handle_again(history: History) -> None:
    """What was handled but not yet committed when it was killed comes again; a system left alone has no excuse."""
    again = in_journal(history, DESK, lambda lines: [*lines[:9], *lines[5:]])
    assert check(again, complete=True, restarted=[DESK]).ok
    assert check(again, complete=True).of("handled_twice")


def test_a_unit_is_found_in_a_systems_name(history: History) -> None:
    """`110105` is also a prefix of the street's `110105026`; the longest organisation that fits is meant."""
    lines = [line for line in history.journals.handled if line.system == f"{STREET}.desk"]
    assert len(lines) > 20
    assert not check(history, complete=True, systems=[f"{STREET}.desk"]).violations


def test_a_program_with_an_outbox_may_note_the_same_event_again(history: History, tmp_path: Path) -> None:
    """Killed between the broker's answer and its own disk, it sends the same bytes again, and notes *sent* and
    *acknowledged* again: one event, whose latency begins with the first *sent*."""
    journals = history.journals
    sent = tuple(replace(line, at_ms=line.at_ms + 60_000) for line in journals.sent)
    again = replace(
        history, journals=replace(journals, sent=journals.sent + sent, acknowledged=journals.acknowledged * 2)
    )
    told, once = check(again, complete=True, systems=SYSTEMS), check(history, complete=True, systems=SYSTEMS)
    assert told.ok
    assert told.counts.acknowledged == once.counts.acknowledged > 0
    assert latencies(again, [DESK]) == latencies(history, [DESK]) != []
    lost = acknowledged_but_lost(acknowledged_but_lost(again))
    assert len(check(lost, complete=True, systems=SYSTEMS).of("lost")) == 1


def test_journals_are_read_line_by_line(history: History, tmp_path: Path) -> None:
    """A torn or foreign line is named with file and line, the others count."""
    good = '{"at": 1, "what": "acknowledged", "fingerprint": "00"}\n'
    (tmp_path / "110000.a.jsonl").write_text(good + '{"at": 1, "wh' + "\n" + '{"at": 1, "what": "dreamt"}\n' + good)
    journals = read_journals(tmp_path)
    assert [line.system for line in journals.acknowledged] == ["110000.a"] * 2
    assert len(journals.unreadable) == 2
    assert all(f"110000.a.jsonl line {number}" in journals.unreadable[number - 2] for number in (2, 3))


def test_a_line_that_a_kill_cut_short_counts_for_nothing(tmp_path: Path) -> None:
    """Whoever goes on in the journal ends it; its own lines count, and nothing is unreadable."""
    path = tmp_path / "110000.a.jsonl"
    path.write_text('{"at": 1, "what": "acknowledged", "fingerprint": "00"}\n{"at": 1, "wh')
    for _ in range(2):
        Journal(tmp_path, "110000", "a", "test").close()
    with path.open("a") as file:
        file.write('{"at": 2, "what": "acknowledged", "fingerprint": "01"}\n')
    journals = read_journals(tmp_path)
    assert [line.fingerprint for line in journals.acknowledged] == [b"\0", b"\1"]
    assert journals.unreadable == ()
