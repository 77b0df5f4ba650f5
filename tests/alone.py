"""``make test-wheel``: the wheel alone, in empty environments outside the checkout, passes ``tests/client``.

For every Python given, with the lowest and with the newest dependencies that ``pyproject.toml`` allows. ``services``,
``local`` and ``tests`` come along as sources; ``hutong`` and ``schemas`` do not: what is tested is what was installed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

ROOT = Path(__file__).parent.parent
BESIDE = ("services", "local", "tests", "docs", "examples", "README.md", "pyproject.toml", "requirements.txt")
"""What the tests need of the checkout: all but what the wheel must bring."""
RESOLUTIONS: dict[str, Literal["lowest-direct", "highest"]] = {"lowest": "lowest-direct", "newest": "highest"}
STATED = ROOT / "docs" / "architecture.md"
"""Where it is said what comes along with the wheel."""
FIRST_STEPS = "import hutong; print(hutong.complaint.Filed.__name__)"

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def main(
    python: Annotated[list[str] | None, typer.Option(help="Versions on PATH, or paths; this one by default.")] = None,
    dependencies: Annotated[list[str] | None, typer.Option(help="lowest, newest; both by default.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Tests to run instead of tests/client.")] = None,
) -> None:
    """Build the wheel once; install and test it in an environment for each combination."""
    with tempfile.TemporaryDirectory(prefix="hutong-alone-") as folder:
        room = Path(folder)
        wheel = built(room)
        for version in python or [sys.executable]:
            for kind in dependencies or list(RESOLUTIONS):
                step(f"Python {version}, {kind} dependencies")
                tried(Path(tempfile.mkdtemp(dir=room)), version, wheel, RESOLUTIONS[kind], only or ["tests/client"])


def built(folder: Path) -> Path:
    """The wheel of this checkout, made in ``folder``."""
    for name in ("hutong", "schemas", "pyproject.toml", "README.md", "LICENSE"):
        copied(ROOT / name, folder / name)
    run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", "dist", "."], cwd=folder
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def tried(room: Path, version: str, wheel: Path, resolution: str, tests: Sequence[str]) -> None:
    """Install it alone and take the first steps; then, with the tools of the tests beside it, run ``tests``."""
    python = room / "venv" / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    run([*uv, "venv", "-q", "--no-python-downloads", "--python", version, str(room / "venv")])
    install = [*uv, "pip", "install", "-q", "--python", str(python)]
    pins = room / "pins.txt"
    compile = [*uv, "pip", "compile", "-q", "--python", str(python), "--resolution", resolution, "--no-header"]
    run([*compile, str(ROOT / "pyproject.toml"), "-o", str(pins)])
    run([*install, "-r", str(pins)])
    run([*install, "--no-deps", str(wheel)])
    listed = json.loads(run([*uv, "pip", "list", "--python", str(python), "--format", "json"]))
    brought = {each["name"] for each in listed} - {"hutong"}
    step(f"it brings in {len(brought)} packages: {', '.join(sorted(brought))}")
    if wrong := brought ^ stated():
        step(f"{STATED.relative_to(ROOT)} is wrong about {', '.join(sorted(wrong))}")
        raise typer.Exit(1)
    run([str(python), "-c", FIRST_STEPS], cwd=room)
    run([str(room / "venv" / "bin" / "hutong"), "schemas", "list"], cwd=room)
    pinned = room / "extras.txt"
    run([*compile, "--all-extras", "-c", str(pins), str(ROOT / "pyproject.toml"), "-o", str(pinned)])
    run([*install, "-r", str(pinned), "--group", f"{ROOT / 'pyproject.toml'}:dev"])
    for name in BESIDE:
        copied(ROOT / name, room / "checkout" / name)
    found = run([str(python), "-c", "import hutong; print(hutong.__file__)"], cwd=room / "checkout").strip()
    if "site-packages" not in found:
        raise AssertionError(f"the wheel is not what is tested, but {found}")
    command = [str(python), "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider", *tests]
    if subprocess.run(command, cwd=room / "checkout").returncode:
        raise typer.Exit(1)


def stated() -> set[str]:
    """The packages that the page says the wheel brings in."""
    (line,) = re.findall(r"^The wheel brings in (.*?)\.$", STATED.read_text(encoding="utf-8"), re.M | re.S)
    return set(re.findall(r"`([\w-]+)`", line))


def copied(source: Path, to: Path) -> None:
    """A file, or a folder with everything in it."""
    to.parent.mkdir(exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, to, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, to)


def run(command: Sequence[str], *, cwd: Path = ROOT) -> str:
    """What the command prints; where it fails, what it said, and exit code 1."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        step(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        raise typer.Exit(1)
    return done.stdout


def step(text: str) -> None:
    """A line to whoever looks on."""
    typer.echo(f"· {text}", err=True)


if __name__ == "__main__":
    app()
