"""What happens to the ledger's owners: killed at work, rebuilt, started from a snapshot, started from nothing."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from services.owning.snapshot import restore
from tests.chaos.city import HOTLINE
from tests.chaos.memory import resident
from tests.chaos.takeover.author import ENTRIES
from tests.chaos.takeover.clocks import GLANCE, Log, Work, cpu, run_measured
from tests.chaos.takeover.site import SERVICES, Site

PATIENCE = 3600.0
OUTPUT = {"admit": "ledger", "deliver": f"deliveries.{HOTLINE}"}
"""Where each service's next record is looked for."""
AT_WORK = 100
"""Offsets that the ledger grows by before a service at work is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """``taken``: seconds until all partitions were taken, ``first``: until the first new record could be read;
    ``read``: records read to bring the states up; ``before``: MiB at the peak of the process that was killed."""

    taken: float
    first: float | None
    read: int
    cpu: float
    peak: float
    before: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What filing took: ``cpu`` in seconds, by process."""

    entries: int
    seconds: float
    cpu: dict[str, float]


def file(site: Site, tickets: int) -> Loaded:
    """File tickets, and wait until all of them are delivered."""
    broker = site.kafka.process.pid if site.kafka.process is not None else None
    with site.load(tickets) as load:
        pids = {"broker": broker, **{service: site.services.pid(service) for service in SERVICES}}
        before = {name: cpu(pid) for name, pid in pids.items()}
        began = time.monotonic()
        load.go()
        load.finish()
        site.settle()
        seconds = time.monotonic() - began
    used = {name: cpu(pid) - before[name] for name, pid in pids.items()}
    return Loaded(entries=tickets * ENTRIES, seconds=seconds, cpu=used)


def snapshots(site: Site, service: str) -> str:
    """Who made the snapshots that there are: the service beside its work, or, on a short run, its rebuild."""
    wanted = [site.state(service) / f"{number}.snapshot" for number in range(site.partitions)]
    if all(path.exists() for path in wanted):
        return "service"
    rebuild(site, service)
    return "rebuild"


def kill_at_work(site: Site, service: str, tickets: int) -> Takeover:
    """SIGKILL in the middle of ``tickets``, with as many again to come."""
    with site.load(tickets) as load, site.load(tickets) as more:
        start = site.end("ledger")
        load.go()
        while site.end("ledger") < start + AT_WORK:
            load.check()
            time.sleep(0.02)
        pid, log = site.services.pid(service), Log(site.log(service))
        held = resident(pid) if pid is not None else None
        began = time.monotonic()
        site.services.kill(service)
        more.go()
        found = _watch(site, service, log, began, first=True, before=held.peak if held else None)
        load.finish()
        more.finish()
    site.settle()
    return found


def start(site: Site, service: str) -> Takeover:
    """Start a service that was stopped, with nothing to do but to take its partitions; stop it again."""
    log, began = Log(site.log(service)), time.monotonic()
    site.begin(service)
    found = _watch(site, service, log, began, first=False, before=None)
    site.services.remove(service, timeout=120)
    return found


def _watch(site: Site, service: str, log: Log, began: float, *, first: bool, before: float | None) -> Takeover:
    taken, seen = None, None
    with contextlib.closing(site.transport.consumer(client_id="watch")) as consumer:
        places = site.places(OUTPUT[service])
        consumer.assign(places)
        for place in places:
            consumer.seek(place, consumer.end(place))
        while taken is None or (first and seen is None):
            if first and seen is None and consumer.poll(GLANCE):
                seen = time.monotonic() - began
            elif not first or seen is not None:
                time.sleep(GLANCE)
            if taken is None and log.taken() >= site.partitions:
                taken = time.monotonic() - began
            if time.monotonic() - began > PATIENCE:
                raise SystemExit(
                    f"{service} took {log.taken()} partitions in {PATIENCE:.0f} s: see {site.log(service)}"
                )
    pid = site.services.pid(service)
    held = resident(pid) if pid is not None else None
    return Takeover(
        taken=taken, first=seen, read=log.read(), cpu=cpu(pid), peak=held.peak if held else 0.0, before=before
    )


def rebuild(site: Site, service: str) -> Work:
    """``python -m services.<service> rebuild``, beside the running service."""
    argv = [sys.executable, "-m", f"services.{service}", "rebuild"]
    return run_measured(argv, site.founded.variables(HOTLINE), site.services.logs / f"{service}.rebuild.log")


# -- putting states aside ---------------------------------------------------------------------------------------------


def aside(site: Site, label: str, service: str) -> Path:
    """A folder for a kind of state."""
    folder = site.home / "aside" / label / service
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep_snapshots(site: Site, service: str, label: str) -> None:
    """Copy the snapshots as they are."""
    _each(site, lambda n: shutil.copy(site.state(service) / f"{n}.snapshot", aside(site, label, service)))


def keep_unpacked(site: Site, service: str, label: str) -> None:
    """Copy the snapshots as databases."""
    folder = aside(site, label, service)
    _each(site, lambda n: restore(site.state(service) / f"{n}.snapshot", folder / f"{n}.sqlite"))


def keep_live(site: Site, service: str, label: str) -> None:
    """Move the live files of a service that was stopped."""
    folder = aside(site, label, service)
    for path in (site.state(service) / service).iterdir():
        path.rename(folder / path.name)


def only_snapshots(site: Site, service: str, label: str | None) -> None:
    """Leave nothing of a service's state but the snapshots of this label; None: nothing at all."""
    shutil.rmtree(site.state(service), ignore_errors=True)
    if label is not None:
        site.state(service).mkdir(parents=True)
        _each(site, lambda n: shutil.copy(aside(site, label, service) / f"{n}.snapshot", site.state(service)))


def _each(site: Site, act: Callable[[int], object]) -> None:
    for number in range(site.partitions):
        act(number)
