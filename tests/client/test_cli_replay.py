"""``hutong replay``: what it leaves out, and what others read of what it writes."""

from __future__ import annotations

import errno
import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

from hutong import Event, disposition
from hutong.wire.envelope import Submission
from tests.cities import TwinCity
from tests.client.cli import Command
from tests.client.test_cli_reading import live_through
from tests.client.test_cli_submit import FILED

CITY, WATER = "110000", "110000.water"


def prints(events: Iterable[Event]) -> list[str]:
    return [event.fingerprint.hex() for event in events]


def by_avro(file: Path) -> list[dict[str, Any]]:
    from avro.datafile import DataFileReader
    from avro.io import DatumReader

    with DataFileReader(file.open("rb"), DatumReader()) as reader:
        return [dict(row) for row in reader]  # type: ignore[call-overload]


def by_polars(file: Path) -> list[dict[str, Any]]:
    polars: Any = pytest.importorskip("polars", reason="polars is not installed")
    readers: Mapping[str, Callable[..., Any]] = {
        ".avro": polars.read_avro, ".parquet": polars.read_parquet, ".jsonl": polars.read_ndjson,
    }  # fmt: skip
    rows: list[dict[str, Any]] = readers[file.suffix](io.BytesIO(file.read_bytes())).to_dicts()
    return rows


@pytest.mark.parametrize(
    ("form", "read"),
    [("jsonl", by_polars), ("avro", by_polars), ("avro", by_avro), ("parquet", by_polars)],
    ids=["jsonl-polars", "avro-polars", "avro-avro", "parquet-polars"],
)
def test_others_read_the_very_events_that_the_library_replays(
    command: Command, cli_city: TwinCity, tmp_path: Path, form: str, read: Callable[[Path], list[dict[str, Any]]]
) -> None:
    """The same fingerprints in the same order, of the ledger and of a door with a refusal in it."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    ticket = live_through(cli_city)
    command.run(WATER, "submit", "resolved", "--ticket", ticket, code=1)
    for organisation, source in ((CITY, "ledger"), (WATER, "deliveries")):
        file = tmp_path / f"{source}.{form}"
        command.run(organisation, "replay", "--source", source, "--output", str(file))
        events = list(cli_city.connect(organisation, "check").replay(source=source))  # type: ignore[arg-type]
        rows = read(file)
        assert [row["fingerprint"] for row in rows] == prints(events)
        assert [row["type"] for row in rows] == [event.type for event in events]
    assert any(event.refusal for event in events)


def test_a_row_holds_what_its_author_signed(command: Command, cli_city: TwinCity, tmp_path: Path) -> None:
    """From key, value and headers of a row anybody computes the fingerprint again; the data is the JSON of a line."""
    live_through(cli_city)
    file = tmp_path / "all.avro"
    command.run(CITY, "replay", "--output", str(file))
    lines = command.json(CITY, "replay")
    for row, line in zip(by_avro(file), lines, strict=True):
        headers = tuple((header["name"], header["value"]) for header in row["headers"])
        sent = Submission(key=row["key"], value=row["value"], headers=headers)
        assert sent.fingerprint("test").hex() == row["fingerprint"] == line["fingerprint"]
        assert json.loads(row["data"]) == line["data"]
        assert (row["partition"], row["sequence"]) == (line["ledger"]["partition"], line["ledger"]["sequence"])


def test_every_filter_leaves_exactly_what_it_names(command: Command, cli_city: TwinCity) -> None:
    """Type, author, category and area, each alone and together, as whoever reads everything would choose."""
    live_through(cli_city)
    command.run(CITY, "submit", "filed", *FILED[2:-2], "--set", "category=housing/elevator", "--set", "area=110108")
    events = list(cli_city.connect(CITY).replay())
    chosen: tuple[tuple[tuple[str, ...], Callable[[Event], bool]], ...] = (
        (("--type", "filed", "--type", "accepted"), lambda e: e.type.split(".")[1] in ("filed", "accepted")),
        (("--author", WATER), lambda e: e.source == WATER),
        (("--category", "public_service"), lambda e: e.category.startswith("public_service/")),
        (("--category", "public"), lambda e: False),
        (("--area", "110105"), lambda e: e.area == "110105026"),
        (("--area", "110100"), lambda e: True),
        (("--area", "110108", "--type", "filed"), lambda e: e.area == "110108"),
    )
    for words, wanted in chosen:
        told = command.json(CITY, "replay", *words)
        assert [row["fingerprint"] for row in told] == prints(filter(wanted, events)), words
    command.run(CITY, "replay", "--category", "a/b/c", code=2)


def test_of_the_ledger_only_the_time_asked_for_is_read(cli_city: TwinCity) -> None:
    """Between any two moments come the events admitted then, and no more of the ledger was gone through than that."""
    live_through(cli_city)
    bus = cli_city.connect(CITY)
    totals: list[int] = []

    def read(since: datetime | None, until: datetime | None) -> list[Event]:
        return list(bus.replay(since=since, until=until, progress=lambda done, total: totals.append(total)))

    events = read(None, None)
    whole = totals[0]
    times = sorted({event.ledger.admitted for event in events if event.ledger})
    for since in (None, *times[::3]):
        for until in (*times[::3], None):
            expected = [
                event
                for event in events
                if event.ledger
                and (since is None or event.ledger.admitted >= since)
                and (until is None or event.ledger.admitted < until)
            ]
            assert prints(read(since, until)) == prints(expected)
    totals.clear()
    read(times[-2], times[-1])
    assert 0 < totals[-1] < whole / 2


def test_what_is_left_out_is_not_even_decoded(cli_city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter by type reads one event's value and signature, not ten."""
    live_through(cli_city)
    bus = cli_city.connect(CITY)
    decoded: list[bytes] = []
    decode = bus.codec.decode

    def counted(value: bytes) -> Any:
        decoded.append(value)
        return decode(value)

    monkeypatch.setattr(bus.codec, "decode", counted)
    assert len(list(bus.replay(types=[disposition.Accepted]))) == len(decoded) == 1


@pytest.mark.parametrize("form", ["jsonl", "avro"])
@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [(KeyboardInterrupt(), 130, "was not written"), (OSError(errno.ENOSPC, "disk full"), 2, "disk full")],
    ids=["interrupted", "full"],
)
def test_what_did_not_become_whole_leaves_the_file_of_before(
    command: Command, tmp_path: Path, raised: BaseException, code: int, told: str, form: str
) -> None:
    """Stopped at its last step, a replay leaves what stood there, nothing beside it, and says so."""

    def stop(file: int) -> NoReturn:
        raise raised

    file = tmp_path / f"all.{form}"
    file.write_text("before")
    command.run(CITY, *FILED)
    command.monkeypatch.setattr("os.fsync", stop)
    result = command.run(CITY, "replay", "--output", str(file), code=code)
    assert told in result.stderr
    assert file.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("all")] == [file.name]


def test_without_pyarrow_the_extra_is_named(command: Command, tmp_path: Path) -> None:
    """Exit code 2, what to install, and no file."""
    command.monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = command.run(CITY, "replay", "--output", str(tmp_path / "all.parquet"), code=2)
    assert "hutong[parquet]" in result.stderr
    assert not list(tmp_path.glob("all*"))


def test_a_container_goes_to_a_file_alone(command: Command) -> None:
    """A terminal is no place for it."""
    assert "file" in command.run(CITY, "replay", "--format", "avro", code=2).stderr
