"""``python -m tests.integration.day``: one generated day through a whole city on a real broker, as fast as it goes.

The generator's calls go straight into intake; admit, deliver, dispatch, callback and a desk for every organisation
handle them. Then the checker judges everything, and a sample of the day's personal texts is searched for in clear.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hutong import disposition
from hutong.errors import BusError
from hutong.transport import Partition
from hutong.transport.kafka import KafkaTransport
from local.cities import City
from local.desks import desk_children
from local.founding import FoundedCity, found
from local.generator import Generator, personal_strings
from local.kafka import EmbeddedKafka
from local.lag import Lag
from local.report import admitted_seconds, by_step
from local.supervisor import ROOT, Child, Supervisor
from local.tether import tethered
from tests.chaos.memory import Memory
from tests.checker import History, check, read_history
from tests.integration.leaks import search

DAY_SECONDS = 86_400
LOOK_SECONDS = 1.0
SERVICES = ("admit", "deliver", "dispatch", "callback", "custodian", "clock")

HOUR = 0.02
"""Seconds that an hour takes for a desk that answers late: what is measured is how fast the city goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """See ``python -m tests.integration.day --help``."""

    day: date
    scale: float
    seed: int
    size: str | None
    minutes: float
    sample: int


def run(options: Options, home: Path) -> dict[str, Any]:
    """Play the day under ``home``; what the command prints."""
    city = City.load("beijing", options.size)
    with EmbeddedKafka(home) as kafka, contextlib.closing(KafkaTransport(kafka.bootstrap)) as transport:
        began = time.monotonic()
        founded = found(city, home, kafka.bootstrap, transport)
        _say(f"{len(city.organisations)} organisations founded in {time.monotonic() - began:.1f} s")
        founding = time.monotonic() - began
        services = Supervisor(_children(founded), home=home)
        systems = [f"{city.id}.dispatch", f"{city.id}.callback", *founded.keepers]
        systems += [f"{name}.desk" for name, organisation in city.organisations.items() if organisation.desk]
        lag = Lag(transport, city.id, systems)
        with services, _filing(founded, options) as intake:
            trees = [child.name for child in desk_children(founded)]
            memory = Memory(lambda: _pids(services, intake, kafka))
            desks = _Desks(services, trees)
            behind, peaks = _to_the_end(transport, city, lag, intake, memory, desks, options.minutes)
        account = json.loads((home / "intake.json").read_text(encoding="utf-8").splitlines()[-1])
        history = read_history(transport, founded.settings(city.id), journals=founded.journals, state=home / "state")
        verdict = check(history, complete=not behind)
        (home / "verdict.txt").write_text(verdict.summary() + "\n", encoding="utf-8")
        texts = _sample(city, options)
        leaks = search(texts, home=home, transport=transport)
    return {
        "scale": options.scale,
        "day": options.day.isoformat(),
        "organisations": len(city.organisations),
        "founding_seconds": round(founding, 1),
        "calls": account["rows"],
        "filed": account["filed"],
        **_measured(history),
        "memory_mib": {name: round(peak) for name, peak in sorted(peaks.items())},
        "lag_at_end": behind,
        "refused": verdict.counts.refused,
        "ended": verdict.counts.ended,
        "violations": len(verdict.violations),
        "searched_texts": len(texts),
        "leaks": len(leaks.leaks),
    }


def _children(founded: FoundedCity) -> list[Child]:
    hotline, routing = founded.variables(founded.city.id), str(founded.city.folder / "routing.yaml")
    return [
        Child.service("admit", env=hotline),
        Child.service("deliver", env=hotline),
        Child.service("dispatch", "--routing", routing, env=hotline),
        Child.service("callback", env=hotline),
        *founded.custody(),
        *founded.timekeeping(),
        *desk_children(founded, hour=HOUR),
    ]


