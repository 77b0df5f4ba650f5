"""One partition in memory: records, transactions and their markers, as Kafka keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from hutong.transport import Record


class Ending(Enum):
    """What became of a transaction."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(eq=False)
class Transaction:
    """One transaction, over any number of partitions."""

    ending: Ending = Ending.OPEN
    logs: dict[int, Log] = field(default_factory=dict)

    def end(self, ending: Ending) -> None:
        """Commit or abort: a marker, which takes up an offset, goes into every partition written to."""
        self.ending = ending
        for log in self.logs.values():
            log.mark(self)

    def end_by(self, later: Transaction) -> None:
        """End as a later transaction of the same owner does, by its markers: Kafka had forgotten this one's own."""
        self.ending = later.ending
        for log in self.logs.keys() & later.logs.keys():
            self.logs[log].release(self)


@dataclass(frozen=True)
class _Entry:
    record: Record | None  # None: a transaction's marker
    transaction: Transaction | None


class Log:
    """Offsets count from 0 and are never reused; ``begin`` moves when old records are deleted."""

    def __init__(self) -> None:
        self.begin = 0
        self._entries: list[_Entry] = []
        self._open: dict[int, int] = {}  # id of transaction -> its first offset

    @property
    def end(self) -> int:
        """The high watermark."""
        return self.begin + len(self._entries)

    @property
    def stable_end(self) -> int:
        """The last stable offset: what a committed reader may read up to."""
        return min(self._open.values(), default=self.end)

    def append(self, record: Record, transaction: Transaction | None) -> None:
        """Add a record, whose offset must be ``end``."""
        if transaction is not None:
            self._open.setdefault(id(transaction), self.end)
            transaction.logs[id(self)] = self
        self._entries.append(_Entry(record, transaction))

    def mark(self, transaction: Transaction) -> None:
        """Add the marker that ends a transaction here."""
        self.release(transaction)
        self._entries.append(_Entry(None, transaction))

    def release(self, transaction: Transaction) -> None:
        """The transaction is not open here any more."""
        self._open.pop(id(transaction), None)

    def read(self, offset: int, limit: int, *, committed: bool) -> tuple[list[Record], int]:
        """Up to ``limit`` records from ``offset`` on, and the position after them and after what was skipped."""
        end = self.stable_end if committed else self.end
        found: list[Record] = []
        while offset < end and len(found) < limit:
            entry = self._entries[offset - self.begin]
            aborted = entry.transaction is not None and entry.transaction.ending is Ending.ABORTED
            if entry.record is not None and not (committed and aborted):
                found.append(entry.record)
            offset += 1
        while offset < end and self._entries[offset - self.begin].record is None:
            offset += 1
        return found, offset

    def truncate(self, before: int) -> None:
        """Delete the records before this offset, as retention does."""
        before = min(max(before, self.begin), self.end)
        del self._entries[: before - self.begin]
        self.begin = before
