"""``python -m tests.chaos.overload``: ten times what a city can digest, for a minute.

Three acts, each on what the one before left. *Measure*: a block of complaints is put before the whole chain (admit,
deliver, dispatch, desk, a slow department, callback) so that work always waits; the time until nothing is left to do
gives the sustainable rate. *Calm*: broker and services start anew and work at half of it; the memory each holds then
is its level. *Storm*: ten times the rate; memory is looked at every second until the lag is back to zero. Then the
checker reads everything.

Rates count complaints as their authors submit them; each becomes six events or more on the ledger. Authors sign before
they send, in batches, so that the storm is not held back by their own work.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hutong.transport import Partition
from hutong.transport.kafka import KafkaTransport
from local.founding import FoundedCity, found
from local.kafka import EmbeddedKafka
from local.lag import Lag
from local.supervisor import ROOT, Child, Supervisor
from local.tether import tethered
from tests.chaos.city import CALLBACK, CREW, DESK, DISPATCH, HOTLINE, WATER, WORKS, chaos_city
from tests.chaos.looks import looks
from tests.chaos.memory import Memory, Resident
from tests.checker import Verdict, check, read_history

SYSTEMS = (DISPATCH, CALLBACK, DESK, CREW)
AUTHORS = 2
BLOCK = 300
"""Complaints of the first block; each other is as large as the rate of the one before makes it last."""
LASTING = 30.0
ROUNDS = 4
CALM = 0.5
"""Share of the sustainable rate at which each service's level of memory is taken."""
BOUND = 1.5
"""What a service's memory may grow to, as a multiple of its level."""
REST = 3.0  # seconds without anything left to do
GIVE_UP = 3600.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What the storm did. ``drained_s``: from its end until nothing was left to do."""

    asked: float
    reached: float
    complaints: int
    seconds: float
    backlog: int
    drained_s: float
    peaks: Mapping[str, float]


class City:
    """A city on a broker of its own, whose processes can all be started anew."""

    def __init__(self, home: Path, kafka: EmbeddedKafka, transport: KafkaTransport, founded: FoundedCity) -> None:
        self.home = home
        self.kafka = kafka
        self.transport = transport
        self.founded = founded
        self.lag = Lag(transport, HOTLINE, SYSTEMS)
        self.names = ("admit", "deliver", "dispatch", "callback", "desk", "slow")
        self.services = Supervisor(self._children(), home=home)
        self.memory = Memory(self._pids)
        self._bursts = 0

    def _children(self) -> Iterator[Child]:
        hotline, routing = self.founded.variables(HOTLINE), str(self.founded.city.folder / "routing.yaml")
        yield Child.service("admit", env=hotline)
        yield Child.service("deliver", env=hotline)
        yield Child.service("dispatch", "--routing", routing, env=hotline)
        yield Child.service("callback", env=hotline)
        yield Child.service("desk", "--decline-share", "0", env=self.founded.variables(WATER))
        slow = {**self.founded.variables(WORKS), "HUTONG_INSTANCE": "slow"}
        yield Child(name="slow", argv=(sys.executable, "-m", "tests.chaos.slow"), env=slow)

    def _pids(self) -> Mapping[str, int | None]:
        broker = self.kafka.process.pid if self.kafka.process is not None else None
        return {"broker": broker, **{name: self.services.pid(name) for name in self.names}}

    def renew(self) -> None:
        """Start broker and services anew, so that their memory says nothing of what was before."""
        self.services.stop()
        self.kafka.restart()
        self.services.start()

    def burst(self, complaints: int, rate: float, say: Say) -> float:
        """File complaints at ``rate`` a second (0: as fast as it goes); the seconds it took, signing left out."""
        self._bursts += 1
        folder = self.home / f"burst-{self._bursts}"
        folder.mkdir()
        with contextlib.ExitStack() as stack:
            authors = [
                stack.enter_context(self._author(folder, number, complaints // AUTHORS, rate / AUTHORS))
                for number in range(AUTHORS)
            ]
            _until(lambda: len(list(folder.glob("*.ready"))) == AUTHORS, authors)
            say(f"  {complaints} complaints signed, sending")
            self.memory.begin()
            (folder / "go").touch()
            while any(author.poll() is None for author in authors):
                time.sleep(1.0)
                self.watch(say)
        reports = [json.loads(path.read_text()) for path in folder.glob("*.json")]
        if len(reports) != AUTHORS:
            raise SystemExit(f"an author failed: see {folder}")
        return float(max(report["seconds"] for report in reports))

    @contextlib.contextmanager
    def _author(self, folder: Path, number: int, events: int, rate: float) -> Iterator[subprocess.Popen[bytes]]:
        name = f"burst-{self._bursts}-{number}"
        argv = [sys.executable, "-m", "tests.chaos.burst", name, "--folder", str(folder)]
        argv += ["--events", str(events), "--rate", str(rate), "--batch", str(max(1, min(50, int(rate / 4) or 50)))]
        with open(folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                tethered(argv), cwd=ROOT, stdout=log, stderr=log, env={**os.environ, **self.founded.variables(HOTLINE)}
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def settle(self, say: Say) -> float:
        """Wait until nothing is left to do; when that began (``time.monotonic()``)."""
        began = time.monotonic()
        for behind, calm in looks(lambda: next(iter(self.lag.behind()), ""), pause=0.5):
            self.watch(say)
            now = time.monotonic()
            if now - calm >= REST:
                return calm
            if now - began > GIVE_UP:
                raise SystemExit(f"not at rest after {GIVE_UP:.0f} s: {behind}")
        raise AssertionError("looks() ends")

    def backlog(self) -> int:
        """Submissions that admit has not judged yet, about."""
        at = self.transport.groups(f"{HOTLINE}.admit")
        places = [Partition("submissions", number) for number in range(self.transport.topics()["submissions"])]
        with contextlib.closing(self.transport.consumer(client_id="backlog", committed=False)) as consumer:
            return sum(consumer.end(place) - (at[place].offset if place in at else 0) for place in places)

    def watch(self, say: Say) -> Mapping[str, Resident]:
        """Look at the memory, and say it now and then."""
        found = self.memory.look()
        now = time.monotonic()
        if now - getattr(self, "_said", 0.0) > 15:
            self._said = now
            say("  MiB " + ", ".join(f"{name} {held.now:.0f}" for name, held in found.items()))
        return found


def _until(true: Callable[[], bool], authors: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + 600
    while not true():
        if time.monotonic() > deadline or any(author.poll() is not None for author in authors):
            raise SystemExit("an author did not come to send")
        time.sleep(0.1)


def measure(city: City, say: Say, *, complaints: int) -> float:
    """The rate at which the chain digests ``complaints`` that all wait for it."""
    began = time.monotonic()
    # Signing happens before; the block is with the broker long before it is digested.
    seconds = city.burst(complaints, 0.0, say)
    sent = time.monotonic()
    done = city.settle(say)
    rate = complaints / (done - sent + seconds)
    say(f"  {complaints} complaints in {done - sent + seconds:.1f} s: {rate:.1f}/s (signing {sent - began:.1f} s)")
    return rate


def sustainable(city: City, say: Say, block: int) -> float:
    """Blocks of :data:`LASTING` seconds, until a larger one is digested no faster: on a small one starting weighs."""
    best = measure(city, say, complaints=block)
    for _ in range(ROUNDS):
        rate = measure(city, say, complaints=max(block, int(best * LASTING) // AUTHORS * AUTHORS))
        if rate < best * 1.1:
            return max(best, rate)
        best = rate
    return best


def storm(city: City, say: Say, *, rate: float, seconds: float) -> Storm:
    """``rate`` for ``seconds``, then until nothing is left to do."""
    complaints = int(rate * seconds) // AUTHORS * AUTHORS
    took = city.burst(complaints, rate, say)
    ended = time.monotonic()
    backlog = city.backlog()
    say(f"  sent {complaints} in {took:.1f} s ({complaints / took:.0f}/s), {backlog} submissions wait for admit")
    done = city.settle(say)
    return Storm(
        asked=rate,
        reached=complaints / took,
        complaints=complaints,
        seconds=took,
        backlog=backlog,
        drained_s=done - ended,
        peaks={name: held.peak for name, held in city.watch(say).items()},
    )


def judge(city: City) -> Verdict:
    """The checker's word on everything that happened."""
    settings = city.founded.settings(HOTLINE)
    history = read_history(city.transport, settings, journals=city.founded.journals, state=city.home / "state")
    return check(history, complete=True, systems=SYSTEMS, restarted=())


