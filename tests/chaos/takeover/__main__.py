"""``python -m tests.chaos.takeover``: a ledger of a million entries, and its owners die."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from tests.chaos.takeover import acts
from tests.chaos.takeover.author import ENTRIES
from tests.chaos.takeover.rows import compare
from tests.chaos.takeover.site import SERVICES, Say, Site, site

LATE_SHARE = 0.05
"""Of all entries, what comes while a service is killed; so much each time."""

LIVE, RESTORED, REBUILT, SCRATCH = "live", "restored", "rebuilt", "scratch"
WAYS = {
    REBUILT: "its rebuild",
    RESTORED: "a start from the snapshot it had made, and the tail",
    SCRATCH: "a start without a snapshot",
}


def run(home: Path, events: int, partitions: int, say: Say) -> dict[str, Any]:
    """All acts, as one JSON object."""
    tickets = max(4, events // ENTRIES)
    late = max(1, min(int(tickets * LATE_SHARE / 2), 2000), min(50, tickets // 8))  # each is filed twice over
    result: dict[str, Any] = {"partitions": partitions}
    with site(home, partitions, say) as city:
        say(f"filing {(tickets - 4 * late) * ENTRIES} entries through admit and deliver")
        result["load"] = asdict(acts.file(city, tickets - 4 * late))
        say(f"  {result['load']['seconds']:.0f} s")
        result |= {service: {} for service in SERVICES}
        for service in SERVICES:
            result[service]["snapshots_by"] = acts.snapshots(city, service)
        for service in SERVICES:
            say(f"killing {service} at work")
            result[service]["killed"] = asdict(acts.kill_at_work(city, service, late))
        for service in SERVICES:
            acts.keep_snapshots(city, service, "own")
            say(f"rebuilding {service}")
            result[service]["rebuild"] = asdict(acts.rebuild(city, service))
            acts.keep_unpacked(city, service, REBUILT)
        for service in reversed(SERVICES):
            city.services.remove(service, timeout=120)
            acts.keep_live(city, service, LIVE)
        for service in SERVICES:
            for label, snapshots in ((RESTORED, "own"), (SCRATCH, None)):
                say(f"starting {service}: {WAYS[label]}")
                acts.only_snapshots(city, service, snapshots)
                result[service][label] = asdict(acts.start(city, service))
                acts.keep_live(city, service, label)
    result |= counts(city)
    result["differences"] = equality(city, result, say)
    return result


def counts(city: Site) -> dict[str, int]:
    """Entries and kept refusals, and the size of the states."""
    found = {"ledger_events": 0, "refusals_kept": 0, "admit_state_bytes": 0, "deliver_state_bytes": 0}
    for number in range(city.partitions):
        file = acts.aside(city, REBUILT, "admit") / f"{number}.sqlite"
        with closing(sqlite3.connect(file)) as database:
            found["ledger_events"] += database.execute("select count(*) from entry").fetchone()[0]
            found["refusals_kept"] += database.execute("select count(*) from refusal").fetchone()[0]
        for service in SERVICES:
            found[f"{service}_state_bytes"] += (acts.aside(city, REBUILT, service) / f"{number}.sqlite").stat().st_size
    return found


def equality(city: Site, result: dict[str, Any], say: Say) -> int:
    """Compare what the services left with every other way to it; how many tables differ."""
    different = 0
    for service in SERVICES:
        result[service]["rows"] = {}
        for label, way in WAYS.items():
            rows: dict[str, int] = {}
            faults = []
            for number in range(city.partitions):
                left, right = (acts.aside(city, each, service) / f"{number}.sqlite" for each in (LIVE, label))
                found = compare(left, right)
                rows = {table: rows.get(table, 0) + count for table, count in found.rows.items()}
                faults += [f"partition {number}, {table} {text}" for table, text in found.differences.items()]
            different += len(faults)
            result[service]["rows"][label] = rows
            told = ", ".join(f"{table} {count}" for table, count in rows.items())
            say(f"{service}, live and {way}: {'different' if faults else 'equal'} ({told})")
            for fault in faults:
                say(f"  DIFFERENT {fault}")
    return different


def table(result: Mapping[str, Any], say: Say) -> None:
    """What was measured."""
    events = result["ledger_events"]
    load = result["load"]
    say(f"\n{events} ledger events in {result['partitions']} partitions; load average {os.getloadavg()[0]:.1f}")
    each = ", ".join(f"{name} {used / load['entries'] * 1e6:.0f}" for name, used in load["cpu"].items())
    rate = load["entries"] / load["seconds"]
    say(f"filed {load['entries']} in {load['seconds']:.0f} s ({rate:.0f}/s); µs CPU each: {each}")
    say(f"{'':<48} {'seconds':>8} {'first':>7} {'CPU s':>7} {'read':>9} {'MiB':>6}")
    for service in SERVICES:
        told = result[service]
        rows = [(f"killed at work ({told['snapshots_by']}'s snapshot)", "killed")]
        rows += [("started on its last snapshot", RESTORED), ("started without a snapshot", SCRATCH)]
        for text, name in rows:
            took = told[name]
            first = "" if took["first"] is None else f"{took['first']:.1f}"
            say(
                f"{service + ' ' + text:<48}"[:48] + f" {took['taken']:>8.1f} {first:>7} {took['cpu']:>7.1f} "
                f"{took['read']:>9} {took['peak']:>6.0f}"
            )
        took = told["rebuild"]
        say(
            f"{service + ' rebuild':<48} {took['seconds']:>8.1f} {'':>7} {took['cpu']:>7.1f} {events:>9} "
            f"{took['peak']:>6.0f}   {events / took['seconds']:.0f}/s, {took['cpu'] / events * 1e6:.0f} µs CPU each"
        )
        before = told["killed"]["before"]
        say(f"{service + ' before it was killed, peak':<48} {'':>34} {before:>6.0f}")


def main(
    events: Annotated[int, typer.Option(min=ENTRIES * 40, help="Ledger entries, about.")] = 1_000_000,
    partitions: Annotated[int, typer.Option(min=1, help="Of submissions and ledger.")] = 4,
    keep: Annotated[Path | None, typer.Option(help="Folder of the run, new; kept.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Fill a ledger, kill and rebuild admit and deliver; exit with 1 where two ways lead to different states."""
    home = (keep or Path(tempfile.mkdtemp(prefix="hutong-takeover-"))).absolute()
    home.mkdir(parents=True, exist_ok=True)
    _say(f"folder {home}")
    began = time.monotonic()
    result = run(home, events, partitions, _say)
    result["seconds"] = round(time.monotonic() - began, 1)
    table(result, _say)
    _say("different" if result["differences"] else "equal")
    if as_json:
        print(json.dumps(_rounded(result)), flush=True)
    if result["differences"]:
        _say(f"states and logs are kept in {home}")
        sys.exit(1)
    if keep is None:
        shutil.rmtree(home, ignore_errors=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return round(value, 2) if isinstance(value, float) else value


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)
