"""From submit to handler: an author and a handler as processes, at one rate after another."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arithmetic import percentile
from benchmarks.corpus import BATCH
from benchmarks.running import Failed
from benchmarks.town import LEADS
from benchmarks.working import Working
from local.supervisor import ROOT, inherited
from local.tether import tethered

RATES = (200, 400, 800, 1600, 3200, 6400)
"""Events a second that are tried one after the other, until one is not sustained."""
SUSTAINED_MS = 1000.0
"""A rate is sustained where 99 of 100 events take less: otherwise they pile up."""

_HANDLER = LEADS[0]
_TICKETS = 8 * BATCH
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """From the moment an event was due to its handler's block, ms, at so many events a second."""

    rate: int
    events: int
    p50_ms: float
    p99_ms: float
    most_ms: float

    @property
    def sustained(self) -> bool:
        """Whether the machine kept up."""
        return self.p99_ms < SUSTAINED_MS


def latencies(town: Working, seconds: float, before: Callable[[int], None]) -> list[Latency]:
    """At each rate for so many seconds, up to the first that is not sustained; ``before`` is called ahead of each.

    Raises:
        Failed: the author or the handler did not come to its end.
    """
    corpus = town.place.corpus(batched=True, leads=LEADS[:1])
    opened = [record for _ in range(_TICKETS // BATCH) for record in corpus.block(corpus.life(0)[:2])]
    town.place.fill(opened)
    town.settle()
    tickets = town.home / "tickets.json"
    tickets.write_text(json.dumps(sorted({(record.key or b"").decode() for record in opened})), encoding="utf-8")
    found: list[Latency] = []
    for rate in RATES:
        before(rate)
        found.append(_at(rate, town, tickets, seconds))
        if not found[-1].sustained:
            break
    return found


def _at(rate: int, town: Working, tickets: Path, seconds: float) -> Latency:
    count, system = round(rate * seconds), f"bench{rate}"
    taken, ready = town.home / f"{system}.json", town.home / f"{system}.ready"
    handler = _process(town, _HANDLER, "handler", system, str(count), str(ready), str(taken))
    deadline = time.monotonic() + _PATIENCE
    while not ready.exists():
        if handler.poll() is not None or time.monotonic() > deadline:
            raise Failed(f"the handler is not ready: {town.home / 'logs' / 'handler.log'}")
        time.sleep(0.05)
    author = _process(town, town.place.founded.city.id, "author", str(rate), str(count), str(tickets))
    for process, name in ((author, "author"), (handler, "handler")):
        try:
            code = process.wait(10 * seconds + _PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            code = None
        if code != 0:
            raise Failed(f"the {name} did not come to its end at {rate}/s: {town.home / 'logs' / name}.log")
    waited = json.loads(taken.read_text(encoding="utf-8"))
    return Latency(
        rate=rate,
        events=len(waited),
        p50_ms=percentile(waited, 0.50),
        p99_ms=percentile(waited, 0.99),
        most_ms=max(waited),
    )


def _process(town: Working, organisation: str, name: str, *words: str) -> subprocess.Popen[bytes]:
    values = town.place.founded.values(organisation)
    environment = {**inherited(), **{f"HUTONG_{key.upper()}": value for key, value in values.items()}}
    with open(town.home / "logs" / f"{name}.log", "ab") as log:
        return subprocess.Popen(
            tethered([sys.executable, "-m", f"benchmarks.ours.{name}", *words]),
            env={**environment, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
