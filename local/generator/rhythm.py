"""When people call, and about what: the plan of a day, from calendar and seed alone."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Generic, TypeVar

from hutong.events.words import Category
from local.generator.habits import Habits, Topic

T = TypeVar("T")

_YEAR = [date(2025, 1, 1) + timedelta(days=n) for n in range(365)]
_HOUR = 3600.0


class Wheel(Generic[T]):
    """Choices by weight; ``at`` takes a number from 0 to 1, so that nothing rests on a library's way to draw."""

    def __init__(self, choices: Iterable[tuple[T, float]]) -> None:
        pairs = list(choices)
        self.choices = [choice for choice, _ in pairs]
        self._ends = list(accumulate(weight for _, weight in pairs))

    def at(self, number: float) -> T:
        """The choice at this share of the whole."""
        return self.choices[min(bisect_right(self._ends, number * self._ends[-1]), len(self.choices) - 1)]

    def share(self, choice: T) -> float:
        """The choice's part of the whole."""
        place = self.choices.index(choice)
        return (self._ends[place] - (self._ends[place - 1] if place else 0.0)) / self._ends[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """One day: how many call, about what."""

    day: date
    calls: int
    topics: Wheel[Category]


class Rhythm:
    """The city's calendar: weekday, season, and a small deviation that the seed decides.

    Over a whole year every top level has its published share, however its topics go with the seasons.
    """

    def __init__(self, habits: Habits, seed: int, scale: float) -> None:
        self._habits = habits
        self._seed = seed
        self._scale = scale
        self._ends = list(accumulate(habits.hours.times))
        tops = {choice.code: choice.share for choice in habits.categories}
        whole: dict[str, float] = {}
        for topic in habits.topics:
            top = topic.code.partition("/")[0]
            whole[top] = whole.get(top, 0.0) + topic.share
        self._yearly = {
            topic.code: tops[top] * topic.share / whole[top] / _mean(topic)
            for topic in habits.topics
            for top in (topic.code.partition("/")[0],)
        }
        self._average = sum(tops.values())

    def plan(self, day: date, calls: int | None = None) -> DayPlan:
        """The plan of a day; with so many ``calls``, whatever the calendar says."""
        weights = [
            (topic.code, self._yearly[topic.code] * topic.times(f"{day:%m-%d}")) for topic in self._habits.topics
        ]
        if calls is None:
            week = self._habits.weekdays.times
            deviation = 2 * random.Random(f"{self._seed}/{day}").random() - 1
            expected = self._habits.calls.count * self._scale
            expected *= week[day.weekday()] * 7 / sum(week)
            expected *= sum(weight for _, weight in weights) / self._average
            calls = round(expected * (1 + self._habits.spread.share * deviation))
        return DayPlan(day=day, calls=calls, topics=Wheel(weights))

    def seconds(self, share: float) -> float:
        """How many seconds after midnight this share (0 to 1) of a day's calls have come."""
        return _inverse(self._ends, share) * _HOUR


def _mean(topic: Topic) -> float:
    return sum(topic.times(f"{day:%m-%d}") for day in _YEAR) / len(_YEAR)


def _inverse(ends: Sequence[float], share: float) -> float:
    """Where, in steps and parts of a step, the running sum reaches this share of the whole."""
    wanted = share * ends[-1]
    step = min(bisect_right(ends, wanted), len(ends) - 1)
    before = ends[step - 1] if step else 0.0
    return step + (wanted - before) / (ends[step] - before)
