"""A city's topics as its broker has them, held against ``schemas/topics``: what is missing, and what drifted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hutong.catalogue import Catalogue, Topic
from hutong.errors import SettingsError
from hutong.rules.directory import Directory
from hutong.transport import Transport

FLOORS = frozenset({"retention.ms", "delete.retention.ms"})
"""Settings that say how long something is kept at least: a city may keep it longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A setting, by Kafka's name or ``partitions``, that is not as agreed; ``found`` is None where the topic lacks."""

    setting: str
    agreed: str
    found: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One topic: ``described`` is what was agreed, the rest what was found.

    ``agreed_partitions`` and ``partitions`` are None where nobody knows them: in no city, and of no topic. ``closed``
    says why the settings, or the topic at all, cannot be seen from here, or is empty.
    """

    name: str
    described: Topic
    organisation: str | None
    agreed_partitions: int | None
    partitions: int | None
    settings: Mapping[str, str] = field(default_factory=dict)
    closed: str = ""

    @property
    def missing(self) -> bool:
        """Whether there is no such topic."""
        return self.partitions is None and not self.closed

    @property
    def drift(self) -> Sequence[Drift]:
        """What is not as agreed; nothing for a topic that is missing, or not seen from here."""
        return () if self.partitions is None else tuple(self._drift())

    def _drift(self) -> Iterator[Drift]:
        if self.agreed_partitions is not None and self.partitions != self.agreed_partitions:
            yield Drift(setting="partitions", agreed=str(self.agreed_partitions), found=str(self.partitions))
        if self.closed:
            return
        for setting, agreed in sorted(self.described.kafka_config().items()):
            found = self.settings.get(setting)
            if not _holds(setting, agreed, found):
                yield Drift(setting=setting, agreed=agreed, found=found)


def _holds(setting: str, agreed: str, found: str | None) -> bool:
    if found is None or setting not in FLOORS or agreed == "-1":
        return found == agreed
    return int(found) == -1 or int(found) >= int(agreed)


def topics_of(
    transport: Transport, catalogue: Catalogue, directory: Directory, *, organisation: str, city: str
) -> list[Standing]:
    """The city's own topics, then the doors: every living organisation's for the city, its own for any other.

    Raises:
        Unavailable: the broker is away.
    """
    there = transport.topics()
    wanted: list[tuple[Topic, str | None, int | None]] = [
        (topic, None, _agreed(topic, there)) for topic in catalogue.topics.values() if "<" not in topic.name
    ]
    for standing in directory:
        if not standing.revoked and organisation in (city, standing.entry.id):
            doors = (topic for topic in catalogue.topics.values() if "<" in topic.name)
            for topic in doors:
                count = standing.entry.partitions if topic.partitions == "organisation" else topic.partitions
                wanted.append((topic, standing.entry.id, count if isinstance(count, int) else None))
    names = [topic.named(owner or "") for topic, owner, _ in wanted]
    settings, closed = _settings(transport, [name for name in names if name in there])
    hidden = transport.closed([name for name in names if name not in there])
    closed |= {name: f"topic {name} is closed to {organisation}" for name in hidden}
    return [
        Standing(
            name=name,
            described=topic,
            organisation=owner,
            agreed_partitions=agreed,
            partitions=there.get(name),
            settings=settings.get(name, {}),
            closed=closed.get(name, ""),
        )
        for name, (topic, owner, agreed) in zip(names, wanted, strict=True)
    ]


def _agreed(topic: Topic, there: Mapping[str, int]) -> int | None:
    """How many partitions a topic of the city has; those of its founding are what its submissions have."""
    return topic.partitions if isinstance(topic.partitions, int) else there.get("submissions")


def _settings(transport: Transport, names: Sequence[str]) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """The settings of these topics, and why those that are closed to this client cannot be read."""
    try:
        return transport.configs(names), {}
    except SettingsError:
        settings: dict[str, dict[str, str]] = {}
        closed: dict[str, str] = {}
        for name in names:
            try:
                settings |= transport.configs([name])
            except SettingsError as error:
                closed[name] = str(error)
        return settings, closed


def absent(transport: Transport, topic: str) -> SettingsError:
    """Why a topic that the broker does not list cannot be read: it is closed to this client, or not there."""
    if transport.closed([topic]):
        return SettingsError(
            f"topic {topic} is closed to you: `hutong org list` shows your rights; what follows from them holds from "
            "the next `hutong org apply` on"
        )
    return SettingsError(f"topic {topic} is not there: was the city founded, the organisation registered?")
