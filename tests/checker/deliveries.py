"""Who must get what, in what order, under which number; held against what lies in ``deliveries.<org>``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hutong.errors import InvalidEvent
from hutong.transport import Header, Record
from hutong.wire.stamps import DeliveryStamp, Stream
from tests.checker.history import Log
from tests.checker.records import Entry, Refusal
from tests.checker.verdict import Findings

Line = tuple[str, str, int]
"""Organisation, stream, partition of the stream: what is numbered by itself."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Content:
    """A delivery before its number. ``origin`` is its submission stamp's bytes, which no other content shares."""

    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    fingerprint: bytes
    origin: bytes
    name: str


@dataclass(slots=True, kw_only=True)
class Expected:
    """Everything one partition of ledger and refusals brings about."""

    lines: dict[Line, list[Content]] = field(default_factory=dict)
    histories: dict[str, list[Content]] = field(default_factory=dict)
    participants: dict[str, set[str]] = field(default_factory=dict)
    singles: set[tuple[str, str, int]] = field(default_factory=set)
    """Ticket, organisation, place: what an organisation got of a ticket without being its participant."""

    def give(self, organisation: str, stream: Stream, partition: int, content: Content) -> None:
        """The next delivery on a line; its number is its place there, from 1."""
        self.lines.setdefault((organisation, stream, partition), []).append(content)


def expect_deliveries(partition: int, entries: Sequence[Entry], refusals: Sequence[Refusal]) -> Expected:
    """What the ledger (as it says itself who may see it) and the refusals of one partition must bring about."""
    expected = Expected()
    for entry in entries:
        _expect_entry(expected, partition, entry)
    for refusal in refusals:
        if refusal.stamp.returned_to:
            submission = refusal.reading.submission
            nothing = submission.key is None and submission.value is None  # a record needs one of them
            content = Content(
                key=b"" if nothing else submission.key,
                value=submission.value,
                headers=(*submission.headers, *refusal.record.headers),
                fingerprint=refusal.reading.fingerprint,
                origin=refusal.record.headers[0][1],
                name=str(refusal),
            )
            expected.give(refusal.stamp.returned_to, "refusals", partition, content)
    return expected


def _expect_entry(expected: Expected, partition: int, entry: Entry) -> None:
    record = entry.record
    content = Content(
        key=record.key,
        value=record.value,
        headers=tuple(header for header in record.headers if header[0] != "audience"),
        fingerprint=entry.reading.fingerprint,
        origin=entry.submitted.to_bytes(),
        name=str(entry),
    )
    ticket = (record.key or b"").decode("utf-8", "replace")
    history = expected.histories.setdefault(ticket, [])
    joined = expected.participants.setdefault(ticket, set())
    history.append(content)
    place = len(history)
    for organisation in entry.audience.participants:
        if organisation not in joined:
            for earlier, missed in enumerate(history[:-1], 1):
                if (ticket, organisation, earlier) not in expected.singles:
                    expected.give(organisation, "ledger", partition, missed)
            expected.singles -= {(ticket, organisation, earlier) for earlier in range(1, place)}
            joined.add(organisation)
        expected.give(organisation, "ledger", partition, content)
    for organisation in entry.audience.matches:
        if organisation not in joined:
            expected.singles.add((ticket, organisation, place))
            expected.give(organisation, "ledger", partition, content)


