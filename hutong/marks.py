"""How far a system has handled its deliveries: one number per stream and partition of that stream.

Marks travel in the metadata of the group's commit, so they move with the partition to whoever reads it next
(design, promise 4).
"""

from __future__ import annotations

import json

from hutong.errors import Gap
from hutong.wire.stamps import DeliveryStamp


class Marks:
    """The marks of one partition of ``deliveries.<org>``.

    ``open`` marks belong to a system that started at "now": the first number it sees of a stream is where it begins.
    """

    def __init__(self, *, open: bool = False) -> None:
        self._open = open
        self._marks: dict[tuple[str, int], int] = {}

    def fresh(self, stamp: DeliveryStamp) -> bool:
        """Whether this delivery is the next one (True) or was handled before (False).

        Raises:
            Gap: one or more deliveries between the mark and this one are missing.
        """
        mark = self._marks.get((stamp.stream, stamp.partition))
        if mark is None:
            mark = stamp.n - 1 if self._open else 0
        if stamp.n > mark + 1:
            raise Gap(
                f"deliveries {mark + 1} to {stamp.n - 1} of {stamp.stream}/{stamp.partition} are missing: ask "
                'the city\'s operator to deliver them again, or start a new system at "now"'
            )
        return stamp.n > mark

    def handled(self, stamp: DeliveryStamp) -> None:
        """Move the mark of the stamp's stream and partition to it."""
        self._marks[stamp.stream, stamp.partition] = stamp.n

    def encode(self) -> str:
        """The marks as text for a commit's metadata."""
        rows = sorted([stream, partition, n] for (stream, partition), n in self._marks.items())
        return json.dumps({"open": self._open, "marks": rows}, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> Marks:
        """The marks in a commit's metadata; raises ValueError where the text holds none."""
        try:
            content = json.loads(text)
            marks = cls(open=bool(content["open"]))
            marks._marks = {(str(stream), int(partition)): int(n) for stream, partition, n in content["marks"]}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no marks in the commit's metadata {text[:80]!r}") from error
        return marks

    def behind(self, other: Marks) -> bool:
        """Whether any mark of this one is behind the other's."""
        return any(self._marks.get(place, 0) < n for place, n in other._marks.items())
