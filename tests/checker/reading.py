"""Reads a city's history: from Kafka to the high watermarks, from the journals, from the services' state files."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hutong.errors import OutOfRange, Unavailable
from hutong.journal import TORN
from hutong.settings import Settings
from hutong.transport import Partition, Record, Transport
from tests.checker.history import Acknowledged, Handled, History, Journals, Log, Parked, Rows, Sent

_PATIENCE = 30.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DOOR, _LETTERS = "deliveries.", "deadletters."


def read_history(
    transport: Transport, settings: Settings, *, journals: Path | None = None, state: Path | None = None
) -> History:
    """The history of the city of ``settings`` as it is now.

    ``journals`` is the folder of journals, ``settings.journal`` if not given. ``state`` is the folder with ``admit/``
    and ``deliver/`` (usually ``<home>/state``); without it live state is not judged. State is only comparable while
    the services are at rest. Effects are read before their causes, so a city at work looks late, never wrong.

    Raises:
        OutOfRange: a log does not begin at 0 any more: a history without its beginning cannot be judged.
        Unavailable: a log cannot be read to its end.
    """
    folder = journals if journals is not None else settings.journal
    written = Journals() if folder is None else read_journals(folder)
    states = {name: {} if state is None else _states(state / name) for name in ("admit", "deliver")}
    topics = transport.topics()
    doors = {topic: count for topic, count in topics.items() if topic.startswith(_DOOR)}
    letters = _read(transport, {topic: count for topic, count in topics.items() if topic.startswith(_LETTERS)})
    deliveries = _read(transport, doors)
    city = _read(transport, {topic: topics[topic] for topic in ("ledger", "refusals")})
    submissions = _read(transport, {"submissions": topics["submissions"]}, committed=False)
    directory = _read(transport, {"directory": topics["directory"]})
    return History(
        city=settings.city,
        environment=settings.environment,
        registrar_key=bytes.fromhex(settings.registrar_key),
        generation=settings.generation,
        submissions=submissions["submissions"],
        ledger=city["ledger"],
        refusals=city["refusals"],
        directory=directory["directory"][0],
        deliveries={topic.removeprefix(_DOOR): log for topic, log in deliveries.items()},
        deadletters={topic.removeprefix(_LETTERS): log for topic, log in letters.items()},
        journals=written,
        admit_states=states["admit"],
        deliver_states=states["deliver"],
        speed=settings.speed,
        origin_ms=0 if settings.origin is None else (settings.origin - _EPOCH) // timedelta(milliseconds=1),
    )


def _read(transport: Transport, topics: Mapping[str, int], *, committed: bool = True) -> dict[str, Log]:
    places = [Partition(topic, number) for topic, count in topics.items() for number in range(count)]
    found: dict[Partition, list[Record]] = {place: [] for place in places}
    consumer = transport.consumer(client_id="checker", committed=committed)
    try:
        consumer.assign(places)
        ends = {place: consumer.end(place) for place in places}
        for place in places:
            begin = consumer.beginning(place)
            if begin > 0:
                raise OutOfRange(
                    f"{place.topic}/{place.number} begins at {begin}: the checker needs a history from its beginning",
                    offset=0,
                    begin=begin,
                    end=ends[place],
                )
            consumer.seek(place, 0)
        waiting, deadline = {place for place in places if ends[place] > 0}, time.monotonic() + _PATIENCE
        while waiting:
            for place, records in consumer.poll(0.02, 5000).items():
                found[place] += [record for record in records if record.offset < ends[place]]
                deadline = time.monotonic() + _PATIENCE
            waiting = {place for place in waiting if consumer.position(place) < ends[place]}
            if waiting and time.monotonic() > deadline:
                raise Unavailable(f"the checker cannot read to the end of {sorted(waiting)}: does a transaction hang?")
    finally:
        consumer.close()
    return {topic: {n: tuple(found[Partition(topic, n)]) for n in range(count)} for topic, count in topics.items()}


def read_journals(folder: Path) -> Journals:
    """All ``<organisation>.<system>.jsonl`` in ``folder``; a missing folder holds none."""
    sent: list[Sent] = []
    acknowledged: list[Acknowledged] = []
    handled: list[Handled] = []
    parked: list[Parked] = []
    unreadable: list[str] = []
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.endswith(TORN):
                    continue
                try:
                    content = json.loads(line)
                    match content["what"]:
                        case "sent":
                            sent.append(_sent(content, path.stem))
                        case "acknowledged":
                            fingerprint = bytes.fromhex(content["fingerprint"])
                            at = int(content["at"])
                            acknowledged.append(Acknowledged(at_ms=at, system=path.stem, fingerprint=fingerprint))
                        case "handled":
                            handled.append(_handled(content))
                        case "parked":
                            parked.append(_parked(content))
                        case what:
                            unreadable.append(f"{path.name} line {number}: unknown {what!r}")
                except (ValueError, KeyError, TypeError) as error:
                    unreadable.append(f"{path.name} line {number}: {type(error).__name__} {error}")
    return Journals(
        sent=tuple(sent),
        acknowledged=tuple(acknowledged),
        handled=tuple(handled),
        parked=tuple(parked),
        unreadable=tuple(unreadable),
    )


def _sent(content: dict[str, Any], system: str) -> Sent:
    return Sent(
        at_ms=int(content["at"]),
        system=system,
        fingerprint=bytes.fromhex(content["fingerprint"]),
        ticket=content["ticket"],
        id=content["id"],
        type=content["type"],
        source=content["source"],
    )


def _handled(content: dict[str, Any]) -> Handled:
    return Handled(**_delivery(content), given=bool(content["given"]), letter=bool(content.get("letter", False)))


def _parked(content: dict[str, Any]) -> Parked:
    return Parked(**_delivery(content))


def _delivery(content: dict[str, Any]) -> dict[str, Any]:
    """Which delivery to which system a line is about, and when it was written."""
    return {
        "at_ms": int(content["at"]),
        "system": content["system"],
        "stream": content["stream"],
        "partition": int(content["partition"]),
        "n": int(content["n"]),
        "fingerprint": bytes.fromhex(content["fingerprint"]),
    }


_KEYS: Mapping[str, int] = {
    "entry": 1,
    "refusal": 2,
    "ticket": 1,
    "head": 1,
    "counter": 2,
    "history": 2,
    "participant": 2,
    "single": 3,
}
"""Tables of admit's and deliver's state, each with how many columns its primary key has."""


_ABOUT = ("belongs", "position")
"""Tables that say whose state it is and how far, which no entry says."""


def _states(folder: Path) -> dict[int, dict[str, Rows]]:
    """The tables of each partition's live file: that of the latest owner. What former instances left is nobody's."""
    latest = {int(path.stem): path for path in sorted(folder.glob("*/*.sqlite"), key=_written)}
    return {number: _tables(path) for number, path in latest.items()}


def _written(path: Path) -> int:
    """When a file, or what is not yet in it, was last written."""
    log = path.with_name(path.name + "-wal")
    return max(part.stat().st_mtime_ns for part in (path, log) if part.exists())


def _tables(path: Path) -> dict[str, Rows]:
    with closing(
        sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10, isolation_level=None)
    ) as db:
        db.execute("begin")
        names = [row[0] for row in db.execute("select name from sqlite_master where type = 'table'")]
        return {
            name: {_key(name, row): _rest(name, row) for row in db.execute(f"select * from {name}")}
            for name in names
            if name not in _ABOUT
        }


def _key(table: str, row: Sequence[object]) -> tuple[object, ...]:
    return tuple(row[: _KEYS[table]])


def _rest(table: str, row: Sequence[object]) -> object:
    rest = tuple(row[_KEYS[table] :])
    return json.loads(str(rest[0])) if table in ("ticket", "head") else rest
