"""What the tests of the custodian stand on: a city with one, and the databases that its store is tested on."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.custodians import Town

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")) if Path("/usr/lib/postgresql").exists() else []


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A city with a custodian, in memory."""
    town = Town(tmp_path)
    yield town
    town.close()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of this test run's own, on a socket in its folder."""
    if not POSTGRES:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    home = Path("/tmp") / f"hutong-pg-{secrets.token_hex(4)}"
    home.mkdir()
    binaries = POSTGRES[-1].parent
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(home, "postgres")

    def call(*words: str) -> None:
        subprocess.run([*as_user, *words], check=True, capture_output=True, cwd="/", timeout=100)

    call(str(binaries / "initdb"), "-D", f"{home}/data", "-U", "postgres", "--auth=trust", "--no-sync")
    options = f"-k {home} -h '' -c fsync=off"
    call(str(binaries / "pg_ctl"), "-D", f"{home}/data", "-w", "-l", f"{home}/log", "-o", options, "start")
    try:
        yield f"postgresql:///postgres?host={home}&user=postgres"
    finally:
        call(str(binaries / "pg_ctl"), "-D", f"{home}/data", "-m", "immediate", "stop")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return str(tmp_path / "custody" / "keys.sqlite")
    import psycopg

    address: str = request.getfixturevalue("postgres")
    name = f"t{secrets.token_hex(4)}"
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(f"create database {name}")
    return address.replace("/postgres?", f"/{name}?")
