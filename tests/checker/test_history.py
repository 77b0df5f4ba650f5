"""What the checker says of a true history, and of none."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.checker import RULES, History, Journals, check, latencies
from tests.checker.story import SYSTEMS, WATER


def test_a_true_history_keeps_every_rule(history: History) -> None:
    """Every rule had something to look at, and found nothing."""
    verdict = check(history, complete=True, systems=SYSTEMS)
    assert verdict.violations == ()
    assert verdict.ok
    assert verdict.unlooked == ()


def test_counts_say_how_much_there_was(history: History) -> None:
    """The counts are those of the records, the tickets' states those of the story."""
    counts = check(history).counts
    assert counts.submissions == sum(map(len, history.submissions.values())) > 70
    assert counts.ledger_events == sum(map(len, history.ledger.values())) > 40
    assert counts.refused == sum(counts.refused_by_code.values()) > 20
    assert counts.deliveries == sum(len(log) for door in history.deliveries.values() for log in door.values())
    assert counts.handled == len(history.journals.handled) > counts.deliveries
    assert counts.tickets == {
        "accepted": 1, "answered": 1, "closed": 4, "dispatched": 2, "filed": 5, "merged": 1, "reopened": 1,
        "resolved": 3, "withdrawn": 1,
    }  # fmt: skip
    assert (counts.ended, counts.lost, counts.duplicates, counts.pending) == (7, 0, 0, 0)


def test_the_story_is_refused_for_many_reasons(history: History) -> None:
    """A history with few refusals would prove little about them."""
    assert len(check(history).counts.refused_by_code) >= 21


def test_nothing_is_not_in_order(history: History) -> None:
    """A verdict over an empty history is not ok, and shows that there was nothing to look at."""
    empty: dict[int, tuple[()]] = {0: ()}
    nothing = replace(
        history,
        submissions=empty,
        ledger=empty,
        refusals=empty,
        directory=(),
        deliveries={},
        deadletters={},
        journals=Journals(),
        admit_states={},
        deliver_states={},
    )
    verdict = check(nothing, complete=True)
    assert verdict.violations == ()
    assert not verdict.ok
    assert verdict.unlooked == tuple(RULES)
    assert "✓" not in verdict.summary()


def test_a_verdict_is_json(history: History) -> None:
    """It says the same as JSON."""
    verdict = json.loads(json.dumps(check(history).to_json()))
    assert verdict["ok"] is True
    assert verdict["looked"]["sequence"] == verdict["ledger_events"]


def test_latency_runs_from_sent_to_handled(history: History) -> None:
    """One figure for each event that the department's program was given, of the types asked for."""
    dispatched = latencies(history, [f"{WATER}.desk"], ["disposition.dispatched.v1"])
    assert len(dispatched) == 8
    assert all(figure >= 0 for figure in dispatched)
    assert len(latencies(history, [f"{WATER}.desk"])) > len(dispatched)


def test_what_is_not_reached_yet_is_pending(history: History) -> None:
    """A city at work owes an outcome to its last submissions; at the end of a run it is late no more."""
    ledger = {partition: records[:-3] for partition, records in history.ledger.items()}
    refusals = {
        partition: tuple(record for record in records if record.headers[0][1] < ledger[partition][-1].headers[-5][1])
        for partition, records in history.refusals.items()
    }
    early = replace(history, ledger=ledger, refusals=refusals)
    assert check(early).counts.pending >= 6
    assert not check(early).of("outcome")
    assert check(early, complete=True).of("outcome")
