"""Looking at logs and groups from outside: what a group has still to read, and which transactions hang."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hutong.errors import BusError, SettingsError
from hutong.loop import read_to
from hutong.transport import Bounds, Consumer, Partition, Transport

HANGING = timedelta(seconds=10)
"""A transaction open for longer blocks readers and needs a person: no service's own lasts so long."""

COUNTED = 5_000
"""Up to so many offsets are read to count records; more are estimated, for a transaction's marker takes one, too."""

_PATIENCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """What a group has still to read. ``oldest``: when the first of it was written, None where nothing waits."""

    records: int = 0
    exact: bool = True
    oldest: datetime | None = None

    def __add__(self, other: Lag) -> Lag:
        times = [time for time in (self.oldest, other.oldest) if time is not None]
        return Lag(
            records=self.records + other.records,
            exact=self.exact and other.exact,
            oldest=min(times, default=None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hanging:
    """An open transaction: who reads committed records of this partition stands at ``offset`` until it is ended."""

    partition: Partition
    offset: int
    since: datetime

    @property
    def owner(self) -> str | None:
        """The service whose next start ends it."""
        if self.partition.topic in ("ledger", "refusals"):
            return "admit"
        return "deliver" if self.partition.topic.startswith("deliveries.") else None


@dataclass(slots=True, kw_only=True)
class View:
    """What one look needs: readers, and the bounds of everything that may be read from here."""

    transport: Transport
    now: datetime
    committed: Consumer
    uncommitted: Consumer
    bounds: dict[Partition, Bounds] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)

    def learn(self, topics: Iterable[str]) -> None:
        """Ask for the bounds of these topics; of one that is closed to this client keep the reason."""
        there = self.transport.topics()
        places = {topic: [Partition(topic, number) for number in range(there.get(topic, 0))] for topic in topics}
        try:
            self.bounds |= self.transport.bounds([place for each in places.values() for place in each])
        except SettingsError:
            for topic, each in places.items():
                try:
                    self.bounds |= self.transport.bounds(each)
                except SettingsError as error:
                    self.closed[topic] = str(error)
        self.closed |= {topic: f"there is no topic {topic}" for topic, each in places.items() if not each}

    def of(self, topic: str) -> Iterator[tuple[Partition, Bounds]]:
        return ((place, bounds) for place, bounds in self.bounds.items() if place.topic == topic)

    def lag(self, group: str, topics: Collection[str], *, committed: bool) -> Lag:
        """What lies behind the group's positions; all there is where it has none. Raises SettingsError: closed."""
        if shut := next((self.closed[topic] for topic in topics if topic in self.closed), None):
            raise SettingsError(shut)
        positions = self.transport.groups(group)
        total = Lag()
        for topic in topics:
            for place, bounds in self.of(topic):
                at = positions.get(place)
                begin = bounds.begin if at is None else max(at.offset, bounds.begin)
                total += self._waiting(place, begin, bounds.stable if committed else bounds.end, committed=committed)
        return total

    def _waiting(self, place: Partition, begin: int, end: int, *, committed: bool) -> Lag:
        if begin >= end:
            return Lag()
        reader, exact, count, oldest = (
            self.committed if committed else self.uncommitted,
            end - begin <= COUNTED,
            0,
            None,
        )
        reader.assign([place])
        reader.seek(place, begin)
        for record in read_to(reader, {place: end}, patience=_PATIENCE):
            oldest = oldest or _time(record.timestamp_ms)
            count += 1
            if not exact:
                return Lag(records=end - begin, exact=False, oldest=oldest)
        return Lag(records=count, oldest=oldest)

    def unfinished(self) -> list[Partition]:
        """Where a transaction is open."""
        return [place for place, bounds in self.bounds.items() if bounds.stable < bounds.end]

    def hanging(self) -> Iterator[Hanging]:
        """Transactions that are open for too long, and still are at a second look."""
        for place, bounds in self.transport.bounds(self.unfinished()).items():
            if bounds.stable != self.bounds[place].stable or bounds.stable >= bounds.end:
                continue
            self.uncommitted.assign([place])
            self.uncommitted.seek(place, bounds.stable)
            first = next(read_to(self.uncommitted, {place: bounds.end}, patience=_PATIENCE), None)
            if first is not None and self.now - _time(first.timestamp_ms) > HANGING:
                yield Hanging(partition=place, offset=bounds.stable, since=_time(first.timestamp_ms))


@contextlib.contextmanager
def look(transport: Transport, now: datetime) -> Iterator[View]:
    """A view, while inside; it knows nothing yet."""
    with (
        contextlib.closing(transport.consumer(client_id="status")) as committed,
        contextlib.closing(transport.consumer(client_id="status", committed=False, strangers=True)) as uncommitted,
    ):
        yield View(transport=transport, now=now, committed=committed, uncommitted=uncommitted)


def all_delivered(view: View, city: str) -> bool:
    """Whether all that is on the city's ledger, and all that is being written there, has come to the doors. False where
    the broker does not answer."""
    try:
        view.learn(["ledger"])
        return not view.unfinished() and not view.lag(f"{city}.deliver", ["ledger"], committed=True).records
    except BusError:
        return False


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
