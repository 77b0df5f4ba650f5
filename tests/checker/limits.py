"""Time limits as the checker reads and counts them: straight from the file, day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from hutong.catalogue import SCHEMAS, strict_yaml
from hutong.events import EventData
from hutong.events.complaint import Filed
from hutong.events.disposition import Dispatched, ExtensionDecided, Suspended

HOUR, DAY = 3_600_000, 24 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An admitted event, when it was admitted and when it was said to happen (Unix, milliseconds), and the state it
    left the ticket in."""

    at_ms: int
    said_ms: int
    data: EventData
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Bus time is ``origin_ms`` and ``speed`` times what passed since; days are those of ``zone``."""

    zone: ZoneInfo
    free: Any
    origin_ms: int
    speed: int

    def bus(self, ms: int) -> int:
        return (ms - self.origin_ms) * self.speed + self.origin_ms

    def admitted(self, bus: int) -> int:
        """Rounded up to the next millisecond."""
        return self.origin_ms + -((self.origin_ms - bus) // self.speed)

    def day(self, bus: int) -> date:
        return datetime.fromtimestamp(bus / 1000, self.zone).date()

    def midnight(self, day: date) -> int:
        return round(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp() * 1000)

    def works(self, day: date) -> bool:
        return day.weekday() < 5 if self.free is None else bool(self.free.is_working_day(day))

    def pass_by(self, since: int, budget: int, until: int | None, *, working: bool) -> tuple[int, int]:
        """Let time pass from ``since`` until the budget is used up, or to ``until``: where it stops, what is left."""
        while budget > 0 and (until is None or since < until):
            day = self.day(since)
            end = self.midnight(day + timedelta(days=1)) if working else since + budget
            end = end if until is None else min(end, until)
            if working and not self.works(day):
                since = end
                continue
            used = min(budget, end - since)
            since, budget = since + used, budget - used
        return since, budget


class LimitTable:
    """``schemas/limits/<name>.yaml`` of a city."""

    def __init__(self, content: Any, *, origin_ms: int, speed: int) -> None:
        country = (content.get("holidays") or {}).get("country")
        free = holidays.country_holidays(country) if country else None
        self.calendar = Calendar(
            zone=ZoneInfo(content["time_zone"]), free=free, origin_ms=origin_ms if speed > 1 else 0, speed=speed
        )
        [(unit, count)] = content["left_alone"].items()
        self._left_alone = count * {"minutes": 60_000, "hours": HOUR, "days": DAY}[unit]
        self._versions = content["versions"]

    def due(self, limit: str, facts: Sequence[Fact]) -> int | None:
        """When ``limit`` ends after these facts (admitted time); None where it does not run."""
        filed = facts[0]
        if not isinstance(filed.data, Filed) or filed.at_ms - filed.said_ms > self._left_alone:
            return None
        day = self.calendar.day(self.calendar.bus(filed.at_ms))
        version = [row for row in self._versions if row["from"] <= day]
        row = version[-1]["limits"].get(limit) if version else None
        if row is None:
            return None
        inside = {*row["runs_in"], *row.get("stands_still_in", ())}
        if facts[-1].state not in inside:
            return None
        begin = len(facts) - 1
        while begin and facts[begin - 1].state in inside:
            begin -= 1
        said = [fact.data.urgency.value for fact in facts[: begin + 1] if isinstance(fact.data, Dispatched)]
        urgency = said[-1] if said and said[-1] != "unknown" else _by_category(version[-1], filed.data.category)
        end = self._end(row["within"][urgency]["time"], facts[begin:])
        return self.calendar.admitted(end)

    def _end(self, time: Mapping[str, int], facts: Sequence[Fact]) -> int:
        """The end in bus time of a limit that begins with the first of these facts."""
        calendar = self.calendar
        [(unit, count)] = time.items()
        now, working = calendar.bus(facts[0].at_ms), unit == "working_days"
        if unit in ("minutes", "hours"):
            budget = count * {"minutes": 60_000, "hours": HOUR}[unit]
        else:
            first = calendar.day(now) + timedelta(days=1)
            now = calendar.midnight(first)
            budget = count * DAY if working else calendar.midnight(first + timedelta(days=count)) - now
        for number, fact in enumerate(facts[1:], start=1):
            at = calendar.bus(fact.at_ms)
            match fact.data:
                case ExtensionDecided(decision=decision, until=until) if decision.value == "granted" and until:
                    now, budget = calendar.pass_by(now, budget, at, working=working)
                    end, working = calendar.bus(_ms(until)), False
                    now, budget = (end, 0) if end <= at else (at, end - at)
                case Suspended(until=until):
                    now, budget = calendar.pass_by(now, budget, at, working=working)
                    later = facts[number + 1 :]
                    back = [calendar.bus(next_.at_ms) for next_ in later if next_.state != "suspended"][:1]
                    resumed = max(at, min([calendar.bus(_ms(until)), *back]))
                    now = max(now, resumed) if budget else now
        return calendar.pass_by(now, budget, None, working=working)[0]


def read_limits(city: str, *, origin_ms: int, speed: int, folder: Path = SCHEMAS) -> LimitTable | None:
    """The limits that ``cities.yaml`` names for the city, if any."""
    name = strict_yaml((folder / "cities.yaml").read_text(encoding="utf-8")).get(city, {}).get("limits")
    if name is None:
        return None
    content = strict_yaml((folder / "limits" / f"{name}.yaml").read_text(encoding="utf-8"))
    return LimitTable(content, origin_ms=origin_ms, speed=speed)


def _by_category(version: Any, category: str) -> str:
    for row in version.get("urgency", ()):
        if category == row["category"] or category.startswith(row["category"] + "/"):
            return str(row["urgency"])
    return "ordinary"


def _ms(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