@contextlib.contextmanager
def _filing(founded: FoundedCity, options: Options) -> Iterator[subprocess.Popen[bytes]]:
    """The generator piped into intake."""
    home = founded.home
    (home / "logs").mkdir(exist_ok=True)
    generate = [sys.executable, "-m", "local", "generate", "--day", f"{options.day}", "--scale", f"{options.scale}"]
    generate += ["--seed", f"{options.seed}", *(["--size", options.size] if options.size else [])]
    variables = founded.variables(founded.city.id)
    file = Child.service("intake", "-", "--system", "generator", "--event-times", "now", "--json", env=variables)
    with open(home / "logs" / "intake.log", "ab") as log, open(home / "intake.json", "wb") as account:
        source = subprocess.Popen(tethered(generate), cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
        intake = subprocess.Popen(
            tethered(file.argv), cwd=ROOT, stdin=source.stdout, stdout=account, stderr=log, env=file.environment
        )
        assert source.stdout is not None
        source.stdout.close()  # intake holds it: should it end, the generator ends, too
        try:
            yield intake
        finally:
            for process in (intake, source):
                process.terminate()
                process.wait()


def _to_the_end(
    transport: KafkaTransport,
    city: City,
    lag: Lag,
    intake: subprocess.Popen[bytes],
    memory: Memory,
    desks: _Desks,
    minutes: float,
) -> tuple[list[str], dict[str, float]]:
    """Wait until nothing is left to do, looking at the memory meanwhile: what is left, and each service's peak in MiB.

    At the end nothing is behind twice in a row, and the ledger has not moved from before the first to after the second.
    """
    peaks: dict[str, float] = {}
    deadline, told = time.monotonic() + minutes * 60, 0.0
    ends: dict[Partition, int] = {}
    while True:
        peaks |= {name: held.peak for name, held in memory.look().items()}
        peaks["desks"] = max(peaks.get("desks", 0.0), desks.look())
        if intake.poll() is None:
            behind = ["intake"]
        else:
            before, ends = ends, _ends(transport, city)
            behind = _behind(lag)
            if not behind and before == ends == _ends(transport, city):
                return [], peaks
        if time.monotonic() > deadline:
            return behind or ["the ledger moves"], peaks
        if time.monotonic() > told + 30:
            told = time.monotonic()
            _say(f"{sum(_ends(transport, city).values())} on the ledger, waiting for {behind[:3]}")
        time.sleep(LOOK_SECONDS)


def _behind(lag: Lag) -> list[str]:
    try:
        return list(lag.behind())
    except BusError as error:
        return [str(error)]


def _ends(transport: KafkaTransport, city: City) -> dict[Partition, int]:
    places = [Partition("ledger", number) for number in range(city.partitions)]
    return {place: bounds.end for place, bounds in transport.bounds(places).items()}


def _pids(services: Supervisor, intake: subprocess.Popen[bytes], kafka: EmbeddedKafka) -> Mapping[str, int | None]:
    """Every process by name, but for the desks."""
    found: dict[str, int | None] = {"intake": intake.pid, "kafka": kafka.process.pid if kafka.process else None}
    return found | {name: services.pid(name) for name in SERVICES}


class _Desks:
    """What all desks hold together, shared memory counted once."""

    def __init__(self, services: Supervisor, trees: Sequence[str]) -> None:
        self._services = services
        self._trees = trees
        self._next = 0.0
        self._last = 0.0

    def look(self) -> float:
        """In MiB; looked at anew every ten seconds, since it takes the kernel a while."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 10
            self._last = sum(_share(pid) for tree in self._trees for pid in self._tree(self._services.pid(tree)))
        return self._last

    def _tree(self, pid: int | None) -> Iterator[int]:
        with contextlib.suppress(OSError):
            if pid is not None:
                yield pid
                yield from map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def _share(pid: int) -> float:
    """The part of its memory that is a process's own, and of what it shares its part (PSS)."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _measured(history: History) -> dict[str, Any]:
    """What the ledger says of the day: how long from its first to its last event, how many calls were dispatched."""
    dispatched: set[bytes] = set()
    tickets: set[bytes] = set()
    for record in (record for log in history.ledger.values() for record in log):
        tickets.add(record.key or b"")
        if dict(record.headers)["ce_type"].decode() == disposition.Dispatched.TYPE:
            dispatched.add(record.key or b"")
    types, seconds = by_step(history), admitted_seconds(history)
    events = sum(types.values())
    return {
        "dispatched": len(dispatched),
        "dispatched_share": round(len(dispatched) / len(tickets), 3),
        "by_step": dict(sorted(types.items())),
        "ledger_events": events,
        "deliveries": sum(len(records) for log in history.deliveries.values() for records in log.values()),
        "seconds": round(seconds, 1),
        "events_per_second": round(events / seconds, 1),
        "calls_per_second": round(len(tickets) / seconds, 1),
        "times_faster_than_it_happened": round(DAY_SECONDS / seconds, 1),
    }


def _sample(city: City, options: Options) -> set[str]:
    """The personal strings of some ``options.sample`` calls, all over the day."""
    generator = Generator(city, options.seed, options.scale)
    calls = sum(1 for _ in generator.day(options.day))
    step = max(1, calls // options.sample)
    return personal_strings(call for n, call in enumerate(generator.day(options.day)) if n % step == 0)


def main(
    scale: Annotated[float, typer.Option(min=0.0001, help="1 is a whole city: 70,000 calls.")] = 0.02,
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Which day; today if not given.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same day.")] = 1,
    size: Annotated[str | None, typer.Option(help="How much of the city has a door: demo, districts or all.")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="Judge what there is after so long.")] = 240.0,
    sample: Annotated[int, typer.Option(min=1, help="Search for the personal texts of so many calls.")] = 1000,
    keep: Annotated[Path | None, typer.Option(help="Folder of the run, new; kept.")] = None,
) -> None:
    """Play one day of Beijing as fast as this machine can; ends with one JSON object on stdout.

    Exit code 1 where the checker found something, something is left to do, or a personal text stands in clear.

    Example: python -m tests.integration.day --scale 0.02 --day 2026-01-05
    """
    home = (keep or Path(tempfile.mkdtemp(prefix="hutong-day-"))).absolute()
    home.mkdir(parents=True, exist_ok=True)
    _say(f"folder {home}")
    options = Options(
        day=(day or datetime.now(UTC)).date(), scale=scale, seed=seed, size=size, minutes=minutes, sample=sample
    )
    result = run(options, home)
    print(json.dumps(result, ensure_ascii=False), flush=True)
    if result["violations"] or result["lag_at_end"] or result["leaks"]:
        _say(f"logs, history and verdict.txt are kept in {home}")
        sys.exit(1)
    if keep is None:
        shutil.rmtree(home, ignore_errors=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)
