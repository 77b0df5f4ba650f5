"""The catalogue as it ships, and small ones made for one test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hutong.catalogue import SCHEMAS, Catalogue
from hutong.codec import Codec


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.fixture(scope="session")
def codec(catalogue: Catalogue) -> Codec:
    return Codec(catalogue)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the whole catalogue that a test may break."""
    return Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))
