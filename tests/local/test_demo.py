"""What the demo refuses to do, before it throws anything away."""

from __future__ import annotations

from pathlib import Path

import pytest

from hutong.errors import SettingsError
from local.demo import Play, _alone, play


def test_a_second_demo_does_not_throw_away_the_first(tmp_path: Path) -> None:
    """While one runs under a folder, another one there is one clear sentence; afterwards the folder is free."""
    with _alone(tmp_path), pytest.raises(SettingsError, match="Another demo runs"), _alone(tmp_path):
        pass
    with _alone(tmp_path):
        pass


def test_a_wrong_mapping_is_said_before_the_last_city_is_gone(tmp_path: Path) -> None:
    """The folder of the city that was played before is untouched."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "playing").write_text("before")
    what = Play(city="nyc", tickets=1, data=tmp_path / "rows.csv", map="nosuch")
    with pytest.raises(SettingsError, match="nosuch"):
        play(what, tmp_path, bootstrap=None, stay=False, as_json=True)
    assert (tmp_path / "demo" / "playing").read_text() == "before"
