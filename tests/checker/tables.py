"""The tables as the checker reads them, straight from their files: lifecycle, audience, categories, divisions."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hutong.catalogue import SCHEMAS, strict_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event's row of the lifecycle. ``leads`` gives the next state for each value of the field ``choose``, or
    under ``""`` for all (``same``: the one before); after ``limit`` of them it is ``last``. ``who`` is any number of
    ``(role | right, name)``. ``sets`` are fields it replaces, ``adds`` lists that grow."""

    who: frozenset[tuple[str, str]]
    begins: frozenset[str]
    late: frozenset[str]
    choose: str
    leads: Mapping[str, str]
    sets: Mapping[str, str]
    adds: Mapping[str, str]
    limit: int
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """All rows the checker walks by. ``categories`` and ``areas`` are None where the city takes what comes."""

    steps: Mapping[str, Step]
    ended: frozenset[str]
    participants: tuple[str, ...]
    categories: frozenset[str] | None
    areas: frozenset[str] | None


def read_tables(city: str, folder: Path = SCHEMAS) -> Tables:
    """Read ``lifecycle.yaml``, ``audience.yaml``, and what ``cities.yaml`` names for the city."""
    lifecycle, audience = _yaml(folder / "lifecycle.yaml"), _yaml(folder / "audience.yaml")
    of_city = _yaml(folder / "cities.yaml").get(city, {})
    tree, divisions = of_city.get("categories"), of_city.get("divisions")
    return Tables(
        steps={type_: _step(row, lifecycle["groups"]) for type_, row in lifecycle["events"].items()},
        ended=frozenset(name for name, state in lifecycle["states"].items() if state.get("ended", False)),
        participants=tuple(audience["participants"]),
        categories=frozenset(_paths(_yaml(folder / "categories" / f"{tree}.yaml")["categories"])) if tree else None,
        areas=frozenset(_codes(folder / "divisions" / f"{divisions}.csv")) if divisions else None,
    )


def _yaml(path: Path) -> Any:
    return strict_yaml(path.read_text(encoding="utf-8"))


def _paths(nodes: Any, above: str = "") -> Iterator[str]:
    for code, node in nodes.items():
        yield above + code
        yield from _paths(node.get("under", {}), f"{above}{code}/")


def _codes(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from (row["code"] for row in csv.DictReader(file))


def _step(row: Any, groups: Mapping[str, list[str]]) -> Step:
    ways = row["by"] if isinstance(row["by"], list) else [row["by"]]
    beyond = row.get("beyond", {})

    def states(key: str) -> frozenset[str]:
        return frozenset(state for name in row.get(key, ()) for state in groups.get(name, [name]))

    return Step(
        who=frozenset(pair for way in ways for pair in way.items()),
        begins=states("from"),
        late=states("late"),
        choose=row.get("choose", ""),
        leads=row["to"] if "choose" in row else {"": row["to"]},
        sets=row.get("sets", {}),
        adds=row.get("adds", {}),
        limit=beyond.get("count", 0),
        last=beyond.get("to", ""),
    )
