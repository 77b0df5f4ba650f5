"""Reading the data files of a demo city strictly: an unknown key, a doubled code, a missing parent is an error."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from hutong.errors import SettingsError
from hutong.events.words import Category, Code, Organisation, Text
from services.tables import Strict

Label = Literal["S", "A"]
"""Where a figure or rule comes from: S published, A assumption."""


class Division(Strict):
    """区划: a city, a district or a street, by its code in GB/T 2260 or the statistics' 9 digits."""

    code: Annotated[str, Field(pattern=r"^(?:[0-9]{6}|[0-9]{9})$")]
    name: Text
    level: Literal["city", "district", "street"]
    parent: str


class CategoryNode(Strict):
    """问题分类: one node of the tree; ``under`` holds the finer ones."""

    zh: Text
    en: Text
    label: Label
    under: Mapping[Code, CategoryNode] = {}


class Categories(Strict):
    """A city's versioned tree of categories."""

    city: Organisation
    version: Annotated[int, Field(ge=1)]
    categories: Mapping[Code, CategoryNode]

    def paths(self) -> dict[Category, CategoryNode]:
        """Every path of the tree, coarse before fine."""

        def walk(nodes: Mapping[str, CategoryNode], prefix: str) -> Iterator[tuple[str, CategoryNode]]:
            for code, node in nodes.items():
                yield prefix + code, node
                yield from walk(node.under, f"{prefix}{code}/")

        return dict(walk(self.categories, ""))


def read_divisions(path: Path) -> dict[str, Division]:
    """Divisions by code, as the file orders them; every parent stands before those under it."""
    divisions: dict[str, Division] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                division = Division.model_validate(row)
                if division.code in divisions or division.parent not in {"", *divisions}:
                    raise SettingsError(f"{path}, line {line}: {division.code} is doubled or its parent is missing.")
                divisions[division.code] = division
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}).") from error
    except ValidationError as error:
        raise SettingsError(f"{path}, line {line}: {error.errors()[0]['msg']}") from error
    return divisions
