"""Makes ``.venv`` from a requirements file with hashes: ``python local/venv.py requirements.txt``.

Runs before anything is installed, on any Python 3.11 or newer, so it imports only the standard library. A second run
with the same requirements is instant. All it says goes to stderr: stdout belongs to the command that follows.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def main(requirements: Path) -> None:
    """Set up, or find everything set up already. Exit code 2 and one sentence where that is not possible."""
    stamp = VENV / f"{requirements.stem}.stamp"
    wanted = digest(requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    began = time.monotonic()
    packages = sum("==" in line for line in requirements.read_text().splitlines())
    step(f"setting up .venv, once: {packages} packages from {requirements.name}")
    if not PYTHON.exists():
        run([sys.executable, "-m", "venv", str(VENV)], f"{sys.executable} cannot make a virtual environment")
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    missing = "the packages could not be installed; check the network and start again"
    run([*pip, "--require-hashes", "-r", str(requirements)], missing, count=packages)
    run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], "this checkout could not be installed")
    stamp.write_text(wanted)
    step(f".venv is ready after {time.monotonic() - began:.0f} s\n")


def digest(requirements: Path) -> str:
    """What the stamp holds: a change of any of these sets up again."""
    parts = (requirements.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), sys.version.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def run(command: Sequence[str], failure: str, *, count: int = 0) -> None:
    """Run ``command`` quietly, counting what it collects; if it fails, show its last lines and ``failure``."""
    lines: list[str] = []
    installing = False
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if count and sys.stderr.isatty() and line.startswith("Collecting "):
                collected = sum(told.startswith("Collecting ") for told in lines)
                step(f"fetching {collected} of {count}: {line.split()[1].partition('=')[0]}")
            elif line.startswith("Installing collected") and not installing:
                installing = True
                step("installing what was fetched")
    if process.returncode != 0:
        step("".join(("\n", *lines[-8:])))
        print(f"{failure} (.venv can be deleted at any time).", file=sys.stderr)
        sys.exit(2)


def step(text: str) -> None:
    """A line that the next step overwrites on a terminal, and follows elsewhere."""
    sys.stderr.write(f"\r\033[K· {text}" if sys.stderr.isatty() else f"· {text.rstrip()}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(ROOT / sys.argv[1])
