"""A program under a wrong clock sees it wherever it asks for the time of day, and a right one afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import time
from datetime import UTC
import hutong.submitting.drafts as drafts
from hutong.submitting.drafts import Drafter
from zoneinfo import ZoneInfo
from hutong import complaint
draft = Drafter("110000", "t", "110000", ZoneInfo("UTC")).draft(
    complaint.Answered(basis="x"), ticket="t", answers=None, once=None, time=None, handling=None)
print(time.time(), time.time_ns() / 1e9, draft.time.timestamp(), draft.time.tzinfo)
"""


def told(folder: Path) -> list[str]:
    (folder / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "tests.chaos.shifted", str(folder / "clock"), "program"]
    env = {"PYTHONPATH": f"{Path.cwd()}:{folder}"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.split()


def test_the_clock_is_off_by_what_the_file_says(tmp_path: Path) -> None:
    """``time``, ``time_ns`` and the time of a draft move together; without a file they are right."""
    right = [float(number) for number in told(tmp_path)[:3]]
    (tmp_path / "clock").write_text("600")
    *ahead, zone = told(tmp_path)
    assert all(600 <= float(late) - early < 660 for early, late in zip(right, ahead, strict=True))
    assert zone == "UTC"
