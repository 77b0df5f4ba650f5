"""What is installed: the wheel's contents, the pinned requirements, and what make says where it cannot."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.alone import built

ROOT = Path(__file__).parent.parent.parent


def test_wheel_is_hutong_with_its_schemas(tmp_path: Path) -> None:
    """The wheel holds every schema file and the typing marker, and nothing of services, local or tests."""
    wheel = built(tmp_path)
    names = set(zipfile.ZipFile(wheel).namelist())
    agreed = [
        file.relative_to(ROOT) for file in (ROOT / "schemas").rglob("*") if file.suffix in {".avsc", ".json", ".yaml"}
    ]
    assert agreed
    assert {f"hutong/{file}" for file in agreed} <= names
    assert "hutong/py.typed" in names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"hutong"}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "docker/requirements.txt"])
def test_requirements_are_pinned_and_placeless(name: str) -> None:
    """Every requirement has one version and a hash, and no line says where to fetch it."""
    text = (ROOT / name).read_text()
    for requirement in re.split(r"\n(?=[a-z])", text.strip()):
        assert re.match(r"[a-z0-9][a-z0-9.-]*==\S+", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement
    assert "://" not in text
    assert "index" not in text


def test_every_dependency_is_pinned() -> None:
    """What pyproject.toml asks for is in the pinned files, those of the city in both."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]

    def pinned(name: str) -> set[str]:
        return {found.lower() for found in re.findall(r"^([\w.-]+)==", (ROOT / name).read_text(), re.M)}

    def wanted(entries: list[object]) -> set[str]:
        return {re.split(r"[\[<>=]", entry)[0].lower() for entry in entries if isinstance(entry, str)}

    library = wanted(project["project"]["dependencies"])
    city = library | wanted(groups["local"])
    assert city <= pinned("requirements.txt")
    assert city | wanted(groups["dev"]) <= pinned("requirements-dev.txt")
    image = library | wanted(groups["image"]) | wanted(groups["services"]) | wanted(groups["postgresql"])
    assert image <= pinned("docker/requirements.txt")


def test_make_without_python_says_what_to_install() -> None:
    """Where no Python 3.11 is found, make says so in one sentence and ends with 2."""
    told = subprocess.run(["make", "demo", "FOUND="], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert told.stderr.splitlines()[0].startswith("No Python 3.11 or newer with venv was found on PATH: install one")


def test_ci_counts_a_skip_as_a_failure(tmp_path: Path) -> None:
    """In CI a test skipped for want of a component fails; only data that the project does not ship may be absent."""
    file = tmp_path / "test_skips.py"
    file.write_text(
        "import pytest\n"
        "def test_component(): pytest.skip('no broker')\n"
        "def test_data(): pytest.skip('../shared/data is not here')\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "tests.strictness", "--rootdir", str(tmp_path), str(file)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "1 failed, 1 skipped" in told.stdout
    assert "not skipped in CI: Skipped: no broker" in told.stdout
