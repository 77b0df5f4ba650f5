"""What the fuzzer once found stays mended; and it finds what is broken on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

import hutong.codec
from tests.hostile.crashing import FOLDER, ends, kept
from tests.hostile.fuzz import Run


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_what_once_crashed_is_judged(path: Path) -> None:
    """Decoded, judged, delivered and shown."""
    assert ends(kept(path)) == ""


def test_a_few_seconds_of_fuzzing(tmp_path: Path) -> None:
    """400 inputs crash nothing; most reasons come up in them."""
    run = Run(tmp_path, 1)
    for _ in range(8):
        run.chunk()
    assert run.crashes == []
    assert len(run.outcomes) > 15
    assert run.outcomes["admitted"] > 20


def test_the_fuzzer_finds_a_guard_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard against strings that are no UTF-8 admit would end, and it does within a few hundred inputs."""

    class Never(Exception):
        pass

    monkeypatch.setattr(hutong.codec, "UnicodeDecodeError", Never, raising=False)
    monkeypatch.setattr("tests.hostile.fuzz.keep", lambda case, error: "nowhere")
    run = Run(tmp_path, 2)
    while not run.crashes and run.inputs < 3000:
        run.chunk()
    assert run.crashes
    assert "UnicodeDecodeError" in run.crashes[0]
