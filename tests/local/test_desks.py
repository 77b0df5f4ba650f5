"""Several desks as one process tree: they live and end together."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.cities import City
from local.desks import PER_PROCESS, desk_children
from local.founding import FoundedCity


def test_every_desk_of_a_city_is_in_one_tree(tmp_path: Path) -> None:
    """Each organisation with a desk is named once, however many trees there are."""
    city = City.load("beijing", "all")
    founded = FoundedCity(city=city, home=tmp_path, bootstrap="nowhere:1", registrar_key="0" * 64)
    children = list(desk_children(founded))
    named = [name for child in children for name in child.argv[child.argv.index(str(tmp_path)) + 1 :]]
    assert sorted(named) == sorted(name for name, known in city.organisations.items() if known.desk)
    assert len({child.name for child in children}) == len(children) == -(-len(named) // PER_PROCESS)


@pytest.mark.timeout(180)
def test_when_one_desk_ends_all_end_and_leave_nothing_running(tmp_path: Path) -> None:
    """A desk without settings ends with 2; the tree says whose it was and ends with the same, and so do the others."""
    (tmp_path / "settings").mkdir()
    for name in ("110105", "110108"):
        (tmp_path / "settings" / f"{name}.toml").write_text(
            f'bootstrap = "127.0.0.1:1"\ncity = "110000"\norganisation = "{name}"\nregistrar_key = "{"0" * 64}"\n'
        )
    command = [sys.executable, "-m", "local.desks", str(tmp_path), "110105", "110108", "110000.nobody"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 2, done.stderr
    assert "the desk of 110000.nobody ended with 2: all end" in done.stderr
    deadline = time.monotonic() + 10
    while left := [path for path in Path("/proc").glob("[0-9]*") if _is_of(path, str(tmp_path))]:
        assert time.monotonic() < deadline, left


def _is_of(process: Path, home: str) -> bool:
    try:
        return home.encode() in (process / "cmdline").read_bytes() and "zombie" not in (process / "status").read_text()
    except OSError:
        return False
