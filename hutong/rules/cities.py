"""Which trees and tables a city works by (``schemas/cities.yaml``)."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from hutong.catalogue import SCHEMAS, read_file, strict_yaml
from hutong.events.words import Code, Organisation


class CityTables(BaseModel):
    """One city's row: names of files. None: the city has no such table."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    categories: Code | None = None
    divisions: Code | None = None
    limits: Code | None = None

    @classmethod
    def of(cls, city: str, root: Path = SCHEMAS) -> CityTables:
        """The city's row; an empty one where it has none. Raises SettingsError."""
        rows = read_file(root / "cities.yaml", TypeAdapter(dict[Organisation, CityTables]), strict_yaml)
        return rows.get(city, cls())
