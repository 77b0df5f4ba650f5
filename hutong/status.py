"""How a city, or one organisation in it, stands right now: asked of Kafka alone, nothing is changed by asking."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from hutong.catalogue import Catalogue
from hutong.errors import SettingsError, Unavailable
from hutong.loop import read_to
from hutong.refusals import Refusals
from hutong.rules.directory import Directory
from hutong.subscribing.deadletters import Fold, letters, topic_of
from hutong.transport import Bounds, Consumer, Partition, Transport

SERVICES: Mapping[str, tuple[str, ...]] = {"admit": ("submissions",), "deliver": ("ledger", "refusals")}
"""The services that every city runs, and what each reads."""

HANGING = timedelta(seconds=10)
"""A transaction open for longer blocks readers and needs a person: no service's own lasts so long."""

BEHIND = timedelta(minutes=5)
"""Admit or deliver with something older still to do is not just busy."""

FLOOR = 2 / 3
"""The share of a door's retention after which what waits there may soon be gone."""

COUNTED = 5_000
"""Up to so many offsets are read to count records; more are estimated, for a transaction's marker takes one, too."""

_DAY = timedelta(days=1)
_PATIENCE = 5.0

Alarm = Literal["hanging", "parked", "late", "behind", "nobody"]


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
class Row:
    """One service of the city, or one system of an organisation.

    ``members`` is None where the group may not be known. ``lag`` is None where what it reads cannot be read from here;
    ``closed`` says why then. ``parked`` counts tickets that wait for a person, ``letters`` all open dead letters; None
    where they cannot be read from here.
    """

    organisation: str
    system: str
    service: bool
    members: int | None
    lag: Lag | None = None
    closed: str = ""
    parked: int | None = 0
    letters: int | None = 0
    alarms: tuple[Alarm, ...] = ()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything. ``refusals``: reason → how many in the last day, and ever; None where they cannot be read."""

    at: datetime
    organisation: str
    rows: tuple[Row, ...]
    hanging: tuple[Hanging, ...]
    refusals: Mapping[str, tuple[int, int]] | None

    @property
    def alarms(self) -> Counter[Alarm]:
        """What needs a person, and how often."""
        found: Counter[Alarm] = Counter(alarm for row in self.rows for alarm in row.alarms)
        if self.hanging:
            found["hanging"] = len(self.hanging)
        return found


@dataclass(slots=True, kw_only=True)
class _View:
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

    def hanging(self) -> Iterator[Hanging]:
        """Transactions that are open for too long, and still are at a second look."""
        suspects = [place for place, bounds in self.bounds.items() if bounds.stable < bounds.end]
        for place, bounds in self.transport.bounds(suspects).items():
            if bounds.stable != self.bounds[place].stable or bounds.stable >= bounds.end:
                continue
            self.uncommitted.assign([place])
            self.uncommitted.seek(place, bounds.stable)
            first = next(read_to(self.uncommitted, {place: bounds.end}, patience=_PATIENCE), None)
            if first is not None and self.now - _time(first.timestamp_ms) > HANGING:
                yield Hanging(partition=place, offset=bounds.stable, since=_time(first.timestamp_ms))


def gather(
    transport: Transport,
    catalogue: Catalogue,
    directory: Directory,
    refusals: Refusals,
    *,
    organisation: str,
    city: str,
    now: datetime,
) -> Status:
    """Look at everything that ``organisation`` may see: the city all of it, another organisation its own.

    Raises:
        Unavailable: the broker is away. SettingsError: groups may not be listed at all.
    """
    seen = [standing.entry.id for standing in directory] if organisation == city else [organisation]
    doors = {each: f"deliveries.{each}" for each in seen}
    topics = [*doors.values(), *map(topic_of, seen)]
    if organisation == city:
        topics += [topic for read in SERVICES.values() for topic in read]
    with _view(transport, now) as view:
        view.learn(topics)
        members = transport.members()
        rows = [_service(view, name, city, members) for name in SERVICES] if organisation == city else []
        retention = retention_of(catalogue)
        owners = _owners(members, seen, city)
        for each in seen:
            rows += _systems(view, each, doors[each], owners.get(each, {}), retention)
        return Status(
            at=now,
            organisation=organisation,
            rows=tuple(rows),
            hanging=tuple(view.hanging()),
            refusals=_refused(refusals, now),
        )


def retention_of(catalogue: Catalogue) -> timedelta:
    """How long a door keeps what is delivered."""
    return timedelta(milliseconds=int(catalogue.topics["deliveries.<org>"].kafka_config()["retention.ms"]))


@contextlib.contextmanager
def _view(transport: Transport, now: datetime) -> Iterator[_View]:
    with (
        contextlib.closing(transport.consumer(client_id="status")) as committed,
        contextlib.closing(transport.consumer(client_id="status", committed=False)) as uncommitted,
    ):
        yield _View(transport=transport, now=now, committed=committed, uncommitted=uncommitted)


def _owners(members: Mapping[str, int], seen: Collection[str], city: str) -> dict[str, dict[str, int]]:
    """Organisation → system → members. Group ``110000.water.desk`` is not one of ``110000``."""
    found: dict[str, dict[str, int]] = {}
    services = {f"{city}.{name}" for name in SERVICES}
    for group, count in sorted(members.items()):
        parts = group.split(".")
        heads = (".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1))
        owner = next((head for head in heads if head in seen), None)
        if owner is not None and group not in services:
            found.setdefault(owner, {})[group.removeprefix(f"{owner}.")] = count
    return found


def _service(view: _View, name: str, city: str, members: Mapping[str, int]) -> Row:
    group = f"{city}.{name}"
    row = _row(view, city, name, group, SERVICES[name], members.get(group, 0), committed=name != "admit", service=True)
    alarms: list[Alarm] = []
    if not row.members:
        alarms.append("nobody")
    if row.lag is not None and row.lag.oldest is not None and view.now - row.lag.oldest > BEHIND:
        alarms.append("behind")
    return replace(row, alarms=tuple(alarms))


def _systems(
    view: _View, organisation: str, door: str, systems: Mapping[str, int], retention: timedelta
) -> Iterator[Row]:
    fold = _fold(view, organisation)
    parked = Counter(place.system for place, ticket in fold.tickets.items() if not ticket.released) if fold else None
    letters = Counter(letter.system for letter, _ in fold.letters()) if fold else None
    for system in sorted({*systems, *(letters or ())}):
        group = f"{organisation}.{system}"
        reads = any(place.topic == door for place in _positions(view.transport, group))
        if not reads and not systems.get(system) and not (letters or {}).get(system):
            continue  # a group of something else, long gone
        row = _row(view, organisation, system, group, (door,), systems.get(system), committed=True, service=False)
        alarms: list[Alarm] = []
        if parked is not None and parked[system]:
            alarms.append("parked")
        if row.lag is not None and row.lag.oldest is not None and view.now - row.lag.oldest > retention * FLOOR:
            alarms.append("late")
        yield replace(
            row,
            alarms=tuple(alarms),
            parked=None if parked is None else parked[system],
            letters=None if letters is None else letters[system],
        )


def _row(
    view: _View,
    organisation: str,
    system: str,
    group: str,
    topics: Sequence[str],
    members: int | None,
    *,
    committed: bool,
    service: bool,
) -> Row:
    lag, closed = None, ""
    try:
        lag = view.lag(group, topics, committed=committed)
    except SettingsError as error:
        closed = str(error)
    return Row(organisation=organisation, system=system, service=service, members=members, lag=lag, closed=closed)


def _positions(transport: Transport, group: str) -> Collection[Partition]:
    try:
        return transport.groups(group).keys()
    except SettingsError:
        return ()


def _fold(view: _View, organisation: str) -> Fold | None:
    """The organisation's dead letters; None where they are closed to this client."""
    topic = topic_of(organisation)
    bounds = dict(view.of(topic))
    if topic in view.closed:
        return None
    if all(each.begin == each.end for each in bounds.values()):
        return Fold()
    try:
        return letters(view.transport, organisation, len(bounds))
    except SettingsError:
        return None


def _refused(refusals: Refusals, now: datetime) -> Mapping[str, tuple[int, int]] | None:
    day, ever = Counter[str](), Counter[str]()
    try:
        for at, code in refusals.codes():
            ever[code] += 1
            day[code] += at > now - _DAY
    except (SettingsError, Unavailable):  # closed; or behind a hanging transaction, which is told of anyway
        return None
    return {code: (day[code], count) for code, count in ever.most_common()}


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
