"""The only seam to Kafka: four small protocols and the values that pass through them.

Behind it stand :class:`hutong.transport.kafka.KafkaTransport` (kafka-python), the fast
:class:`hutong.transport.confluent.ConfluentTransport` (the extra ``hutong[fast]``) and their in-memory twin
:class:`hutong.transport.memory.MemoryTransport`; ``tests/contract`` holds the three equal. Nothing outside
this package imports a Kafka client; :func:`hutong.transport.choice.transport_of` takes the one that the settings name.

Two rules shape every signature: an error says what became of the records (see :mod:`hutong.errors`), and
nothing is repaired behind the caller's back: a producer of unknown state ends its process, a position
out of range is reported, never reset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from hutong.transport.access import AccessControl

__all__ = [
    "Bounds",
    "Consumer",
    "Header",
    "Outgoing",
    "Partition",
    "Placed",
    "Position",
    "Producer",
    "Record",
    "Start",
    "TopicSpec",
    "TransactionalProducer",
    "Transport",
]

Header = tuple[str, bytes]
"""Name and value. Names may repeat, their order is kept. A null value arrives as ``b""``. Bytes of a name that are
not UTF-8, and NULs, arrive as ``\\xff`` and the like (``backslashreplace``), so that a hostile record can be judged and
refused instead of stopping its reader for ever."""

Start = Literal["earliest", "latest"]
"""Where to begin on a partition on which the group has no committed position."""


class Partition(NamedTuple):
    """One partition of one topic; ``number`` counts from 0."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as it lies on the broker. ``timestamp_ms`` is milliseconds since the epoch, UTC.

    ``unreadable`` is empty, or says why nothing of this record, and of those of its batch before it that were not given
    out, can be read: packed with an unknown codec, larger than is unpacked, damaged. Key, value and headers are empty.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    unreadable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A record to send. Without ``partition`` it goes to murmur2(key) mod n; it needs a key then."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()
    partition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a sent record lies."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A reader's place: ``offset`` is the next one to read; ``metadata`` is the reader's own text."""

    offset: int
    metadata: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a partition holds: the first offset it still has, the end of what committed readers may read, its end.

    ``stable`` is before ``end`` as long as a transaction is open there; from that offset on it blocks such readers.
    """

    begin: int
    stable: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """A topic to create. ``config`` holds Kafka's own names, such as ``retention.ms``."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


class Producer(Protocol):
    """Idempotent, acks=all. For organisations: what it sends is visible at once."""

    def send(self, records: Sequence[Outgoing], *, timeout: float) -> list[Placed]:
        """Send and wait until all in-sync replicas have all records; the result follows their order.

        Records of one partition are written in their order. Up to 192 KiB of them, handed over in one call and without
        a pause of the machine, are written all or none while none is refused for its size.

        ``timeout`` is in seconds, for all of it. Raises :class:`~hutong.errors.Unavailable` when nothing was
        sent, :class:`~hutong.errors.Unconfirmed` when some or all may have been written,
        :class:`~hutong.errors.InvalidEvent` (code ``too_large``) when a record is larger than the topic takes,
        :class:`~hutong.errors.SettingsError` when the topic is missing or closed to this client.
        """
        ...

    def close(self) -> None:
        """Give back threads and sockets. Everything sent was already waited for."""
        ...


class TransactionalProducer(Protocol):
    """One writer per transactional id. Its creation fenced the former one and ended its open transaction."""

    def write(
        self,
        records: Sequence[Outgoing],
        *,
        positions: Mapping[Partition, Position] | None = None,
        consumer: Consumer | None = None,
        begins: Mapping[Partition, int] | None = None,
        timeout: float,
    ) -> list[Placed]:
        """Write all records, and ``positions`` of ``consumer``'s group if given, in ONE transaction.

        Returns when it is committed: where each record lies, in their order. Raises :class:`~hutong.errors.Fenced` or
        :class:`~hutong.errors.UnknownOutcome` for every failure there is; the process must end then. A second
        ``write`` after a failure raises the same again. No records and no positions: nothing happens.
        ``timeout`` is in seconds, for all of it; one that runs out is an ``UnknownOutcome``.

        ``begins`` says at which offset the first record for a partition must come to lie, where the writer knows:
        otherwise nothing is committed, and it is an ``UnknownOutcome``. Whoever read "to the end" may have asked a
        broker that was cut off from the others and did not know of newer records; where the first own record lies
        says whether that was so.
        """
        ...

    def sweep(
        self,
        partitions: Sequence[Partition],
        *,
        inputs: Iterable[Partition] = (),
        consumer: Consumer | None = None,
        timeout: float,
    ) -> dict[Partition, int]:
        """End on these partitions what a former owner left open, also where the broker has forgotten to (ADR 0016).

        By a transaction that is aborted: one record for each of ``partitions``, and positions of ``consumer``'s group
        on ``inputs``, none of which anybody sees. Before it, what is read to its end may never come to it; without it,
        the first commit might commit a former owner's last records, too. Raises as :meth:`write` does.

        Says where each of ``partitions`` ends, if nobody else writes there: right behind the sweep's own marker, which
        may come a moment later. No broker that was cut off from the others can tell that.
        """
        ...

    def close(self) -> None:
        """Give back threads and sockets; after a failure, as far as that is possible within a second."""
        ...


