"""A generated day through a whole city on a real broker, by the command that also plays a city's full day."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(590)
def test_a_small_day_comes_to_its_end_with_nothing_wrong_and_nothing_in_clear(tmp_path: Path) -> None:
    """Every call is filed and ends, about two in five are dispatched, desks at all four levels have a door, the checker
    finds nothing, and no personal text stands in any topic, store, log or journal."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUTONG_")}
    command = [sys.executable, "-m", "tests.integration.day", "--scale", "0.001", "--day", "2026-01-05"]
    done = subprocess.run(
        [*command, "--minutes", "8", "--keep", str(tmp_path)],
        env=environment, capture_output=True, text=True, check=False, timeout=580,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["calls"] == result["filed"] == result["ended"] == result["by_step"]["complaint.filed.v1"] > 60
    assert 0.25 < result["dispatched_share"] < 0.55
    assert (result["violations"], result["leaks"], result["lag_at_end"]) == (0, 0, [])
    assert result["searched_texts"] > result["calls"]
    assert {"admit", "deliver", "dispatch", "callback", "custodian", "clock", "intake", "kafka", "desks"} == result[
        "memory_mib"
    ].keys()
