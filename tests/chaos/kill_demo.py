"""``python -m tests.chaos.kill_demo``: everything of a running demo is killed, again and again, and the demo goes on.

Everything is the demo itself, its supervisor, every service, intake and the broker, each by SIGKILL, in an order drawn
from the seed. The moments are drawn from it too, and counted in lines of the city's journals, so a slow machine is
killed at the same places as a fast one; the first kill strikes while the city is being founded.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer

LINES_A_TICKET = 8
"""A complaint leaves at least so many lines in the journals, even one that is answered at once."""
DEADLINE = 240.0


class NotKilled(Exception):
    """The demo ended, or stood still, before its moment came."""


def moments(random: Random, tickets: int, kills: int) -> list[int]:
    """When to kill, in lines of the journals: 0 is while the city is founded."""
    return [0, *sorted(random.randrange(1, tickets * LINES_A_TICKET) for _ in range(kills - 1))]


def play(home: Path, tickets: int) -> subprocess.Popen[str]:
    """Start the demo under ``home``, as ``make demo`` does."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUTONG_")}
    with open(home / "demo.err", "ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "local", "demo", "--tickets", str(tickets), "--speed", "4320", "--exit", "--json"],
            env={**environment, "HUTONG_DEMO_HOME": str(home)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=errors, text=True,
        )  # fmt: skip


def kill_at(demo: subprocess.Popen[str], home: Path, lines: int, random: Random) -> int:
    """Wait for the moment and kill everything; how many processes that were."""
    deadline = time.monotonic() + DEADLINE
    while not _come(home / "demo", lines):
        if demo.poll() is not None or time.monotonic() > deadline:
            raise NotKilled(f"{lines} lines did not come: {demo.poll()}, {(home / 'demo.err').read_text()[-500:]}")
        time.sleep(0.01)
    everything = [demo.pid, *descendants(demo.pid)]
    random.shuffle(everything)
    for pid in everything:
        with suppress(ProcessLookupError):  # its parent was killed before it
            os.kill(pid, signal.SIGKILL)
    demo.wait()
    while any(Path(f"/proc/{pid}").exists() for pid in everything):  # the broker still holds its port
        time.sleep(0.01)
    return len(everything)


def _come(home: Path, lines: int) -> bool:
    if lines == 0:
        return any((home / "keys").glob("*.pem"))
    return sum(path.read_bytes().count(b"\n") for path in (home / "journals").glob("*.jsonl")) >= lines


def descendants(pid: int) -> Iterator[int]:
    """All processes that ``pid`` started, and those that they did."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from descendants(child)


def killed_demo(home: Path, *, seed: int, tickets: int = 40, kills: int = 3) -> dict[str, Any]:
    """Play the demo to its end in spite of ``kills``; its result, with ``killed`` (processes at each moment).

    Raises:
        AssertionError: the demo did not end well. NotKilled: nor did it come so far.
    """
    random = Random(seed)
    home.mkdir(parents=True, exist_ok=True)
    killed = {lines: kill_at(play(home, tickets), home, lines, random) for lines in moments(random, tickets, kills)}
    last = play(home, tickets)
    told, _ = last.communicate(timeout=DEADLINE)
    assert last.returncode == 0, f"seed {seed}: {last.returncode}, {(home / 'demo.err').read_text()[-3000:]}"
    result: dict[str, Any] = json.loads(told.splitlines()[-1])
    return {**result, "killed": killed}


def main(
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 5,
    first: Annotated[int, typer.Option(help="The first of them.")] = 1,
    tickets: Annotated[int, typer.Option()] = 100,
    kills: Annotated[int, typer.Option(help="How often everything is killed, for each seed.")] = 3,
) -> None:
    """Exit with 1 where a demo did not come to its end, or the checker found something."""
    failed = 0
    for seed in range(first, first + seeds):
        home = Path(tempfile.mkdtemp(prefix=f"hutong-killed-{seed}-"))
        began = time.monotonic()
        try:
            result = killed_demo(home, seed=seed, tickets=tickets, kills=kills)
        except (AssertionError, NotKilled, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"seed {seed}: {type(error).__name__} {error}; kept in {home}", flush=True)
            continue
        print(f"seed {seed}: {time.monotonic() - began:.0f} s, {json.dumps(result)}", flush=True)
        shutil.rmtree(home, ignore_errors=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    typer.run(main)
