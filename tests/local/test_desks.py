"""Several desks as one process tree: they live and end together."""

from __future__ import annotations

import subprocess
import sys
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


@pytest.mark.timeout(60)
def test_when_one_ends_all_end_and_leave_nothing_running() -> None:
    """One fails with 2: the others, which would never end, are ended, whose it was is said, and the code is 2."""
    program = """
import os, signal, sys
from local.desks import together
def forever():
    print(os.getpid(), flush=True)
    while True: signal.pause()
sys.exit(together({"a": forever, "b": forever, "c": lambda: sys.exit(2)}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stderr) == (2, "c ended with 2: all end\n")
    assert not [pid for pid in done.stdout.split() if Path(f"/proc/{pid}").exists()]


@pytest.mark.timeout(60)
def test_a_desk_without_settings_ends_its_tree_with_a_sentence(tmp_path: Path) -> None:
    """The file that is missing is named, and whose desk it was for."""
    command = [sys.executable, "-m", "local.desks", str(tmp_path), "110105"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 2
    assert "110105.toml" in done.stderr
    assert "the desk of 110105 ended with 2" in done.stderr
