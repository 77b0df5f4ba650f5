"""What happened in a city, as plain values: everything the checker judges by, and nothing that judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hutong.transport import Record
from hutong.wire.envelope import Environment

Log = Mapping[int, tuple[Record, ...]]
"""Partition → its records in the order of their offsets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A line of a submitter's journal, written before the broker saw the event. Times are Unix milliseconds."""

    at_ms: int
    system: str
    fingerprint: bytes
    ticket: str
    id: str
    type: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A line of a submitter's journal: all in-sync replicas have the event."""

    at_ms: int
    system: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """A line of a system's journal: the delivery is behind its mark. ``given``: its program saw it; ``letter``: it came
    out of the dead letters."""

    at_ms: int
    system: str
    stream: str
    partition: int
    n: int
    fingerprint: bytes
    given: bool
    letter: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A line of a system's journal: the delivery's dead letter is with all in-sync replicas."""

    at_ms: int
    system: str
    stream: str
    partition: int
    n: int
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Journals:
    """All journals, each file's lines in their order; ``unreadable`` names file and line."""

    sent: tuple[Sent, ...] = ()
    acknowledged: tuple[Acknowledged, ...] = ()
    handled: tuple[Handled, ...] = ()
    parked: tuple[Parked, ...] = ()
    unreadable: tuple[str, ...] = ()


Rows = Mapping[tuple[object, ...], object]
"""Primary key of a row → what else it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One city from its beginning. ``doors``: how many partitions each organisation's deliveries have.

    ``admit_states`` and ``deliver_states`` hold what lay in the services' files when they were at rest: for each
    partition, table name → rows. Limits run in bus time, ``speed`` times as fast since ``origin_ms``.
    """

    city: str
    environment: Environment
    registrar_key: bytes
    generation: int
    submissions: Log
    ledger: Log
    refusals: Log
    directory: tuple[Record, ...]
    deliveries: Mapping[str, Log]
    deadletters: Mapping[str, Log] = field(default_factory=dict)
    journals: Journals = field(default_factory=Journals)
    admit_states: Mapping[int, Mapping[str, Rows]] = field(default_factory=dict)
    deliver_states: Mapping[int, Mapping[str, Rows]] = field(default_factory=dict)
    speed: int = 1
    origin_ms: int = 0

    @property
    def partitions(self) -> int:
        """How many partitions submissions, ledger and refusals have."""
        return len(self.submissions)
