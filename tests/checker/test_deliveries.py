"""What the checker says of falsified doors: of deliveries lost, doubled, swapped, altered or misdelivered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hutong.transport import Record
from hutong.wire.stamps import DeliveryStamp
from tests.checker import History, check
from tests.checker.falsify import at_door, flipped, header, with_header, with_headers
from tests.checker.story import AUDITOR, DISTRICT, STREET, WATER


def stamp_of(record: Record) -> DeliveryStamp:
    return DeliveryStamp.from_bytes(header(record, "delivery"))


def numbered(record: Record, n: int) -> Record:
    return with_header(record, "delivery", replace(stamp_of(record), n=n).to_bytes())


def neighbours(log: list[Record]) -> tuple[int, int]:
    """Two deliveries one after the other of one stream and partition."""
    first = stamp_of(log[1])
    second = next(i for i in range(2, len(log)) if stamp_of(log[i]) == replace(first, n=first.n + 1))
    return 1, second


def dropped(history: History) -> History:
    return at_door(history, WATER, lambda log: log[:1] + log[2:])


def the_last_dropped(history: History) -> History:
    return at_door(history, WATER, lambda log: log[:-1])


def dropped_and_closed_up(history: History) -> History:
    """The deliveries behind the gap are numbered as if nothing were missing."""

    def change(log: list[Record]) -> list[Record]:
        gone = stamp_of(log[1])
        line = gone.stream, gone.partition
        return [
            numbered(r, s.n - 1) if (s := stamp_of(r)).n > gone.n and (s.stream, s.partition) == line else r
            for r in log
            if r is not log[1]
        ]

    return at_door(history, WATER, change)


def doubled(history: History) -> History:
    return at_door(history, WATER, lambda log: [*log, log[1]])


def doubled_under_the_next_number(history: History) -> History:
    def change(log: list[Record]) -> list[Record]:
        last = max((r for r in log if stamp_of(r).stream == "ledger"), key=lambda r: stamp_of(r).n)
        return [*log, numbered(last, stamp_of(last).n + 1)]

    return at_door(history, WATER, change)


def swapped(history: History) -> History:
    def change(log: list[Record]) -> list[Record]:
        a, b = neighbours(log)
        log[a], log[b] = log[b], log[a]
        return log

    return at_door(history, WATER, change)


def swapped_under_the_others_numbers(history: History) -> History:
    def change(log: list[Record]) -> list[Record]:
        a, b = neighbours(log)
        first, second = stamp_of(log[a]).n, stamp_of(log[b]).n
        log[a], log[b] = numbered(log[b], first), numbered(log[a], second)
        return log

    return at_door(history, WATER, change)


def an_altered_value(history: History) -> History:
    return at_door(history, WATER, lambda log: [replace(log[0], value=flipped(log[0].value or b"")), *log[1:]])


def an_altered_author_header(history: History) -> History:
    return at_door(history, WATER, lambda log: [with_header(log[0], "ce_id", b"other"), *log[1:]])


def an_altered_stamp(history: History) -> History:
    changed = flipped(header(history.deliveries[WATER][0][0], "ledger"), 20)
    return at_door(history, WATER, lambda log: [with_header(log[0], "ledger", changed), *log[1:]])


def an_altered_submission_stamp(history: History) -> History:
    changed = flipped(header(history.deliveries[WATER][0][0], "submission"), 8)
    return at_door(history, WATER, lambda log: [with_header(log[0], "submission", changed), *log[1:]])


def the_audience_shown(history: History) -> History:
    shown = ("audience", header(history.ledger[0][0], "audience"))
    return at_door(history, WATER, lambda log: [with_headers(log[0], shown), *log[1:]])


def without_a_number(history: History) -> History:
    return at_door(history, WATER, lambda log: [replace(log[0], headers=log[0].headers[:-1]), *log[1:]])


def misdelivered(history: History) -> History:
    """What the street got comes to the utility too, under the utility's next number."""
    mine = {record.key for record in history.deliveries[WATER][0]}
    foreign = next(record for record in history.deliveries[STREET][0] if record.key not in mine)
    return at_door(history, WATER, lambda log: [*log, numbered(foreign, 1000)])


