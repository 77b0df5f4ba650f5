"""Dead letters: their bytes, and what folding them says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hutong.errors import InvalidEvent
from hutong.subscribing.deadletters import Fold, Place
from hutong.subscribing.letters import Control, Failure, Letter, What, control_record, delivered, letter_record, read
from hutong.transport import Outgoing, Record
from hutong.wire.stamps import DeliveryStamp

TOPIC, SYSTEM, TICKET = "deadletters.110000.water", "desk", b"110000-20260131-0G7XK2M9QZ"
FAILURE = Failure(reason="ValueError: 坏", stack="Traceback …", first_ms=1, last_ms=2, tries=4)


def delivery(n: int, *, key: bytes | None = TICKET, headers: tuple[tuple[str, bytes], ...] = ()) -> Record:
    stamp = DeliveryStamp(stream="ledger", partition=3, n=n).to_bytes()
    return Record(
        topic="deliveries.110000.water", partition=1, offset=n + 100, timestamp_ms=5, key=key, value=b"value",
        headers=(("ce_type", b"complaint.filed.v1"), *headers, ("delivery", stamp)),
    )  # fmt: skip


class Log:
    """The dead letters' partition 1: what is written, in order."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def write(self, outgoing: Outgoing) -> int:
        assert outgoing.partition == 1
        self.records.append(
            Record(
                topic=outgoing.topic, partition=1, offset=len(self.records), timestamp_ms=9, key=outgoing.key,
                value=outgoing.value, headers=outgoing.headers,
            )
        )  # fmt: skip
        return len(self.records) - 1

    def letter(self, n: int, *, behind: bool = False, writer: str = "w1", system: str = SYSTEM, **given: Any) -> int:
        failure = None if behind else FAILURE
        return self.write(
            letter_record(delivery(n, **given), topic=TOPIC, system=system, writer=writer, failure=failure)
        )

    def control(self, what: What, letter: int | None = None, *, key: bytes = TICKET, system: str = SYSTEM) -> int:
        failure = FAILURE if what == "failed" else None
        control = Control(
            what=what, system=system, key=key, letter=letter, reason="因", by="ann", at_ms=7, failure=failure
        )
        return self.write(control_record(control, topic=TOPIC, partition=1))

    def fold(self, **given: Any) -> Fold:
        fold = Fold(**given)
        for record in self.records:
            fold.take(record)
        return fold


def numbers(fold: Fold) -> list[int]:
    return [letter.stamp.n for letter, _ in fold.letters()]


@pytest.mark.parametrize("headers", [(), (("system", b"x"), ("control", b"y"), ("deadletter", b"\xff"))])
def test_a_letter_is_the_delivery_and_two_headers(headers: tuple[tuple[str, bytes], ...]) -> None:
    """Whatever headers a refused submission had, the delivery comes out of its letter as it went in."""
    log = Log()
    log.letter(7, headers=headers)
    letter = read(log.records[0])
    assert isinstance(letter, Letter)
    assert (letter.stamp.n, letter.system, letter.type, letter.failure) == (7, SYSTEM, "complaint.filed.v1", FAILURE)
    original = delivery(7, headers=headers)
    again = delivered(log.records[0])
    assert (again.key, again.value, again.headers) == (original.key, original.value, original.headers)
    assert log.records[0].headers[: len(original.headers)] == original.headers
    assert len(log.records[0].headers) == len(original.headers) + 2


@pytest.mark.parametrize(
    "broken",
    [
        {"headers": ()},
        {"headers": (("system", b"desk"), ("deadletter", b"{}"))},
        {"headers": (("system", b"desk"), ("control", b"[]"))},
        {"headers": (("system", b"desk"), ("control", b'{"what":"burn","reason":"","by":"","at":1,"letter":1}'))},
        {"headers": (("system", b"desk"), ("control", b'{"what":"skip","reason":"","by":"","at":1}'))},
        {"headers": (("system", b"\xff"), ("control", b"{}"))},
    ],
)
def test_what_is_no_letter_is_said_and_passed_over(broken: dict[str, Any]) -> None:
    """Reading names the place; the fold goes on."""
    log = Log()
    log.letter(1)
    bad = replace(log.records[0], offset=1, **broken)
    with pytest.raises(InvalidEvent, match=r"deadletters\.110000\.water/1@1 is no dead letter"):
        read(bad)
    log.records.append(bad)
    log.letter(2)
    assert numbers(log.fold()) == [1, 2]