@contextlib.contextmanager
def running(home: Path) -> Iterator[City]:
    """A city under ``home``, which stays."""
    with EmbeddedKafka(home) as kafka, contextlib.closing(KafkaTransport(kafka.bootstrap)) as transport:
        city = City(home, kafka, transport, found(chaos_city(home / "city"), home, kafka.bootstrap, transport))
        with city.services:
            yield city


def run(home: Path, say: Say, *, seconds: float, factor: float, block: int = BLOCK) -> dict[str, object]:
    """All three acts and the verdict, as one JSON object."""
    with running(home) as city:
        say("measuring what the chain digests")
        rate = sustainable(city, say, block)
        say(f"calm: everything starts anew, {rate * CALM:.1f}/s")
        city.renew()
        city.settle(say)
        city.burst(max(AUTHORS, int(rate * CALM * 25) // AUTHORS * AUTHORS), rate * CALM, say)
        city.settle(say)
        level = {name: held.now for name, held in city.watch(say).items()}
        before = {name: city.services.restarts(name) for name in city.names}
        say(f"storm: {rate * factor:.0f}/s for {seconds:.0f} s")
        told = storm(city, say, rate=rate * factor, seconds=seconds)
        restarts = sum(city.services.restarts(name) - before[name] for name in city.names)
        city.services.stop()
        say("the checker reads everything")
        verdict = judge(city)
    (home / "verdict.txt").write_text(verdict.summary() + "\n", encoding="utf-8")
    return {
        "sustainable_per_s": round(rate, 1),
        "asked_per_s": round(told.asked, 1),
        "reached_per_s": round(told.reached, 1),
        "complaints": told.complaints,
        "seconds": round(told.seconds, 1),
        "backlog": told.backlog,
        "drained_s": round(told.drained_s, 1),
        "ledger_events": verdict.counts.ledger_events,
        "refused": verdict.counts.refused,
        "lost": verdict.counts.lost,
        "duplicates": verdict.counts.duplicates,
        "violations": len(verdict.violations),
        "restarts": restarts,
        "memory_mib": {
            name: {"before": round(level[name], 1), "peak": round(peak, 1), "ratio": round(peak / level[name], 2)}
            for name, peak in told.peaks.items()
        },
    }


def swollen(memory: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Who grew beyond :data:`BOUND` times its level."""
    return [
        f"{name} grew from {held['before']:.0f} to {held['peak']:.0f} MiB"
        for name, held in memory.items()
        if held["peak"] > BOUND * held["before"]
    ]


def main(
    seconds: Annotated[float, typer.Option(help="How long the storm lasts.")] = 60.0,
    factor: Annotated[float, typer.Option(help="How many times the sustainable rate.")] = 10.0,
    keep: Annotated[Path | None, typer.Option(help="Folder of the run; kept.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Overload a city; exit with 1 if a promise was broken, a service died, or its memory was not bounded."""
    home = (keep or Path(tempfile.mkdtemp(prefix="hutong-overload-"))).absolute()
    home.mkdir(parents=True, exist_ok=True)
    _say(f"folder {home}")
    result = run(home, _say, seconds=seconds, factor=factor)
    memory = result["memory_mib"]
    assert isinstance(memory, dict)
    _say(f"\n{'process':<10} {'before MiB':>10} {'peak MiB':>9} {'ratio':>6}")
    for name, held in memory.items():
        _say(f"{name:<10} {held['before']:>10.1f} {held['peak']:>9.1f} {held['ratio']:>6.2f}")
    for name, value in result.items():
        if name != "memory_mib":
            _say(f"{name:<20} {value}")
    grown = swollen(memory)
    for text in grown:
        _say(f"MEMORY {text}")
    if as_json:
        print(json.dumps(result), flush=True)
    if grown or result["violations"] or result["restarts"]:
        _say(f"logs and history are kept in {home}")
        sys.exit(1)
    if keep is None:
        shutil.rmtree(home, ignore_errors=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)
