"""A city in memory for each test of the client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cities import TwinCity


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    """A city with a water utility and a heating utility."""
    with TwinCity(tmp_path) as made:
        made.register("110000.water", level="utility")
        made.register("110000.heat", level="utility")
        yield made
