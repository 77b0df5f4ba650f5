"""A small seeded generator of complaints over Beijing's real divisions. People, phones and addresses are made up."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Generic, TypeVar

from pydantic import AwareDatetime, Field

from hutong.errors import SettingsError
from hutong.events.base import Frozen
from hutong.events.complaint import Kind
from hutong.events.words import Area, Category, Code, External, Language
from hutong.rules.territory import Label
from local.cities import City
from services.tables import Strict, read_table

SYSTEM = "generator"
"""The source system that generated rows name."""

Share = Annotated[float, Field(gt=0)]
Word = TypeVar("Word")


class Identity(Frozen):
    """来电人: who called. Synthetic; no real phone number has this form."""

    name: str
    phone: str


class Place(Frozen):
    """What is finer than a street."""

    community: str
    address: str


class Complaint(Frozen):
    """One row for intake, as clear text: intake seals ``identity``, ``narrative`` and ``place``.

    As JSON: ``created`` is ISO 8601 with the city's offset; ``row`` is unique per seed.
    """

    row: External
    kind: Kind
    channel: Code
    category: Category
    area: Area
    enterprise: bool
    language: Language
    created: AwareDatetime
    identity: Identity
    narrative: str
    place: Place


class Weighted(Strict, Generic[Word]):
    """An entry of a list to draw from; ``share`` is its weight among the others."""

    code: Word
    share: Share
    label: Label


class Chance(Strict):
    """A probability from 0 to 1."""

    share: Annotated[float, Field(ge=0, le=1)]
    label: Label


Words = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class Habits(Strict):
    """``generator.yaml``: what complaints in a city are like."""

    version: int
    registered_streets: Chance
    enterprise: Chance
    minutes: Annotated[int, Field(ge=1)]
    kinds: Annotated[tuple[Weighted[Annotated[Kind, Field(strict=False)]], ...], Field(strict=False)]
    channels: Annotated[tuple[Weighted[Code], ...], Field(strict=False)]
    languages: Annotated[tuple[Weighted[Language], ...], Field(strict=False)]
    categories: Annotated[tuple[Weighted[Category], ...], Field(strict=False)]
    surnames: Words
    given: Words
    phone_prefix: Annotated[str, Field(pattern=r"^1[0-2][0-9]$")]
    communities: Words
    addresses: Words
    narratives: Mapping[Category, Words]


def complaints(seed: int, count: int, city: City, *, now: datetime) -> Iterator[Complaint]:
    """``count`` complaints of ``city``, dated in order up to ``now``; the same arguments give the same complaints.

    Raises SettingsError where the city has no ``generator.yaml``, or one that does not fit its other files.
    """
    habits = read_table(city.folder / "generator.yaml", Habits)
    if faults := sorted(_faults(habits, city)):
        raise SettingsError(f"{city.folder / 'generator.yaml'}: {'; '.join(faults)}")
    return _draw(random.Random(seed), seed, count, city, habits, now.astimezone(city.time_zone))


def _draw(
    chance: random.Random, seed: int, count: int, city: City, habits: Habits, now: datetime
) -> Iterator[Complaint]:
    with_door, without_door = _streets(city)
    span = timedelta(minutes=habits.minutes)
    for number in range(count):
        placed = chance.random() < habits.registered_streets.share
        area = chance.choice(with_door if placed or not without_door else without_door)
        top = _pick(chance, habits.categories)
        category = chance.choice([path for path in habits.narratives if f"{path}/".startswith(f"{top}/")])
        a, b, n = chance.randint(1, 99), chance.randint(1, 20), chance.randint(2, 12)
        community = chance.choice(habits.communities)
        yield Complaint(
            row=f"{city.id}-{seed}-{number:06d}",
            kind=_pick(chance, habits.kinds),
            channel=_pick(chance, habits.channels),
            category=category,
            area=area,
            enterprise=chance.random() < habits.enterprise.share,
            language=_pick(chance, habits.languages),
            created=(now - span + span * number / count).replace(microsecond=0),
            identity=Identity(
                name=chance.choice(habits.surnames) + chance.choice(habits.given),
                phone=f"{habits.phone_prefix}{chance.randrange(10**8):08d}",
            ),
            narrative=chance.choice(habits.narratives[category]).format(
                street=city.divisions[area].name, community=community, n=n
            ),
            place=Place(community=community, address=chance.choice(habits.addresses).format(a=a, b=b)),
        )


def _pick(chance: random.Random, choices: Sequence[Weighted[Word]]) -> Word:
    return chance.choices([choice.code for choice in choices], [choice.share for choice in choices])[0]


def _streets(city: City) -> tuple[list[str], list[str]]:
    """Streets of the city's registered districts: those with an organisation of their own, and the others."""
    streets = [
        division.code
        for division in city.divisions.values()
        if division.level == "street" and division.parent in city.organisations
    ]
    return (
        [street for street in streets if street in city.organisations],
        [street for street in streets if street not in city.organisations],
    )


def _faults(habits: Habits, city: City) -> Iterator[str]:
    if not _streets(city)[0]:
        yield "the city has no street with an organisation of its own"
    for path in habits.narratives:
        if path not in city.categories:
            yield f"narratives: {path} is not in the tree of categories"
    for choice in habits.categories:
        if not any(f"{path}/".startswith(f"{choice.code}/") for path in habits.narratives):
            yield f"categories: no narrative for {choice.code}"
