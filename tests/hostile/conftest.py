"""One town for all tests of a file: its state grows, as a city's does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.town import Town


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A city with a hotline, two departments and a revoked one."""
    with Town(tmp_path_factory.mktemp("town")) as made:
        yield made
