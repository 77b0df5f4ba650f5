"""One true history for all tests, played once by the real admit and deliver."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checker.history import History
from tests.checker.story import Story


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return Story(Path(tmp_path_factory.mktemp("story"))).play()
