"""The demo from end to end, as a user starts it."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from local.kafka import EmbeddedKafka
from tests.shared_data import shared_file

ROWS = 150


def demo(home: Path, *arguments: str) -> dict[str, Any]:
    """Run the demo to its end; its last line."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUTONG_")}
    done = subprocess.run(
        [sys.executable, "-m", "local", "demo", *arguments, "--exit", "--json"],
        env={**environment, "HUTONG_DEMO_HOME": str(home)}, capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.timeout(300)
def test_generated_complaints_come_to_their_end(tmp_path: Path) -> None:
    """Nine complaints in ten are answered or closed within the day; nothing is lost or twice. So fast a clock may come
    too late for a step, and is refused."""
    result = demo(tmp_path, "--tickets", "60", "--speed", "4320")
    assert (result["tickets"], result["ended"] + result["open"]) == (60, 60)
    assert result["ended"] >= 54
    assert (result["lost"], result["duplicates"], result["rejected"]) == (0, 0, 0)
    assert sum(result["by_step"].values()) == result["ledger_events"]
    assert result["closed"] >= 10  # 41 % are dispatched, each day's calls being drawn anew
    assert result["latency_ms"]["p99"] >= result["latency_ms"]["p50"] > 0


def closed_rows(path: Path) -> int:
    """Rows whose status is Closed with a close date not before creation, counted from the file alone."""

    def moment(text: str) -> datetime:
        return datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p")  # noqa: DTZ007  # both of one row, in the city's time

    with gzip.open(path, "rt", newline="") as file:
        rows = [row for _, row in zip(range(ROWS), csv.DictReader(file), strict=False)]
    return sum(
        row["Status"] == "Closed" and moment(row["Closed Date"]) >= moment(row["Created Date"])
        for row in rows
        if row["Closed Date"] or row["Status"] != "Closed"
    )


@pytest.mark.timeout(300)
def test_real_rows_end_as_their_file_says_and_replay_as_they_were_sent(tmp_path: Path) -> None:
    """Closed tickets equal the file's; `hutong replay` gives the fingerprints logged before sending, each once."""
    path = shared_file("nyc311_queens_2020_2023.csv.gz")
    result = demo(tmp_path, "--data", str(path), "--map", "nyc311", "--tickets", str(ROWS))
    assert result["tickets"] + result["rejected"] == ROWS
    assert result["closed"] == closed_rows(path) > 0
    home = tmp_path / "demo"
    with EmbeddedKafka(home):
        replay = subprocess.run(
            [sys.executable, "-m", "hutong", "replay"],
            env={**os.environ, "HUTONG_CONFIG": str(home / "settings" / "nyc.toml")},
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
    replayed = sorted(json.loads(line)["fingerprint"] for line in replay.stdout.splitlines())
    lines = [json.loads(line) for file in (home / "journals").iterdir() for line in file.read_text().splitlines()]
    sent = {line["fingerprint"] for line in lines if line["what"] == "sent"}
    assert result["refused"] == 0
    assert replayed == sorted(sent)
    assert len(replayed) == result["ledger_events"]
