"""字段映射: a mapping is checked before a row is read, and the shipped one fits the real export."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

import hutong
from hutong.rules.territory import Categories, Territory
from services.exports import BadRow, Export, Moment, Row, read_rows, render
from services.intake.handler import Entry, filed
from services.intake.sources import entries
from tests.services.test_intake import MAPPING, csv_file
from tests.shared_data import shared_file

EXPORT = "nyc311_queens_2020_2023.csv.gz"
NYC_TREE = Path(__file__).resolve().parents[2] / "schemas" / "categories" / "nyc.yaml"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("system: old", "system: old\nsistem: x", "sistem"),
        ("system: old", "system: old\nsystem: x", "system"),
        ("zone: Asia/Shanghai", "zone: Asia/Peking", "Asia/Peking"),
        ("{Class|code}", "{Class|upper}", "upper"),
        ("{Class|code}", "{Class|code", "brace"),
        ("values: {投诉: complaint, 咨询: consultation}", "value: {投诉: complaint}", "value"),
        ('row: "{Key}"\n', "", "row"),
        ("language: zh", "language: no", "language"),  # YAML takes a bare `no` for false
        ("any: [是]", "any: []", "any"),
    ],
)
def test_a_mapping_with_a_fault_is_refused_by_name(tmp_path: Path, old: str, new: str, named: str) -> None:
    """An unknown or repeated key, a zone, filter or brace that is none, a missing or wrongly typed value."""
    assert old in MAPPING
    file, mapping = csv_file(tmp_path, "", MAPPING.replace(old, new))
    with pytest.raises(hutong.SettingsError, match=named):
        list(entries(file, mapping, ""))


def test_a_column_that_the_file_lacks_is_named(tmp_path: Path) -> None:
    """Before any row is read."""
    file, mapping = csv_file(tmp_path, "1,2\n", MAPPING.replace("{Street}", "{Strasse}"))
    with pytest.raises(hutong.SettingsError, match="no column Strasse"):
        list(entries(file, mapping, ""))


def test_a_csv_without_a_mapping_or_with_an_unknown_one_names_those_there_are(tmp_path: Path) -> None:
    """One sentence, with what to choose from."""
    for mapping in (None, "nyc312", str(tmp_path / "none.yaml")):
        with pytest.raises(hutong.SettingsError, match="nyc311"):
            entries(tmp_path / "a.csv", mapping, "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"no gzip", "cannot be read"),
        (gzip.compress(b"a" * 5000, mtime=0)[:-9], "breaks off in line 1"),
    ],
)
def test_a_file_that_is_missing_or_damaged_is_one_sentence(tmp_path: Path, content: bytes | None, said: str) -> None:
    """Also where it breaks off in the middle."""
    file = tmp_path / "a.jsonl.gz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(hutong.SettingsError, match=rf"a\.jsonl\.gz {said}"):
        list(entries(file, None, "old"))


def test_a_template_of_empty_cells_is_empty() -> None:
    """Its other text stands only with a value beside it."""
    assert render("{A},{B}", {"A": "", "B": ""}) == ""
    assert render("{A},{B}", {"A": "1", "B": ""}) == "1,"
    assert render("north", {}) == "north"
    assert render("{A|code}/x", {"A": " Street Light/Pole (NEW) "}) == "street-light-pole-new/x"


def test_a_time_is_meant_in_the_zone_of_the_mapping() -> None:
    """The hour that New York's clocks repeat is the first of the two."""
    moment = Moment(of="{T}", format="%m/%d/%Y %I:%M:%S %p", zone="America/New_York")
    assert moment.parse({"T": "11/01/2020 01:30:00 AM"}).isoformat() == "2020-11-01T01:30:00-04:00"


def test_a_file_in_another_encoding_is_read_by_its_mapping(tmp_path: Path) -> None:
    """Chinese exports are often GB 18030."""
    file, mapping = csv_file(tmp_path, "", MAPPING + "encoding: gb18030\n")
    file.write_text(file.read_text() + "1,2026-01-31 00:00,投诉,电话,water,110105026,否,张三,没水\n", "gb18030")
    [entry] = entries(file, mapping, "")
    assert isinstance(entry, Entry) and entry.fields["identity"] == {"name": "张三"}


def test_the_first_5000_real_rows_are_5000_complaints_of_known_categories() -> None:
    """Every one of New York's rows has its place in the tree, and a key of its own."""
    found = list(islice(entries(shared_file(EXPORT), "nyc311", ""), 5000))
    good = [entry for entry in found if isinstance(entry, Entry)]
    territory = Territory.load("nyc")
    complaints = [filed(entry, territory) for entry in good]
    assert len(complaints) == len({entry.once for entry in good}) == 5000
    assert {data.category for data in complaints} <= Categories.load(NYC_TREE).paths().keys()
    assert {(data.area, data.language, data.channel) for data in complaints} == {("queens", "en", "unstated")}
    assert all(data.identity is None and data.narrative is not None for data in complaints)


def wall_clock(text: str) -> datetime:
    """What the export's clock shows, of whatever zone."""
    return datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=UTC)


def test_as_many_real_rows_end_as_the_file_itself_says() -> None:
    """Counted apart from the mapping: Closed, with a close date not before creation."""
    path = shared_file(EXPORT)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(islice(csv.DictReader(file), 5000))
    expected = {
        row["Unique Key"]: wall_clock(row["Closed Date"])
        for row in rows
        if row["Status"] == "Closed" and row["Closed Date"]
        and wall_clock(row["Closed Date"]) >= wall_clock(row["Created Date"])
    }  # fmt: skip
    export = Export.load("nyc311")
    endings = {
        export.key(row): ending.at.replace(tzinfo=UTC)
        for row in islice(read_rows(path, export), 5000)
        if isinstance(row, Row) and (ending := export.ending(export.kept(row))) is not None
    }
    assert endings == expected
    assert len(endings) == 4990


def test_a_quote_that_is_never_closed_is_told_with_all_it_swallowed(tmp_path: Path) -> None:
    """The rows behind it are named as not read, not lost without a word."""
    export = Export.load("nyc311")
    columns = sorted(export.columns())
    good = ",".join("1" for _ in columns)
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([",".join(columns), good, '"' + good, good, good]) + "\n")
    first, bad = read_rows(path, export)
    assert isinstance(first, Row)
    assert isinstance(bad, BadRow)
    assert (bad.line, "lines 3 to 5 were not read" in bad.reason) == (3, True)