class Consumer(Protocol):
    """Reads partitions. Commits nothing by itself and never resets a position."""

    @property
    def generation(self) -> int:
        """Counts assignments, by a rebalance or by :meth:`assign`. Compare after each :meth:`poll`.

        When it has changed, :meth:`assignment` may have. New partitions start at the committed position, or at
        ``start``; those kept from before keep their position and stay paused.
        """
        ...

    def subscribe(self, topics: Sequence[str]) -> None:
        """Join the group and share these topics with its members.

        Partition p of every topic with equally many partitions comes to the same member (range assignment). The
        group is joined by the first :meth:`poll`. Raises :class:`~hutong.errors.SettingsError` when a topic is missing.
        """
        ...

    def assign(self, partitions: Sequence[Partition]) -> None:
        """Read exactly these partitions, without the group's sharing. Replaces any earlier assignment.

        Raises :class:`~hutong.errors.SettingsError` when a topic is missing.
        """
        ...

    def assignment(self) -> frozenset[Partition]:
        """The partitions now read, paused ones too."""
        ...

    def poll(self, timeout: float, max_records: int = 500) -> dict[Partition, list[Record]]:
        """Records in offset order per partition; empty when none came within ``timeout`` seconds.

        Fewer than ``max_records`` where they are large: what one poll holds in memory is bounded, by a few times 8 MiB
        and one record for each partition.

        The last marker of a transaction moves :meth:`position` but gives no record, so reading to an end means short
        polls and a look at the position. A broker that is away looks like silence: reconnecting goes on inside.

        Raises :class:`~hutong.errors.OutOfRange` when the position is before the log's beginning or after its end,
        :class:`~hutong.errors.Fenced` when another process is seen to run under this static id (at the latest
        :meth:`commit` sees it), :class:`~hutong.errors.SettingsError` when reading is not allowed.
        """
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Read ``offset`` next. The partition must be assigned."""
        ...

    def pause(self, *partitions: Partition) -> None:
        """Leave these out of :meth:`poll` until :meth:`resume` or the next assignment."""
        ...

    def resume(self, *partitions: Partition) -> None:
        """Undo :meth:`pause`."""
        ...

    def position(self, partition: Partition) -> int:
        """The next offset to be returned by :meth:`poll`. The partition must be assigned."""
        ...

    def committed(self, partition: Partition) -> Position | None:
        """The group's committed position, asked of the broker; None when there is none."""
        ...

    def commit(self, positions: Mapping[Partition, Position]) -> bool:
        """Commit positions for the group. False: a rebalance made them moot, which harms nothing.

        Raises :class:`~hutong.errors.Fenced` when another process runs under this static id,
        :class:`~hutong.errors.Unavailable` when the broker cannot be reached (trying again is safe).
        """
        ...

    def beginning(self, partition: Partition) -> int:
        """The first offset the broker still has."""
        ...

    def end(self, partition: Partition) -> int:
        """The high watermark: one past the last record, of open transactions too, also on a committed reader."""
        ...

    def close(self) -> None:
        """Stop reading. A static member keeps its place in the group until its session ends."""
        ...


class Transport(Protocol):
    """A connection to one cluster. Makes producers and consumers; knows topics and groups.

    Every method raises :class:`~hutong.errors.Unavailable` when the broker cannot be reached.
    """

    def producer(self, *, client_id: str) -> Producer:
        """An idempotent producer."""
        ...

    def transactional(self, *, client_id: str, transactional_id: str, timeout: float = 10.0) -> TransactionalProducer:
        """Fence the former owner of ``transactional_id``, end its open transaction, and own it.

        Raises :class:`~hutong.errors.UnknownOutcome` when that is not done within ``timeout`` seconds,
        :class:`~hutong.errors.SettingsError` when the id is closed to this client.
        """
        ...

    def consumer(
        self,
        *,
        client_id: str,
        group: str | None = None,
        instance: str | None = None,
        committed: bool = True,
        start: Start = "earliest",
        session_timeout: float = 6.0,
        max_poll_interval: float = 60.0,
        strangers: bool = False,
    ) -> Consumer:
        """A consumer of ``group``, under the static id ``instance`` if given; times in seconds.

        ``committed`` hides records of open and aborted transactions. ``strangers`` says that whoever may write there
        need not be trusted: whatever lies there is read in bounded memory, each record of it or one that says why not
        (:attr:`Record.unreadable`). Such a consumer's positions cannot be put into a transaction.
        """
        ...

    def topics(self) -> dict[str, int]:
        """Name and number of partitions of every topic, Kafka's internal ones left out."""
        ...

    def create(self, topics: Sequence[TopicSpec]) -> None:
        """Create topics; those that exist are left as they are. Returns when all can be written to."""
        ...

    def closed(self, topics: Sequence[str]) -> frozenset[str]:
        """Those of these topics that this client may not even know of: :meth:`topics` leaves them out."""
        ...

    def configs(self, topics: Sequence[str]) -> dict[str, dict[str, str]]:
        """Every setting of these topics by Kafka's own name, as the broker holds them to it now.

        Raises :class:`~hutong.errors.SettingsError` where one is missing, or may not be known.
        """
        ...

    def groups(self, group: str) -> dict[Partition, Position]:
        """Committed positions of ``group``; empty when there is no such group."""
        ...

    def members(self) -> dict[str, int]:
        """Every group that this client may know of, with how many members share its partitions now."""
        ...

    def access(self) -> AccessControl:
        """What the cluster lets whom do: for who runs the platform."""
        ...

    def bounds(self, partitions: Sequence[Partition]) -> dict[Partition, Bounds]:
        """What these partitions hold. Raises :class:`~hutong.errors.SettingsError` where one may not be known."""
        ...

    def close(self) -> None:
        """Close what this transport itself opened. Producers and consumers are closed by their users."""
        ...
