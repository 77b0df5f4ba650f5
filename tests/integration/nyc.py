"""``python -m tests.integration.nyc``: New York's real rows through a whole city on a real broker, and their account.

Every row is filed, merged into an older ticket 并单, or rejected with a reason; the checker judges all that happened.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from hutong.catalogue import Catalogue
from hutong.codec import Codec
from hutong.event import read_event
from hutong.rules.lifecycle import Lifecycle, Ticket
from hutong.transport import Partition
from local.founding import ENVIRONMENT
from local.lag import Lag
from local.supervisor import ROOT, Child
from local.tether import tethered
from tests.chaos.memory import resident
from tests.chaos.takeover.clocks import cpu
from tests.checker import check, read_history
from tests.integration.running import RunningCity, running_city
from tests.shared_data import FOLDER

DATA = FOLDER / "nyc311_queens_2020_2023.csv.gz"
CITY, SYSTEM = "nyc", "nyc.dispatch"
REPEATS = "\nrepeats: {days: 7, levels: 2, place: [address], label: A}\n"
"""The same agency and type at the same address within a week. Not the demo's: its tickets end as their rows say."""
LINE_SECONDS = 5.0
STUCK_SECONDS = 600.0
"""After so long without a new entry it is judged as it is: what still waits shows in the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """Intake's account, its report by reason and by refusal, and what it took."""

    account: Mapping[str, Any]
    rejected: Mapping[str, int]
    refused: Mapping[str, int]

    @classmethod
    def read(cls, home: Path) -> Filed:
        """SystemExit where intake told no account."""
        lines = (home / "intake.json").read_text(encoding="utf-8").splitlines()
        if not lines:
            raise SystemExit(f"intake failed: see {home / 'logs' / 'intake.log'}")
        rejected, refused = Counter[str](), Counter[str]()
        for line in (home / "report.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["outcome"] == "rejected":
                rejected[": ".join(filter(None, (row["field"], row["reason"])))] += 1
            else:
                refused[row["code"]] += 1
        return cls(account=json.loads(lines[-1]), rejected=rejected, refused=refused)


@dataclass(frozen=True, slots=True)
class Watched:
    """Peaks in MiB and seconds of CPU, by process, as of the last look at each."""

    peaks: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    def look(self, pids: Mapping[str, int | None]) -> None:
        """At those that run."""
        for name, pid in pids.items():
            held = None if pid is None else resident(pid)
            if held is not None:
                self.peaks[name] = held.peak
                self.cpu[name] = cpu(pid)


def run(home: Path, data: Path, mapping: str, rows: int | None, *, judged: bool) -> dict[str, Any]:
    """All of it, as one JSON object."""
    with running_city(home, city=CITY) as city:
        routing = city.founded.home / "routing.yaml"
        routing.write_text((city.founded.city.folder / "routing.yaml").read_text(encoding="utf-8") + REPEATS)
        service = Child.service(
            "dispatch", "--routing", str(routing), "--event-times", "event", env=city.founded.variables(CITY)
        )
        city.services.add(service)
        began = time.monotonic()
        with _intake(city, data, mapping, rows) as intake:
            watched = Watched()
            states, ended = _follow(city, intake, watched)
        _settle(city)
        filed = Filed.read(home)
        result = _account(filed, states, ended - began)
        result["memory_mib"] = {name: round(held) for name, held in watched.peaks.items()}
        result["cpu_seconds"] = {name: round(used, 1) for name, used in watched.cpu.items()}
        result |= _judged(city) if judged else {"violations": None}
    return result


def _intake(city: RunningCity, data: Path, mapping: str, rows: int | None) -> subprocess.Popen[bytes]:
    home = city.founded.home
    limit = () if rows is None else ("--limit", str(rows))
    report = ("--json", "--report", str(home / "report.jsonl"))
    child = Child.service(
        "intake", str(data.absolute()), "--map", mapping, *limit, *report, env=city.founded.variables(CITY)
    )
    with open(home / "logs" / "intake.log", "wb") as log, open(home / "intake.json", "wb") as account:
        return subprocess.Popen(
            tethered(child.argv), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=account, stderr=log,
            env=child.environment,
        )  # fmt: skip


def _pids(city: RunningCity, intake: subprocess.Popen[bytes]) -> dict[str, int | None]:
    broker = city.kafka.process.pid if city.kafka.process is not None else None
    services = {name: city.services.pid(name) for name in ("admit", "deliver", "dispatch")}
    return {"broker": broker, **services, "intake": intake.pid if intake.poll() is None else None}


class _Ledger:
    """Follows the ledger for each ticket's state; the checker judges, this only counts."""

    def __init__(self, city: RunningCity) -> None:
        self.states: dict[str, str] = {}
        self.events = 0
        self.moved = time.monotonic()
        self._tickets: dict[str, Ticket] = {}
        self._codec, self._lifecycle = Codec(Catalogue.load()), Lifecycle.load()
        self._consumer = city.transport.consumer(client_id="nyc")
        places = [Partition("ledger", number) for number in range(city.founded.city.partitions)]
        self._consumer.assign(places)
        for place in places:
            self._consumer.seek(place, 0)

    def read(self) -> None:
        """Take what came within a fifth of a second."""
        for records in self._consumer.poll(0.2, 2000).values():
            self.moved = time.monotonic()
            for record in records:
                self.events += 1
                event = read_event(record, self._codec, ENVIRONMENT)
                self._tickets[event.ticket] = ticket = self._lifecycle.follow(
                    self._tickets.get(event.ticket), event.data, subject=event.ticket, author=event.source, at_ms=0
                )
                self.states[ticket.id] = ticket.state

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()


def _follow(city: RunningCity, intake: subprocess.Popen[bytes], watched: Watched) -> tuple[Counter[str], float]:
    """Wait until no ticket waits for its dispatch; how many are in each state, and when the last event came."""
    said, began = 0.0, time.monotonic()
    with contextlib.closing(_Ledger(city)) as ledger:
        while True:
            ledger.read()
            states = Counter(ledger.states.values())
            watched.look(_pids(city, intake))
            if time.monotonic() - said > LINE_SECONDS:
                said = time.monotonic()
                rate = ledger.events / (said - began + 0.001)
                _say(f"  {len(ledger.states)} tickets, {rate:.0f} events/s: {dict(states)}")
            quiet = time.monotonic() - ledger.moved
            done = intake.poll() is not None and not states["filed"] and quiet > 1.0
            if done or quiet > STUCK_SECONDS:
                intake.kill()  # of one that ended it asks nothing
                return states, ledger.moved


def _settle(city: RunningCity) -> None:
    """Wait until every service has handled what there is, so that the checker may ask for all of it."""
    lag, deadline = Lag(city.transport, CITY, [SYSTEM]), time.monotonic() + STUCK_SECONDS
    while any(lag.behind()) and time.monotonic() < deadline:
        time.sleep(0.2)


def _account(filed: Filed, states: Mapping[str, int], seconds: float) -> dict[str, Any]:
    account, merged = filed.account, states.get("merged", 0)
    rows = account["rows"]
    return {
        "rows": rows,
        "filed": account["filed"] + account["known"] - merged,
        "merged": merged,
        "rejected": dict(filed.rejected),
        "refused": dict(filed.refused),
        "adds_up": sum(states.values()) + sum(filed.rejected.values()) + sum(filed.refused.values()) == rows,
        "states": dict(states),
        "seconds": round(seconds, 1),
        "rows_per_second": round(rows / seconds, 1),
        "intake_rows_per_second": account["rows_per_second"],
    }


def _judged(city: RunningCity) -> dict[str, Any]:
    _say("checking every event")
    began, founded = time.monotonic(), city.founded
    history = read_history(
        city.transport, founded.settings(CITY), journals=founded.journals, state=founded.home / "state"
    )
    verdict = check(history, complete=True)
    (founded.home / "verdict.txt").write_text(verdict.summary() + "\n", encoding="utf-8")
    _say(verdict.summary())
    return {"violations": len(verdict.violations), "checker_seconds": round(time.monotonic() - began, 1)}


def main(
    rows: Annotated[int | None, typer.Option(min=1, help="How many rows; all of the file, if not given.")] = None,
    data: Annotated[Path, typer.Option(help="The export.")] = DATA,
    mapping: Annotated[str, typer.Option("--map", help="Its mapping.")] = "nyc311",
    judged: Annotated[bool, typer.Option("--check/--no-check", help="Let the checker judge all of it.")] = True,
    keep: Annotated[Path | None, typer.Option(help="Folder of the run, new; kept.")] = None,
) -> None:
    """File real rows in a city of its own; exit with 1 where the account does not add up or a promise was broken."""
    home = (keep or Path(tempfile.mkdtemp(prefix="hutong-nyc-"))).absolute()
    home.mkdir(parents=True, exist_ok=True)
    _say(f"folder {home}")
    result = run(home, data, mapping, rows, judged=judged)
    print(json.dumps(result, ensure_ascii=False), flush=True)
    waiting = result["states"].get("filed", 0)
    if result["violations"] or waiting or not result["adds_up"]:
        _say(f"not every row came to its place: logs and verdict are kept in {home}")
        sys.exit(1)
    if keep is None:
        shutil.rmtree(home, ignore_errors=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)