def misdelivered_instead(history: History) -> History:
    """What the street should get comes to the utility instead."""
    mine = {record.key for record in history.deliveries[WATER][0]}
    foreign = next(record for record in history.deliveries[STREET][0] if record.key not in mine)
    history = at_door(history, STREET, lambda log: [record for record in log if record is not foreign])
    return at_door(history, WATER, lambda log: [*log, numbered(foreign, 1000)])


def from_nowhere(history: History) -> History:
    def change(log: list[Record]) -> list[Record]:
        nothing = with_header(numbered(log[0], 1000), "submission", bytes(15) + b"\xff")
        return [*log, nothing]

    return at_door(history, WATER, change)


def a_refusal_delivered_twice(history: History) -> History:
    def change(log: list[Record]) -> list[Record]:
        return [*log, next(r for r in log if stamp_of(r).stream == "refusals")]

    return at_door(history, WATER, change)


def a_refusal_to_somebody_else(history: History) -> History:
    refusal = next(r for r in history.deliveries[WATER][0] if stamp_of(r).stream == "refusals")
    return at_door(history, DISTRICT, lambda log: [*log, numbered(refusal, 1)])


def the_wrong_partition(history: History) -> History:
    """The auditor's door has two partitions: what is in the first lies in the second."""
    moved = history.deliveries[AUDITOR][0]
    history = at_door(history, AUDITOR, lambda log: [], 0)
    return at_door(history, AUDITOR, lambda log: [*log, *moved], 1)


@pytest.mark.parametrize(
    ("falsify", "rules"),
    [
        (dropped, {"missing"}),
        (the_last_dropped, {"missing"}),
        (dropped_and_closed_up, {"numbering", "missing"}),
        (doubled, {"delivered_twice"}),
        (doubled_under_the_next_number, {"numbering", "delivered_twice"}),
        (swapped, {"delivery_order"}),
        (swapped_under_the_others_numbers, {"numbering"}),
        (an_altered_value, {"delivery_altered"}),
        (an_altered_author_header, {"delivery_altered"}),
        (an_altered_stamp, {"delivery_altered"}),
        (an_altered_submission_stamp, {"delivery_altered"}),
        (the_audience_shown, {"delivery_altered"}),
        (without_a_number, {"added", "missing"}),
        (misdelivered, {"misdelivered"}),
        (misdelivered_instead, {"misdelivered", "missing"}),
        (from_nowhere, {"added"}),
        (a_refusal_delivered_twice, {"delivered_twice"}),
        (a_refusal_to_somebody_else, {"misdelivered"}),
        (the_wrong_partition, {"delivery_partition"}),
    ],
)
def test_a_falsified_door_breaks_the_rule_it_must(
    history: History, falsify: Callable[[History], History], rules: set[str]
) -> None:
    """Each falsification is named by its rules, those and no others."""
    verdict = check(falsify(history), complete=True)
    assert {violation.rule for violation in verdict.violations} == rules


def test_what_is_under_way_is_not_missing_before_the_end(history: History) -> None:
    """In a city at work the last deliveries of a line may still come; those before them may not."""
    assert check(the_last_dropped(history)).ok
    assert not check(dropped(history)).ok


def test_a_delivery_twice_counts_as_a_duplicate(history: History) -> None:
    """The number of duplicates includes deliveries."""
    assert check(doubled(history)).counts.duplicates == 1


def test_a_violation_names_the_place(history: History) -> None:
    """Its text leads to topic, partition, offset, ticket and fingerprint."""
    (violation,) = check(an_altered_value(history)).violations
    record = history.deliveries[WATER][0][0]
    assert f"deliveries.{WATER}/0@{record.offset}" in violation.text
    assert (record.key or b"").decode() in violation.text
    assert "fingerprint" in violation.text
