"""What the demo refuses to do, before it throws anything away, and what it does not take from its shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hutong.errors import SettingsError
from local.cities import City
from local.demo import Play, _alone, _intake, play
from local.founding import FoundedCity


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
        play(what, tmp_path, bootstrap=None, client="kafka-python", stay=False, as_json=True)
    assert (tmp_path / "demo" / "playing").read_text() == "before"


def test_a_client_that_there_is_not_is_said_before_the_last_city_is_gone(tmp_path: Path) -> None:
    """The error names the setting."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "playing").write_text("before")
    with pytest.raises(SettingsError, match="HUTONG_CLIENT is java"):
        play(Play(city="beijing", tickets=1), tmp_path, bootstrap=None, client="java", stay=False, as_json=True)
    assert (tmp_path / "demo" / "playing").read_text() == "before"


def test_intake_has_the_citys_settings_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outbox that the shell names is none of its; it files as the hotline."""
    given: dict[str, str] = {}

    def popen(argv: list[str], *, env: dict[str, str], **_: Any) -> SimpleNamespace:
        given.update(env)
        return SimpleNamespace(stdin=None)

    monkeypatch.setattr(subprocess, "Popen", popen)
    for name in ("HUTONG_OUTBOX", "HUTONG_ORGANISATION"):
        monkeypatch.setenv(name, "of the shell")
    founded = FoundedCity(city=City.load("nyc"), home=tmp_path, bootstrap="nowhere:1", registrar_key="0" * 64)
    what = Play(city="nyc", tickets=1, data=tmp_path / "rows.csv", map="nyc311")
    with _intake(founded, what):
        assert given["HUTONG_ORGANISATION"] == "nyc"
        assert "HUTONG_OUTBOX" not in given
        assert given["PATH"] == os.environ["PATH"]


def test_the_demo_itself_forgets_the_shells_settings(tmp_path: Path) -> None:
    """But for those that are its own, and the language."""
    program = """
import os, sys
import local.__main__ as main
def play(what, home, *, bootstrap, client, **_):
    print(home, bootstrap, client, sorted(name for name in os.environ if name.startswith("HUTONG_")), flush=True)
    return 0
main.play = play
sys.argv = ["local", "demo"]
main.main()
"""
    shell = {
        "HUTONG_DEMO_HOME": "here", "HUTONG_BOOTSTRAP": "broker:1", "HUTONG_LANG": "zh", "HUTONG_CONFIG": "gone.toml",
        "HUTONG_OUTBOX": "my_desk.outbox", "HUTONG_CLIENT": "confluent",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **shell}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "here broker:1 confluent ['HUTONG_LANG']\n"
