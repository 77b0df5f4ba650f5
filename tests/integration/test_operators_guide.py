"""The operator's guide followed to the letter: a city is founded, upgraded, backed up, lost and restored, its broker
broken."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.node import free_port
from tests.docs.guides import FOLDER, blocks
from tests.integration.following import Reader

PORT = "9092"
"""The broker's in the guide."""


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """In an empty folder, with a port that is free; what he left running is ended."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    reader = Reader(folder=tmp_path)
    reader.own[PORT] = str(free_port())
    yield reader
    for file in tmp_path.glob("*.pid"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(file.read_text()), signal.SIGTERM)


@pytest.mark.alone
@pytest.mark.timeout(600)
def test_the_operators_guide_does_what_it_says(reader: Reader) -> None:
    reader.follow(list(blocks(FOLDER / "operator.md")))