def test_a_failure_keeps_the_end_of_its_stack_and_no_values() -> None:
    """300 characters of reason, 4 KB of stack, no values of variables, also where the error cannot say itself."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def deep(n: int) -> None:
        if n:
            deep_secret = f"secret-{n}"
            assert deep_secret
            deep(n - 1)
        raise ValueError("水" * 5000)

    for kind, error in (("ValueError: 水水", deep), ("Mute", Mute)):
        try:
            if error is deep:
                deep(3)
            raise Mute
        except (ValueError, Mute) as caught:
            failure = Failure.of(caught, first_ms=1, last_ms=2, tries=1)
        assert failure.reason.startswith(kind)
        assert len(failure.reason) <= 300
        assert len(failure.stack.encode()) <= 4096
        assert "secret-2" not in failure.stack


def test_a_reason_of_broken_text_can_be_written() -> None:
    """Half a character in an error's words does not stop the letter."""
    log = Log()
    failure = replace(FAILURE, reason="ValueError: \ud800 坏")
    log.write(letter_record(delivery(1), topic=TOPIC, system=SYSTEM, writer="w", failure=failure))
    json.loads(log.records[0].headers[-1][1])
    letter = read(log.records[0])
    assert isinstance(letter, Letter)
    assert letter.failure == failure


def test_a_ticket_is_parked_until_its_last_letter_is_over() -> None:
    """Handled and skipped letters are history; the ticket goes on when none is left; other systems are their own."""
    log = Log()
    first, second = log.letter(1), log.letter(2, behind=True)
    log.letter(1, system="other")
    fold = log.fold(history=True)
    ticket = fold.ticket(1, SYSTEM, TICKET)
    assert ticket is not None
    assert not ticket.released
    assert [letter.failure for letter in ticket.letters] == [FAILURE, None]
    log.control("release")
    released = log.fold().ticket(1, SYSTEM, TICKET)
    assert released is not None
    assert released.released
    log.control("handled", first)
    log.control("skip", second)
    fold = log.fold(history=True)
    assert fold.ticket(1, SYSTEM, TICKET) is None
    assert [(done.letter.stamp.n, done.how, done.reason, done.by) for done in fold.done] == [
        (1, "handled", "因", "ann"),
        (2, "skipped", "因", "ann"),
    ]
    assert fold.ticket(1, "other", TICKET) is not None
    assert log.fold(system="other").tickets.keys() == {(1, "other", TICKET)}
    assert all(fold.has(1, SYSTEM, letter.letter.stamp) for letter in fold.done)


def test_a_letter_that_fails_again_parks_its_ticket_again() -> None:
    """Its tries add up, its first failure stays; the letters keep their order."""
    log = Log()
    first = log.letter(1)
    log.letter(2, behind=True)
    log.control("release")
    log.control("failed", first)
    fold = log.fold()
    ticket = fold.ticket(1, SYSTEM, TICKET)
    assert ticket is not None
    assert not ticket.released
    assert [letter.failure and letter.failure.tries for letter in ticket.letters] == [8, None]
    assert numbers(fold) == [1, 2]


def test_an_overtaken_letter_counts_for_nothing() -> None:
    """Nor does one for the same delivery, unless the first of them was overtaken: no order of the two loses it."""
    log = Log()
    first = log.letter(1, writer="zombie")
    second = log.letter(1, writer="owner")
    assert [letter.offset for letter, _ in log.fold().letters()] == [first]
    log.control("overtaken", first)
    assert [letter.offset for letter, _ in log.fold().letters()] == [second]
    log.control("overtaken", second)
    assert log.fold().tickets == {}
    assert not log.fold().has(1, SYSTEM, DeliveryStamp(stream="ledger", partition=3, n=1))


def test_what_was_written_here_counts_once() -> None:
    """A program lets its own records count when they are acknowledged, and reads them later without effect."""
    log, fold = Log(), Fold(system=SYSTEM)
    for offset in (log.letter(1), log.control("failed", 0)):
        fold.wrote(read(log.records[offset]), Place(1, offset))
    for record in log.records:
        fold.take(record)
    assert [letter.failure and letter.failure.tries for letter, _ in fold.letters()] == [8]


def test_only_stamps_that_could_come_again_are_kept() -> None:
    """Behind the marks a closed letter's delivery is forgotten; an open one's never."""
    log = Log()
    log.control("handled", log.letter(1))
    log.letter(2, key=b"other")
    log.control("handled", log.letter(3))
    fold = log.fold()
    fold.forget(1, [DeliveryStamp(stream="ledger", partition=3, n=2)])
    stamps = [DeliveryStamp(stream="ledger", partition=3, n=n) for n in (1, 2, 3)]
    assert [fold.has(1, SYSTEM, stamp) for stamp in stamps] == [False, True, True]
