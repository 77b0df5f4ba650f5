"""Known is what was filed, not what has the same key: another source's rows are never taken for it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.cities import TwinCity
from tests.services.channels import beijing_csv, request, requests_file
from tests.services.channels import take as take_mapped
from tests.services.test_intake import counts, ledger, lines, take
from tests.services.test_intake_killed import dying

AN_HOUR_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path / "city", rights=("register", "file", "replay")) as made:
        yield made


def town(path: Path, **given: Any) -> Path:
    """Three complaints of a town whose rows are called r0, r1, r2, as another town's are."""
    return lines(path, 3, **{"created": AN_HOUR_AGO.isoformat(), **given})


@pytest.mark.parametrize(
    "other",
    [
        {"narrative": "路灯不亮"},
        {"identity": {"name": "李四"}},
        {"place": {"address": "幸福路1号"}},
        {"created": (AN_HOUR_AGO - timedelta(minutes=1)).isoformat()},
        {"category": "public_service/heating"},
        {"anonymous": True},
    ],
)
def test_a_known_key_with_other_content_is_told_with_its_ticket(
    city: TwinCity, tmp_path: Path, other: dict[str, Any]
) -> None:
    """Another source's complaint is not swallowed; under a name of its own it is filed."""
    take(city, town(tmp_path / "a.jsonl"))
    tickets = {event.data.source.row: event.ticket for event in ledger(city)}  # type: ignore[attr-defined]
    file = town(tmp_path / "b.jsonl", **other)
    account, report = take(city, file)
    assert counts(account) == {"rows": 3, "rejected": 3}
    assert [(line["line"], line["row"], line["field"]) for line in report] == [
        (1, "r0", "row"), (2, "r1", "row"), (3, "r2", "row"),
    ]  # fmt: skip
    for line in report:
        said = f"row {line['row']} of source system old was filed before with other content, as {tickets[line['row']]}"
        assert line["reason"].startswith(said) and "--system" in line["reason"]
    assert counts(take(city, town(tmp_path / "a.jsonl"))[0]) == {"rows": 3, "known": 3}
    assert len(ledger(city)) == 3
    assert counts(take(city, file, system="another")[0]) == {"rows": 3, "filed": 3}


def test_a_row_written_another_way_is_known(city: TwinCity, tmp_path: Path) -> None:
    """Its fields in another order, a default said or left out, its time in another zone."""
    file = town(tmp_path / "a.jsonl")
    take(city, file)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row |= {"language": "zh", "enterprise": False, "place": None}
        row["identity"] = dict(reversed(row["identity"].items()))
        row["created"] = AN_HOUR_AGO.astimezone(timezone(timedelta(hours=8))).isoformat()
    file.write_text("".join(json.dumps(dict(reversed(row.items()))) + "\n" for row in rows), encoding="utf-8")
    assert counts(take(city, file)[0]) == {"rows": 3, "known": 3}


def test_what_is_not_filed_may_change_between_two_exports(tmp_path: Path) -> None:
    """A request's status and its notes are no content of the complaint; nor is the encoding of a CSV."""
    with TwinCity(tmp_path / "nyc", id="nyc", rights=("register", "file", "backfill", "replay")) as nyc:
        take_mapped(nyc, requests_file(tmp_path, request()), "open311_nyc")
        closed = request(status="closed", status_notes="done", updated_datetime="2026-02-01T00:00:00Z")
        assert counts(take_mapped(nyc, requests_file(tmp_path, closed), "open311_nyc")[0]) == {"rows": 3, "known": 3}
    with TwinCity(tmp_path / "beijing", rights=("register", "file", "replay")) as beijing:
        take_mapped(beijing, beijing_csv(tmp_path / "a.csv", "utf-8", {}), "beijing12345")
        again = beijing_csv(tmp_path / "a.csv", "gb18030", {})
        assert counts(take_mapped(beijing, again, "beijing12345")[0]) == {"rows": 1, "known": 1}


def test_what_nobody_remembers_is_known_by_its_key(city: TwinCity, tmp_path: Path) -> None:
    """A store made before digests were kept, or filled from the deliveries; and it keeps those of what comes then."""
    take(city, town(tmp_path / "a.jsonl"))
    store = city.home / "state" / "intake" / f"{city.id}.sqlite"
    with closing(sqlite3.connect(store)) as db, db:
        db.executescript("drop table content; drop table secret;")
    other = town(tmp_path / "b.jsonl", narrative="路灯不亮")
    assert counts(take(city, other)[0]) == {"rows": 3, "known": 3}
    store.unlink()
    assert counts(take(city, other)[0]) == {"rows": 3, "known": 3}
    assert counts(take(city, town(tmp_path / "c.jsonl"), system="new")[0]) == {"rows": 3, "filed": 3}
    assert counts(take(city, other, system="new")[0]) == {"rows": 3, "rejected": 3}


def test_what_was_filed_before_the_store_knew_is_known_whatever_is_given_next(city: TwinCity, tmp_path: Path) -> None:
    """Killed behind the sending: what lies sealed on the ledger cannot be compared, so nothing is said of it."""
    file = lines(tmp_path / "a.jsonl", 8)
    with pytest.raises(ZeroDivisionError):
        take(city, file, bus=dying(city, after=1, sent=True))
    assert len(ledger(city)) == 8
    changed = tmp_path / "b.jsonl"
    changed.write_text(file.read_text(encoding="utf-8").replace(json.dumps("没水"), '"x"'), encoding="utf-8")
    assert counts(take(city, changed)[0]) == {"rows": 8, "known": 4, "rejected": 4}
    assert counts(take(city, file)[0]) == {"rows": 8, "known": 8}
    assert len(ledger(city)) == 8


def test_the_store_holds_no_word_of_what_was_filed(city: TwinCity, tmp_path: Path) -> None:
    """A digest under a key: the same rows have other digests elsewhere."""
    found = []
    for place in ("one", "two"):
        with TwinCity(tmp_path / place, rights=("register", "file", "replay")) as made:
            take(made, town(tmp_path / "a.jsonl"))
            store = made.home / "state" / "intake" / f"{made.id}.sqlite"
            with closing(sqlite3.connect(store)) as db:
                found.append([digest for (digest,) in db.execute("select digest from content order by row")])
                assert "没水" not in "".join(db.iterdump())
    assert [len(set(digests)) for digests in found] == [3, 3]
    assert not set(found[0]) & set(found[1])
