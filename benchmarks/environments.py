"""The peers' environments: made once, each from its requirements with hashes, beside the one that this runs in.

Quix Streams needs an older confluent-kafka than the others, so it has one of its own.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.subjects import Home
from hutong.errors import SettingsError
from local.supervisor import ROOT

REQUIREMENTS = Path(__file__).parent / "peers"


def pythons(folder: Path, say: Callable[[str], None]) -> Mapping[Home, Path]:
    """The interpreter of each environment; those that are not there, or of other requirements, are made in ``folder``.

    Raises:
        SettingsError: one cannot be made.
    """
    peers = (home for home in Home if home is not Home.OURS)
    return {Home.OURS: Path(sys.executable), **{home: _python(folder.absolute(), home, say) for home in peers}}


def _python(folder: Path, home: Home, say: Callable[[str], None]) -> Path:
    requirements, environment = REQUIREMENTS / f"{home}.txt", folder / home
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    stamp, python = environment / "stamp", environment / "bin" / "python"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    say(f"making the environment of {home.replace('_', ', ')}, once")
    _run([sys.executable, "-m", "venv", "--clear", str(environment)])
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input"]
    _run([*pip, "--require-hashes", "-r", str(requirements)])
    stamp.write_text(wanted)
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise SettingsError("\n".join((*lines, "a peer's environment could not be made; check the network")))
