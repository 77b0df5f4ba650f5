"""SIGKILL to intake on a real broker: whatever channel a file came through, it goes on where it stood."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from hutong import complaint
from local.supervisor import ROOT, Child
from local.tether import tethered
from tests.integration.running import RunningCity, running_city
from tests.services.channels import request, requests_file

ROWS = 400
PATIENCE = 240.0


def command(city: RunningCity, *args: str) -> subprocess.Popen[bytes]:
    child = Child.service("intake", *args, "--json", "--batch", "20", env=city.founded.variables("nyc"))
    return subprocess.Popen(
        tethered(child.argv), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        env=child.environment,
    )  # fmt: skip


def killed_at_work(city: RunningCity, args: Sequence[str]) -> None:
    """Start it, and kill it once some rows, not all, are on the ledger."""
    deadline, before = time.monotonic() + PATIENCE, on_the_ledger(city)
    with command(city, *args) as process:
        while on_the_ledger(city) == before:
            assert process.poll() is None and time.monotonic() < deadline
        process.kill()


def on_the_ledger(city: RunningCity) -> int:
    with contextlib.closing(city.connect("nyc", journal=False)) as bus:
        return sum(1 for _ in bus.replay())


@pytest.mark.timeout(600)
def test_intake_killed_by_sigkill_files_each_row_once(tmp_path: Path) -> None:
    """In the second run every row is filed or known, and the ledger has each once."""
    file = requests_file(tmp_path, *(request(service_request_id=str(n)) for n in range(3, ROWS + 1)))
    args = (str(file), "--map", "open311_nyc")
    with running_city(tmp_path / "city", city="nyc") as city:
        killed_at_work(city, args)
        with command(city, *args) as process:
            output = process.communicate(timeout=PATIENCE)[0]
        account = json.loads(output)
        assert process.returncode == 0
        assert account["rows"] == ROWS == account["filed"] + account["known"]
        assert account["known"] > 0
        with contextlib.closing(city.connect("nyc", journal=False)) as bus:
            rows = [event.data.source.row for event in bus.replay()
                    if isinstance(event.data, complaint.Filed) and event.data.source]  # fmt: skip
        assert len(rows) == len(set(rows)) == ROWS
