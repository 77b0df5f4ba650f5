"""The city's tables as the checker reads them: lifecycle and audience, straight from their YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hutong.catalogue import SCHEMAS, strict_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event's row of the lifecycle. ``leads`` gives the next state for each value of the field ``choose``, or
    under ``""`` for all; ``who`` is ``(role | right, name)``."""

    who: tuple[str, str]
    begins: frozenset[str]
    late: frozenset[str]
    choose: str
    leads: Mapping[str, str]
    sets: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """All rows the checker walks by."""

    steps: Mapping[str, Step]
    ended: frozenset[str]
    participants: tuple[str, ...]


def read_tables(folder: Path = SCHEMAS) -> Tables:
    """Read ``lifecycle.yaml`` and ``audience.yaml``."""
    lifecycle: Any = strict_yaml((folder / "lifecycle.yaml").read_text(encoding="utf-8"))
    audience: Any = strict_yaml((folder / "audience.yaml").read_text(encoding="utf-8"))
    return Tables(
        steps={type_: _step(row) for type_, row in lifecycle["events"].items()},
        ended=frozenset(name for name, state in lifecycle["states"].items() if state.get("ended", False)),
        participants=tuple(audience["participants"]),
    )


def _step(row: Any) -> Step:
    ((kind, name),) = row["by"].items()
    return Step(
        who=(kind, name),
        begins=frozenset(row["from"]),
        late=frozenset(row.get("late", ())),
        choose=row.get("choose", ""),
        leads=row["to"] if "choose" in row else {"": row["to"]},
        sets=row.get("sets", {}),
    )
