"""What the checker says of dead letters that do not fit the deliveries and the journals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hutong.subscribing.letters import Control, Letter, read
from hutong.transport import Record
from tests.checker import Handled, History, check
from tests.checker.falsify import among_letters, flipped, in_journal
from tests.checker.story import CREW, SYSTEMS, WATER


def is_letter(record: Record) -> bool:
    return isinstance(read(record), Letter)


def is_skip(record: Record) -> bool:
    found = read(record)
    return isinstance(found, Control) and found.what == "skip"


def waits(history: History) -> int:
    """Where the last letter lies: it is one that waits."""
    return max(record.offset for record in history.deadletters[WATER][0] if is_letter(record))


def a_letter_lost(history: History) -> History:
    """The mark moved past a delivery whose letter is not there, as if it had been committed ahead of it."""
    last = waits(history)
    return among_letters(history, WATER, lambda log: [record for record in log if record.offset != last])


def a_letter_never_written(history: History) -> History:
    """As above, and the journal says nothing either."""
    lost = a_letter_lost(history)
    stamp = read(history.deadletters[WATER][0][waits(history)])
    assert isinstance(stamp, Letter)
    parked = [
        line for line in lost.journals.parked if (line.partition, line.n) != (stamp.stamp.partition, stamp.stamp.n)
    ]
    return replace(lost, journals=replace(lost.journals, parked=tuple(parked)))


def a_skip_lost(history: History) -> History:
    """Nobody knows any more why the event was not handled: it waits again, and the ticket's later ones went on."""
    return among_letters(history, WATER, lambda log: [record for record in log if not is_skip(record)])


def a_skip_without_a_reason(history: History) -> History:
    def silent(record: Record) -> Record:
        system, (name, told) = record.headers
        return replace(record, headers=(system, (name, told.replace("因".encode(), b""))))

    return among_letters(history, WATER, lambda log: [silent(r) if is_skip(r) else r for r in log])


def an_altered_letter(history: History) -> History:
    last = waits(history)
    return among_letters(
        history,
        WATER,
        lambda log: [replace(r, value=flipped(r.value or b"")) if r.offset == last else r for r in log],
    )


def a_letter_handled_unseen(history: History) -> History:
    """The dead letters say it was handled, the program's journal does not."""
    return in_journal(history, CREW, lambda lines: [line for line in lines if not line.letter])


def replayed_out_of_order(history: History) -> History:
    def change(lines: list[Handled]) -> list[Handled]:
        first, second = [at for at, line in enumerate(lines) if line.letter][:2]
        lines[first], lines[second] = lines[second], lines[first]
        return lines

    return in_journal(history, CREW, change)


@pytest.mark.parametrize(
    ("falsify", "rules"),
    [
        (a_letter_lost, {"parked", "unhandled"}),
        (a_letter_never_written, {"unhandled"}),
        (a_skip_lost, set()),
        (a_skip_without_a_reason, {"skip"}),
        (an_altered_letter, {"letter"}),
        (a_letter_handled_unseen, {"unhandled"}),
        (replayed_out_of_order, {"ticket_order"}),
    ],
)
def test_a_falsified_letter_breaks_the_rule_it_must(
    history: History, falsify: Callable[[History], History], rules: set[str]
) -> None:
    """Each falsification is named by its rules, those and no others."""
    verdict = check(falsify(history), complete=True, systems=SYSTEMS)
    assert {violation.rule for violation in verdict.violations} == rules


def test_the_story_has_letters_of_every_fate(history: History) -> None:
    """Some were replayed, one was skipped, some wait: otherwise the tests above would show little."""
    assert len(history.journals.parked) > 5
    assert sum(is_skip(record) for record in history.deadletters[WATER][0]) == 1
    assert sum(line.letter for line in history.journals.handled) > 2
    handled = {(line.system, line.partition, line.n) for line in history.journals.handled}
    assert any((line.system, line.partition, line.n) not in handled for line in history.journals.parked)
