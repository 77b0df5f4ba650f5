"""A city's time limits 时限 as it wrote them down: ``schemas/limits/<name>.yaml``, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationInfo, model_validator

from hutong.catalogue import SCHEMAS, read_file, strict_yaml
from hutong.events.disposition import Urgency
from hutong.events.words import Category, Code, Organisation, Text
from hutong.rules.calendar import WorkingDays
from hutong.rules.cities import CityTables
from hutong.rules.lifecycle import Lifecycle
from hutong.rules.territory import Label, under

_URGENCIES = frozenset(Urgency) - {Urgency.UNKNOWN}
_States = Annotated[tuple[Code, ...], Field(strict=False)]
_Count = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Span(_Strict):
    """How long: one of ``minutes``, ``hours`` (elapsed time), ``days``, ``working_days`` (whole days of the city)."""

    minutes: _Count | None = None
    hours: _Count | None = None
    days: _Count | None = None
    working_days: _Count | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("name exactly one of minutes, hours, days, working_days")
        return self

    @property
    def length(self) -> timedelta:
        """The elapsed time, or so many times 24 hours."""
        days = (self.days or 0) + (self.working_days or 0)
        return timedelta(days=days, hours=self.hours or 0, minutes=self.minutes or 0)

    @property
    def whole_days(self) -> bool:
        """Whether the city's days are counted, not elapsed time."""
        return self.minutes is None and self.hours is None


def _elapsed(span: Span) -> Span:
    if span.whole_days:
        raise ValueError("is counted in minutes or hours")
    return span


Elapsed = Annotated[Span, AfterValidator(_elapsed)]
"""A span in minutes or hours."""


class Within(_Strict):
    """How long a limit gives for one urgency, when before its end it reminds, when after its end it escalates."""

    time: Span
    remind: Elapsed
    escalate: Elapsed
    label: Label


class Limit(_Strict):
    """One limit: the states of the lifecycle in which it runs, those in which its clock stands still, and how long."""

    zh: Text
    en: Text
    runs_in: _States
    stands_still_in: _States = ()
    within: Mapping[Annotated[Urgency, Field(strict=False)], Within]

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Self:
        if set(self.within) != _URGENCIES:
            raise ValueError(f"`within` must say something for each of {', '.join(sorted(_URGENCIES))}")
        if set(self.runs_in) & set(self.stands_still_in):
            raise ValueError("a state stands in both `runs_in` and `stands_still_in`")
        return self


class UrgentCategory(_Strict):
    """Tickets of this category, and of those under it, are so urgent until a dispatch says it."""

    category: Category
    urgency: Annotated[Urgency, Field(strict=False)]
    label: Label


class Version(_Strict):
    """The limits of tickets that were filed on the city's day ``from`` or later, until the next version."""

    version: _Count
    since: date = Field(alias="from")
    urgency: Annotated[tuple[UrgentCategory, ...], Field(strict=False)] = ()
    limits: Mapping[Code, Limit]

    def urgency_of(self, category: str) -> Urgency:
        """How urgent a ticket of this category is as long as nobody said so."""
        rows = (row for row in self.urgency if under(category, row.category))
        return next((row.urgency for row in rows), Urgency.ORDINARY)


class Holidays(_Strict):
    """Whose holidays are free: see :class:`hutong.rules.calendar.WorkingDays`."""

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    yearly_notice: bool = False


class Limits(_Strict):
    """The whole file. A later version holds from a later day."""

    city: Organisation
    time_zone: str
    holidays: Holidays | None = None
    left_alone: Span
    versions: Annotated[tuple[Version, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        order = [(version.version, version.since) for version in self.versions]
        if any(one[0] >= two[0] or one[1] >= two[1] for one, two in pairwise(order)):
            raise ValueError("versions must stand in the order of their numbers, and of their days")
        states = Lifecycle.load().table.states
        for version in self.versions:
            for name, limit in version.limits.items():
                if unknown := {*limit.runs_in, *limit.stands_still_in} - states.keys():
                    raise ValueError(f"limit {name} names {', '.join(sorted(unknown))}: no state of the lifecycle")
        try:
            self.working_days()
        except (ValueError, OSError, KeyError) as error:
            raise ValueError(str(error)) from None
        return self

    @classmethod
    def load(cls, city: str, root: Path = SCHEMAS) -> Limits | None:
        """The limits of ``city``; None where ``cities.yaml`` names none for it.

        Raises:
            SettingsError: a file cannot be read, or what is in it contradicts itself or the lifecycle.
        """
        name = CityTables.of(city, root).limits
        return None if name is None else cls.read(root / "limits" / f"{name}.yaml")

    @classmethod
    def read(cls, path: Path) -> Limits:
        """Read one file. Raises as :meth:`load`."""
        return read_file(path, TypeAdapter(cls), strict_yaml)

    def working_days(self) -> WorkingDays:
        """The working days of the city."""
        country = self.holidays.country if self.holidays else None
        notice = self.holidays is not None and self.holidays.yearly_notice
        return WorkingDays(ZoneInfo(self.time_zone), country, notice)

    def version_of(self, day: date) -> Version | None:
        """The version in force on a day of the city; None before the first."""
        return next((version for version in reversed(self.versions) if version.since <= day), None)