class Doors:
    """Compares deliveries found with those expected."""

    def __init__(self, lines: Mapping[Line, Sequence[Content]], findings: Findings) -> None:
        self.repeated = 0
        """Deliveries found twice."""
        self._lines = lines
        self._findings = findings
        self._places: dict[Line, dict[bytes, int]] = {}
        self._known: dict[tuple[str, bytes], Content] = {}
        for (_, stream, _), contents in lines.items():
            for content in contents:
                self._known[stream, content.origin] = content

    def check(self, deliveries: Mapping[str, Log], *, complete: bool) -> int:
        """Judge all doors; how many deliveries there were. Unless ``complete``, what comes last may be under way."""
        count = 0
        arrived: dict[Line, set[int]] = {line: set() for line in self._lines}
        for organisation, log in deliveries.items():
            for partition, records in log.items():
                last: dict[Line, int] = {}
                for record in records:
                    self._one(organisation, partition, len(log), record, arrived, last)
                count += len(records)
        self._findings.look(
            "added",
            "misdelivered",
            "delivery_altered",
            "delivered_twice",
            "numbering",
            "delivery_order",
            "delivery_partition",
            count=count,
        )
        for line, contents in self._lines.items():
            self._missing(line, contents, arrived[line], complete)
        return count

    def _one(
        self,
        organisation: str,
        partition: int,
        partitions: int,
        record: Record,
        arrived: dict[Line, set[int]],
        last: dict[Line, int],
    ) -> None:
        try:
            if not record.headers or record.headers[-1][0] != "delivery":
                raise InvalidEvent("bad_stamp", "its last header is not `delivery`")
            stamp = DeliveryStamp.from_bytes(record.headers[-1][1])
        except InvalidEvent as error:
            self._findings.violated("added", f"{_place(record)}: {error}")
            return
        line: Line = (organisation, stamp.stream, stamp.partition)
        contents = self._lines.get(line, ())
        wanted = contents[stamp.n - 1] if 0 < stamp.n <= len(contents) else None
        if wanted is not None and _same(record, wanted):
            n = stamp.n
        else:
            found = self._classify(line, stamp.n, wanted, record)
            if found is None:
                return
            n = found
        if n in arrived[line]:
            self.repeated += 1
            self._findings.violated("delivered_twice", f"{_place(record)} is number {n} of {_name(line)} again")
            return
        arrived[line].add(n)
        if stamp.n < last.get(line, 0):
            self._findings.violated("delivery_order", f"{_place(record)}: {stamp.n} comes after {last[line]}")
        last[line] = max(stamp.n, last.get(line, 0))
        if stamp.partition % partitions != partition:
            self._findings.violated("delivery_partition", f"{_place(record)}: not in {stamp.partition % partitions}")

    def _classify(self, line: Line, n: int, wanted: Content | None, record: Record) -> int | None:
        """Name what is wrong with a delivery that is not the one of its number; the number that is settled by it."""
        origin = next((value for name, value in reversed(record.headers) if name == "submission"), b"")
        content = self._known.get((line[1], origin))
        if content is None or not _same(record, content):
            if wanted is not None and (content is wanted or (content is None and _alike(record, wanted))):
                differs = _difference(record, wanted)
                self._findings.violated("delivery_altered", f"{_place(record)} differs in {differs} from {wanted.name}")
                return n
            if content is None:
                self._findings.violated("added", f"{_place(record)} (number {n} of {_name(line)}) stems from nothing")
                return None
            self._findings.violated("delivery_altered", f"{_place(record)} differs from {content.name}")
        right = self._place_of(line, origin)
        if right is None:
            self._findings.violated("misdelivered", f"{_place(record)} is {content.name}: not for {_name(line)}")
            return None
        if right != n:
            self._findings.violated("numbering", f"{_place(record)} is numbered {n}, not {right}: {content.name}")
        return right

    def _place_of(self, line: Line, origin: bytes) -> int | None:
        if line not in self._lines:
            return None
        if line not in self._places:
            self._places[line] = {content.origin: n for n, content in enumerate(self._lines[line], 1)}
        return self._places[line].get(origin)

    def _missing(self, line: Line, contents: Sequence[Content], arrived: set[int], complete: bool) -> None:
        self._findings.look("missing", count=len(contents))
        until = len(contents) if complete else max(arrived, default=0)
        for n in range(1, until + 1):
            if n not in arrived:
                self._findings.violated("missing", f"number {n} of {_name(line)}: {contents[n - 1].name}")


def _same(record: Record, content: Content) -> bool:
    return record.value == content.value and record.key == content.key and record.headers[:-1] == content.headers


def _alike(record: Record, content: Content) -> bool:
    """Whether a record that is no content of the city is this one, altered, rather than something else."""
    ids = dict(record.headers).get("ce_id"), dict(content.headers).get("ce_id")
    return (record.key == content.key) + (record.value == content.value) + (ids[0] == ids[1]) >= 2


def _difference(record: Record, content: Content) -> str:
    if record.key != content.key:
        return "its key"
    if record.value != content.value:
        return "its value"
    mine, theirs = dict(record.headers[:-1]), dict(content.headers)
    names = sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))
    return f"headers {names}" if names else "the order of its headers"


def _place(record: Record) -> str:
    ticket = (record.key or b"").decode("utf-8", "replace")[:60]
    return f"{record.topic}/{record.partition}@{record.offset} (ticket {ticket})"


def _name(line: Line) -> str:
    return f"{line[0]} from {line[1]}/{line[2]}"
