"""Codes by their Chinese names: what stands in an export is 公共服务→供暖, in an event ``public_service/heating``.

The tables are the ones that all agreed on: ``schemas/categories`` and ``schemas/divisions``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated

from pydantic import AfterValidator, Field

from hutong import SettingsError
from hutong.catalogue import SCHEMAS
from hutong.rules.territory import Categories, CategoryNode, read_divisions
from services.exports.templates import Template, render
from services.tables import Strict


@cache
def _paths(tree: str) -> Mapping[tuple[str, ...], str]:
    """Names from the top → path. Raises SettingsError."""

    def walk(
        nodes: Mapping[str, CategoryNode], names: tuple[str, ...], path: str
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        for code, node in nodes.items():
            yield (*names, node.zh), path + code
            yield from walk(node.under, (*names, node.zh), f"{path}{code}/")

    return dict(walk(Categories.load(SCHEMAS / "categories" / f"{tree}.yaml").categories, (), ""))


@cache
def _areas(table: str) -> Mapping[tuple[str, ...], str]:
    """Names from the district on → code. Raises SettingsError."""
    divisions = read_divisions(SCHEMAS / "divisions" / f"{table}.csv")

    def names(code: str) -> tuple[str, ...]:
        division = divisions[code]
        return (*names(division.parent), division.name) if division.parent in divisions else ()

    return {names(code): code for code in divisions}


def _known(load: object) -> AfterValidator:
    def check(name: str) -> str:
        try:
            load(name)  # type: ignore[operator]
        except SettingsError as error:
            raise ValueError(str(error)) from error
        return name

    return AfterValidator(check)


class CategoryByName(Strict):
    """A category by its names, as ``公共服务→供暖``."""

    tree: Annotated[str, _known(_paths)]
    names: Template
    separator: Annotated[str, Field(min_length=1)]

    def look_up(self, cells: Mapping[str, str]) -> tuple[str, str | None]:
        """The names as they stand, and the path, where there is one."""
        text = render(self.names, cells)
        return text, _paths(self.tree).get(tuple(name.strip() for name in text.split(self.separator)))


class AreaByName(Strict):
    """A division by the names of its district and, where it is known, its street. All empty: the whole city."""

    divisions: Annotated[str, _known(_areas)]
    names: Annotated[tuple[Template, ...], Field(strict=False, min_length=1)]

    def look_up(self, cells: Mapping[str, str]) -> tuple[str, str | None]:
        """The names as they stand, and the code, where there is one."""
        names = [render(template, cells) for template in self.names]
        while names and not names[-1]:
            names.pop()
        return "/".join(names), _areas(self.divisions).get(tuple(names))
