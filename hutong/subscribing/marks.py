"""How far a system has handled its deliveries: one number per stream and partition of that stream.

Marks travel in the metadata of the group's commit, so they move with the partition to whoever reads it next
(design, promise 4). So do the outcomes of the last deliveries, so that a restart forgets no failure.
"""

from __future__ import annotations

import json
from collections import deque

from hutong.errors import InvalidEvent
from hutong.transport import Record
from hutong.wire.stamps import STREAMS, DeliveryStamp

WINDOW = 100
"""How many of the last deliveries given out are remembered as handled or failed for good."""


class Marks:
    """The marks of one partition of ``deliveries.<org>``.

    ``open`` marks belong to a system that started at "now": the first number it sees of a stream is where it begins.
    """

    def __init__(self, *, open: bool = False) -> None:
        self._open = open
        self._marks: dict[tuple[str, int], int] = {}
        self._failed: deque[bool] = deque(maxlen=WINDOW)

    def fresh(self, stamp: DeliveryStamp) -> bool:
        """Whether this delivery was not handled before."""
        return stamp.n > self._mark(stamp)

    def missing(self, stamp: DeliveryStamp) -> range:
        """The numbers between the mark and this delivery."""
        return range(self._mark(stamp) + 1, stamp.n)

    def handled(self, stamp: DeliveryStamp) -> None:
        """Move the mark of the stamp's stream and partition to it."""
        self._marks[stamp.stream, stamp.partition] = stamp.n

    def given(self, *, failed: bool) -> None:
        """Remember what became of a delivery that was given out."""
        self._failed.append(failed)

    @property
    def failures(self) -> int:
        """How many of the last :data:`WINDOW` deliveries given out failed for good."""
        return sum(self._failed)

    def stamps(self) -> list[DeliveryStamp]:
        """The marks as the stamps last handled."""
        return [
            DeliveryStamp(stream=name, partition=partition, n=n)
            for (stream, partition), n in self._marks.items()
            for name in STREAMS
            if name == stream
        ]

    def _mark(self, stamp: DeliveryStamp) -> int:
        return self._marks.get((stamp.stream, stamp.partition), stamp.n - 1 if self._open else 0)

    def encode(self) -> str:
        """The marks as text for a commit's metadata, at most 4,096 bytes."""
        rows = sorted([stream, partition, n] for (stream, partition), n in self._marks.items())
        outcomes = "".join(str(int(failed)) for failed in self._failed)
        return json.dumps({"open": self._open, "marks": rows, "failed": outcomes}, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> Marks:
        """The marks in a commit's metadata; raises ValueError where the text holds none."""
        try:
            content = json.loads(text)
            marks = cls(open=bool(content["open"]))
            marks._marks = {(str(stream), int(partition)): int(n) for stream, partition, n in content["marks"]}
            marks._failed.extend(outcome == "1" for outcome in content.get("failed", ""))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no marks in the commit's metadata {text[:80]!r}") from error
        return marks

    def behind(self, other: Marks) -> bool:
        """Whether any mark of this one is behind the other's."""
        return any(self._marks.get(place, 0) < n for place, n in other._marks.items())


class Seen:
    """Deliveries met while a door is read from its beginning. What was delivered again lies there twice."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, int], list[range]] = {}

    def first(self, stamp: DeliveryStamp) -> bool:
        """Whether this delivery is met for the first time."""
        runs = self._runs.setdefault((stamp.stream, stamp.partition), [])
        if any(stamp.n in run for run in runs):
            return False
        for at, run in enumerate(runs):
            if stamp.n == run.stop:
                runs[at] = range(run.start, stamp.n + 1)
                return True
        runs.append(range(stamp.n, stamp.n + 1))
        return True


def stamp_of(record: Record) -> DeliveryStamp:
    """Which delivery it is. Raises InvalidEvent: it is none, though it lies in a door, where only deliver may write."""
    place = f"{record.topic}/{record.partition}@{record.offset}"
    if record.unreadable:
        raise InvalidEvent("unreadable", f"{place} cannot be read: {record.unreadable}; ask the city's operator")
    for name, content in reversed(record.headers):  # deliver writes it last
        if name == "delivery":
            return DeliveryStamp.from_bytes(content)
    raise InvalidEvent("bad_stamp", f"{place} is no delivery: only deliver may write there; ask the city's operator")
