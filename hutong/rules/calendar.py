"""Time as limits count it: the city's working days, and bus time.

Moments are whole milliseconds since 1970 (UTC).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from holidays import HolidayBase

DAY = timedelta(days=1)


def milliseconds(moment: datetime) -> int:
    """An aware moment as milliseconds; what is finer is cut off."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusTime:
    """The time that limits are counted in, ``speed`` times as fast as admitted time from ``origin_ms`` on.

    At speed 1, as every real city runs, bus time *is* admitted time. A demo lets a day pass in two minutes (720).
    Events bear admitted time alone: whatever falls due in bus time is mapped back by :meth:`admitted`, so anybody can
    compare ``due`` with the time at which an event was admitted.
    """

    origin_ms: int = 0
    speed: int = 1

    def __post_init__(self) -> None:
        if self.speed < 1:
            raise ValueError("bus time runs forward: its speed is 1 or more")

    def bus(self, admitted_ms: int) -> int:
        """Bus time at an admitted moment."""
        return self.origin_ms + (admitted_ms - self.origin_ms) * self.speed

    def admitted(self, bus_ms: int) -> int:
        """The first millisecond of admitted time at which bus time has reached ``bus_ms``."""
        return self.origin_ms - (self.origin_ms - bus_ms) // self.speed


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """Working days of a place: Monday to Friday without its holidays, and weekends that are worked 调休.

    Holidays are those of the library ``holidays`` for ``country`` (ISO 3166); without one, weekends alone are free.
    ``yearly_notice``: which weekends are worked is announced year by year. In a year that the installed library does
    not know yet (:meth:`announced`), only weekends and the holidays that the law itself fixes are free. Nothing fails.

    Raises:
        ValueError: there are no holidays for this country.
    """

    zone: ZoneInfo
    country: str | None = None
    yearly_notice: bool = False
    _holidays: HolidayBase | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_holidays", _holidays(self.country) if self.country else None)

    def works(self, day: date) -> bool:
        """Whether it is a working day."""
        if self._holidays is None:
            return day.weekday() < 5
        return bool(self._holidays.is_working_day(day))

    def announced(self, day: date) -> bool:
        """Whether the library knows which weekends are worked in the year of this day."""
        if self._holidays is None or not self.yearly_notice:
            return True
        self._holidays.get(day)  # it makes its years when they are asked for
        return any(worked.year == day.year for worked in self._holidays.weekend_workdays)

    def day(self, ms: int) -> date:
        """The city's day at a moment."""
        return datetime.fromtimestamp(ms / 1000, self.zone).date()

    def begin(self, day: date) -> int:
        """When the city's day begins."""
        return milliseconds(datetime.combine(day, time(), self.zone))

    def next_day(self, ms: int) -> int:
        """When the city's next day begins: from here on whole days are counted (民法典 201)."""
        return self.begin(self.day(ms) + DAY)

    def worked(self, since: int, until: int) -> int:
        """How many milliseconds of working days lie between two moments."""
        total, day = 0, self.day(since)
        while since < until:
            end = min(self.begin(day + DAY), until)
            total += end - since if self.works(day) else 0
            since, day = end, day + DAY
        return total

    def after(self, since: int, length: int) -> int:
        """The first moment at which ``length`` milliseconds of working days have passed since ``since``."""
        day = self.day(since)
        while True:
            end = self.begin(day + DAY)
            if self.works(day):
                if length <= end - since:
                    return since + length
                length -= end - since
            since, day = end, day + DAY

    def end_of_working_day(self, since: int, count: int) -> int:
        """The end of the ``count``-th working day after the day of ``since``."""
        day = self.day(since)
        while count:
            day += DAY
            count -= self.works(day)
        return self.begin(day + DAY)


def _holidays(country: str) -> HolidayBase:
    import holidays  # 14 MB of calendars: loaded only where limits are counted

    try:
        return holidays.country_holidays(country)
    except NotImplementedError:
        raise ValueError(f"the library `holidays` has no country {country!r}") from None
