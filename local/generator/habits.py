"""What complaints in a city are like, as its files say: ``generator.yaml`` and ``narratives.yaml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Generic, TypeVar

from pydantic import Field

from hutong.errors import SettingsError
from hutong.events.complaint import Kind
from hutong.events.words import Category, Code, Language
from hutong.rules.territory import Label
from local.cities import City
from services.tables import Strict, read_table

Share = Annotated[float, Field(gt=0)]
Word = TypeVar("Word")
Words = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
Day = Annotated[str, Field(pattern=r"^(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$")]
"""A day of any year: ``11-15``."""


class Weighted(Strict, Generic[Word]):
    """An entry of a list to draw from; ``share`` is its weight among the others."""

    code: Word
    share: Share
    label: Label


class Chance(Strict):
    """A probability from 0 to 1."""

    share: Annotated[float, Field(ge=0, le=1)]
    label: Label


class Count(Strict):
    """How many."""

    count: Annotated[int, Field(ge=1)]
    label: Label


class Week(Strict):
    """Monday to Sunday, relative to each other."""

    times: Annotated[tuple[Share, ...], Field(strict=False, min_length=7, max_length=7)]
    label: Label


class Hours(Strict):
    """The 24 hours of a day, relative to each other."""

    times: Annotated[tuple[Share, ...], Field(strict=False, min_length=24, max_length=24)]
    label: Label


class Season(Strict):
    """From one day to another, both included, over a new year where it must: so many times as on other days."""

    begin: Annotated[Day, Field(alias="from")]
    end: Annotated[Day, Field(alias="to")]
    times: Share

    def holds(self, day: Day) -> bool:
        """Whether ``day`` lies in it."""
        if self.begin <= self.end:
            return self.begin <= day <= self.end
        return day >= self.begin or day <= self.end


class Topic(Strict):
    """What is called about, and how often within its top level, over a whole year."""

    code: Category
    share: Share
    label: Label
    seasons: Annotated[tuple[Season, ...], Field(strict=False)] = ()

    def times(self, day: Day) -> float:
        """How much more often on this day than on one that no season touches."""
        product = 1.0
        for season in self.seasons:
            product *= season.times if season.holds(day) else 1.0
        return product


class Repeats(Strict):
    """Of all calls, who calls ``again`` and whose ``neighbours`` do; ``days``: how many days later, from 0."""

    again: Annotated[float, Field(ge=0, lt=0.5)]
    neighbours: Annotated[float, Field(ge=0, lt=0.5)]
    days: Annotated[tuple[Share, ...], Field(strict=False, min_length=1)]
    label: Label


class Phrases(Strict):
    """What is said in one language; see ``narratives.yaml``."""

    ask: Words
    tell: Words
    suggest: Words
    praise: Words
    again: Words
    neighbour: Words
    enterprise: Words


class Narratives(Strict):
    """``narratives.yaml``."""

    version: int
    languages: Mapping[Language, Phrases]
    topics: Mapping[Category, Mapping[Language, Words]]

    def lines(self, kind: Kind, topic: Category, language: Language) -> Words:
        """What may be said."""
        phrases = self.languages[language]
        match kind:
            case Kind.CONSULTATION:
                return phrases.ask
            case Kind.SUGGESTION:
                return phrases.suggest
            case Kind.PRAISE:
                return phrases.praise
        return self.topics.get(topic, {}).get(language, phrases.tell)


class Habits(Strict):
    """``generator.yaml``."""

    version: int
    calls: Count
    weekdays: Week
    spread: Chance
    hours: Hours
    kinds: Annotated[tuple[Weighted[Annotated[Kind, Field(strict=False)]], ...], Field(strict=False)]
    channels: Annotated[tuple[Weighted[Code], ...], Field(strict=False)]
    languages: Annotated[tuple[Weighted[Language], ...], Field(strict=False)]
    enterprise: Chance
    anonymous: Chance
    repeats: Repeats
    categories: Annotated[tuple[Weighted[Category], ...], Field(strict=False)]
    topics: Annotated[tuple[Topic, ...], Field(strict=False)]
    surnames: Words
    given: Words
    phone_prefix: Annotated[str, Field(pattern=r"^1[0-2][0-9]$")]
    communities: Words
    addresses: Words


def habits_of(city: City) -> tuple[Habits, Narratives]:
    """How people of ``city`` call, and what they say.

    Raises:
        SettingsError: the city has no such files, or they do not fit each other or its other files.
    """
    habits = read_table(city.folder / "generator.yaml", Habits)
    narratives = read_table(city.folder / "narratives.yaml", Narratives)
    if faults := sorted(_faults(habits, narratives, city)):
        raise SettingsError(f"{city.folder / 'generator.yaml'}: {'; '.join(faults)}")
    return habits, narratives


def _faults(habits: Habits, narratives: Narratives, city: City) -> Iterator[str]:
    if city.places is None:
        yield "the city has no places.yaml: where would its complaints come from?"
    tops = {choice.code for choice in habits.categories}
    for topic in habits.topics:
        if topic.code not in city.categories:
            yield f"topics: {topic.code} is not in the tree of categories"
        if topic.code.partition("/")[0] not in tops:
            yield f"topics: {topic.code} is under none of the categories"
    for top in tops - {topic.code.partition("/")[0] for topic in habits.topics}:
        yield f"categories: {top} has no topic"
    for code in narratives.topics.keys() - {topic.code for topic in habits.topics}:
        yield f"narratives.yaml: {code} is none of the topics"
    for language in habits.languages:
        if language.code not in narratives.languages:
            yield f"narratives.yaml: nothing is said in {language.code}"
