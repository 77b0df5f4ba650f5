"""Real data that stands beside the project and is never part of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("HUTONG_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def shared_file(name: str) -> Path:
    """The path of a shared file; skips the test where it is not there."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is neither in ../shared/data nor in HUTONG_SHARED_DATA")
    return path
