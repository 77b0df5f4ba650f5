"""A city's categories and divisions: what a complaint may be about, and where (``schemas/cities.yaml``)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hutong.catalogue import SCHEMAS, read_file, strict_yaml
from hutong.errors import InvalidEvent, SettingsError
from hutong.events.complaint import Filed
from hutong.events.words import Area, Category, Code, Organisation, Text
from hutong.rules.cities import CityTables

Label = Literal["S", "A"]
"""Where a figure or rule comes from: S published, A assumption."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Division(_Strict):
    """区划: a city, a district or a street, by its code in GB/T 2260 or the statistics' 9 digits."""

    code: Annotated[str, Field(pattern=r"^(?:[0-9]{6}|[0-9]{9})$")]
    name: Text
    level: Literal["city", "district", "street"]
    parent: str


class CategoryNode(_Strict):
    """问题分类: one node of the tree; ``under`` holds the finer ones."""

    zh: Text
    en: Text
    label: Label
    under: Mapping[Code, CategoryNode] = {}


class Categories(_Strict):
    """A city's versioned tree of categories."""

    city: Organisation
    version: Annotated[int, Field(ge=1)]
    categories: Mapping[Code, CategoryNode]

    @classmethod
    def load(cls, path: Path) -> Categories:
        """Read the file strictly. Raises SettingsError."""
        return read_file(path, TypeAdapter(cls), strict_yaml)

    def paths(self) -> dict[Category, CategoryNode]:
        """Every path of the tree, coarse before fine."""

        def walk(nodes: Mapping[str, CategoryNode], prefix: str) -> Iterator[tuple[str, CategoryNode]]:
            for code, node in nodes.items():
                yield prefix + code, node
                yield from walk(node.under, f"{prefix}{code}/")

        return dict(walk(self.categories, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """Paths of categories, and divisions by code. None: the city has no such table, and takes what comes."""

    categories: Mapping[Category, CategoryNode] | None = None
    divisions: Mapping[Area, Division] | None = None

    @classmethod
    def load(cls, city: str, root: Path = SCHEMAS) -> Territory:
        """The tables of ``city``; none of a city that has no row in ``cities.yaml``.

        Raises:
            SettingsError: a file cannot be read, or what is in it contradicts itself.
        """
        row = CityTables.of(city, root)
        tree = Categories.load(root / "categories" / f"{row.categories}.yaml").paths() if row.categories else None
        divisions = read_divisions(root / "divisions" / f"{row.divisions}.csv") if row.divisions else None
        return cls(
            categories=None if tree is None else MappingProxyType(tree),
            divisions=None if divisions is None else MappingProxyType(divisions),
        )

    def check(self, data: Filed) -> None:
        """Raise InvalidEvent ``unknown_category`` or ``unknown_area``."""
        if self.categories is not None and data.category not in self.categories:
            raise InvalidEvent("unknown_category", f"{data.category} is not in the city's tree of categories")
        if self.divisions is not None and data.area not in self.divisions:
            raise InvalidEvent("unknown_area", f"{data.area} is no division of the city")


def under(category: str, path: str) -> bool:
    """Whether a category is ``path`` or below it, by whole codes: under ``a`` is ``a/b``, not ``ab``."""
    return f"{category}/".startswith(f"{path}/")


def read_divisions(path: Path) -> dict[str, Division]:
    """Divisions by code, as the file orders them; every parent stands before those under it. Raises SettingsError."""
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
