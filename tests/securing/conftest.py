"""What this folder shares: one secured broker, with a small city on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.securing.secured import SecuredCity, secured_city


@pytest.fixture(scope="package")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredCity]:
    """A city that is founded and applied; no service runs."""
    with secured_city(tmp_path_factory.mktemp("secured")) as city:
        yield city
