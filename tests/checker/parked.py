"""Dead letters: each carries its delivery, and each delivery that was passed over has one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hutong.subscribing.deadletters import Fold
from hutong.subscribing.letters import Letter, delivered
from hutong.transport import Record
from tests.checker.deliveries import Content, Line
from tests.checker.history import History, Parked
from tests.checker.verdict import Findings

Number = tuple[str, str, int, int]
"""System (``<org>.<system>``), stream, partition, number: one delivery to one system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """What the dead letters of all organisations say. ``waiting`` letters are open; ``skipped`` count as done."""

    waiting: set[Number] = field(default_factory=set)
    skipped: set[Number] = field(default_factory=set)
    handled: set[Number] = field(default_factory=set)

    def excused(self, system: str, stream: str, partition: int) -> set[int]:
        """Numbers of one line that its system need not have handled (yet)."""
        return {n for s, t, p, n in self.waiting | self.skipped if (s, t, p) == (system, stream, partition)}


def check_letters(history: History, lines: Mapping[Line, Sequence[Content]], findings: Findings) -> Letters:
    """Hold the dead letters against the deliveries, and the journals' parked lines against the dead letters."""
    found = Letters()
    for organisation, log in history.deadletters.items():
        fold = Fold(history=True)
        for records in log.values():
            for record in records:
                letter = fold.take(record)
                if isinstance(letter, Letter):
                    _whole(organisation, letter, record, len(log), lines, findings)
        found.waiting.update(_number(organisation, letter) for letter, _ in fold.letters())
        for done in fold.done:
            number = _number(organisation, done.letter)
            if done.how == "handled":
                found.handled.add(number)
                continue
            found.skipped.add(number)
            findings.expect(
                bool(done.reason.strip() and done.by), "skip", f"{done.letter} was skipped without a reason"
            )
    for line in history.journals.parked:
        _written(line, found, findings)
    return found


def _whole(
    organisation: str,
    letter: Letter,
    record: Record,
    partitions: int,
    lines: Mapping[Line, Sequence[Content]],
    findings: Findings,
) -> None:
    stamp, raw = letter.stamp, delivered(record)
    contents = lines.get((organisation, stamp.stream, stamp.partition), ())
    content = contents[stamp.n - 1] if 0 < stamp.n <= len(contents) else None
    whole = content is not None and (raw.key, raw.value, raw.headers) == (
        content.key,
        content.value,
        (*content.headers, ("delivery", stamp.to_bytes())),
    )
    findings.expect(whole, "letter", f"{letter} is not number {stamp.n} of {stamp.stream}/{stamp.partition}")
    right = stamp.partition % partitions
    findings.expect(record.partition == right, "letter", f"{letter} lies in {record.partition}, not in {right}")


def _written(line: Parked, found: Letters, findings: Findings) -> None:
    number = (line.system, line.stream, line.partition, line.n)
    there = number in found.waiting or number in found.skipped or number in found.handled
    what = f"number {line.n} of {line.system} from {line.stream}/{line.partition}"
    findings.expect(there, "parked", f"{what} was noted as parked, and has no letter")


def _number(organisation: str, letter: Letter) -> Number:
    stamp = letter.stamp
    return f"{organisation}.{letter.system}", stamp.stream, stamp.partition, stamp.n


def check_ticket_order(history: History, lines: Mapping[Line, Sequence[Content]], findings: Findings) -> None:
    """What a program was given of one ticket, out of its door or out of its dead letters, came in order.

    Only the first time counts: what a killed system handled and had not yet committed rightly comes again.
    """
    doors = sorted({organisation for organisation, _, _ in lines}, key=len, reverse=True)
    seen: set[Number] = set()
    last: dict[tuple[str, str, int, bytes | None], int] = defaultdict(int)
    for line in history.journals.handled:
        number = (line.system, line.stream, line.partition, line.n)
        organisation = next((name for name in doors if line.system.startswith(f"{name}.")), "")
        contents = lines.get((organisation, line.stream, line.partition), ())
        if number in seen or not 0 < line.n <= len(contents):
            continue
        seen.add(number)
        findings.look("ticket_order")
        ticket = (line.system, line.stream, line.partition, contents[line.n - 1].key)
        if line.n < last[ticket]:
            findings.violated(
                "ticket_order",
                f"number {line.n} of {line.system} from {line.stream}/{line.partition} after {last[ticket]} of the "
                f"same ticket: {contents[line.n - 1].name}",
            )
        last[ticket] = max(last[ticket], line.n)
