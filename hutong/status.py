"""How a city, or one organisation in it, stands right now: asked of Kafka alone, nothing is changed by asking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from hutong.catalogue import Catalogue
from hutong.errors import SettingsError, Unavailable
from hutong.looking import Hanging, Lag, View, look
from hutong.refusals import Refusals
from hutong.rules.directory import Directory
from hutong.subscribing.deadletters import Fold, letters, topic_of
from hutong.transport import Partition, Transport

SERVICES: Mapping[str, tuple[str, ...]] = {"admit": ("submissions",), "deliver": ("ledger", "refusals")}
"""The services that every city runs, and what each reads."""

BEHIND = timedelta(minutes=5)
"""Admit or deliver with something older still to do is not just busy."""

FLOOR = 2 / 3
"""The share of a door's retention after which what waits there may soon be gone."""

_DAY = timedelta(days=1)

Alarm = Literal["hanging", "parked", "late", "behind", "nobody"]


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

    @property
    def unread(self) -> bool:
        """Something waits, and no instance of the system runs. No alarm: whoever tried a system once leaves it so."""
        waits = bool(self.letters or (self.lag is not None and self.lag.records))
        return waits and self.members == 0 and not self.service


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
    with look(transport, now) as view:
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


def _service(view: View, name: str, city: str, members: Mapping[str, int]) -> Row:
    group = f"{city}.{name}"
    row = _row(view, city, name, group, SERVICES[name], members.get(group, 0), committed=name != "admit", service=True)
    alarms: list[Alarm] = []
    if not row.members:
        alarms.append("nobody")
    if row.lag is not None and row.lag.oldest is not None and view.now - row.lag.oldest > BEHIND:
        alarms.append("behind")
    return replace(row, alarms=tuple(alarms))


def _systems(
    view: View, organisation: str, door: str, systems: Mapping[str, int], retention: timedelta
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
    view: View,
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


def _fold(view: View, organisation: str) -> Fold | None:
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
