"""Empty, torn, in another encoding, or not what it was taken for: each is said in one sentence, with what to do."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import hutong
from services.exports import BadRow, Export
from services.intake.command import Options, code_of, intake
from services.intake.handler import Entry
from services.intake.sources import entries
from tests.cities import TwinCity
from tests.services.channels import beijing_csv, request, requests_file, take
from tests.services.test_intake import ledger, lines


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path / "city", rights=("register", "file", "replay")) as made:
        yield made


def read_until_it_ends(file: Path, mapping: str | None) -> tuple[int, str]:
    """How many rows came, and what was said at the end."""
    found: list[Entry | BadRow] = []
    with pytest.raises(hutong.SettingsError) as raised:
        found.extend(entries(file, mapping, "old"))  # keeps what came before the error
    assert all(isinstance(entry, Entry) for entry in found)
    return len(found), str(raised.value)


@pytest.mark.parametrize(("content", "code"), [(b"", 0), (b"\n\n", 0), (b"{\n", 1)])
def test_a_day_without_rows_is_no_failure_and_is_said(
    city: TwinCity, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, code: int
) -> None:
    """A job that runs every night alarms nobody; where there were rows and none could be taken, it does."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(content)
    account = intake(city.connect(city.id, "intake"), city.settings(city.id), Options(file=file))
    assert code_of(account) == code
    assert ("the file holds no rows" in capsys.readouterr().out) == (code == 0)


def test_an_empty_csv_lacks_its_header(tmp_path: Path) -> None:
    """It is no day without rows: an export has at least the names of its columns."""
    file = tmp_path / "a.csv"
    file.write_bytes(b"")
    with pytest.raises(hutong.SettingsError, match=r"a\.csv is empty: it lacks even the line"):
        list(entries(file, "beijing12345", ""))
    assert list(entries(beijing_csv(file, "utf-8"), "beijing12345", "")) == []


def test_json_lines_in_another_encoding_say_so(tmp_path: Path) -> None:
    """GB 18030 is what it most often is; a line without Chinese is read all the same."""
    file = tmp_path / "a.jsonl"
    file.write_bytes('{"narrative": "家里没水，三天了"}\n{"narrative"}\n'.encode("gb18030"))
    said = [entry.reason for entry in entries(file, None, "old") if isinstance(entry, BadRow)]
    assert ["GB 18030" in reason for reason in said] == [True, False]


@pytest.mark.parametrize("rows", [2, 400])
def test_a_torn_gz_says_where_it_breaks_off_and_what_to_do(tmp_path: Path, rows: int) -> None:
    """And gives every row before: JSON lines and CSV by the line, Open311 by the request."""
    words = random.Random(1)
    texts = [f"{words.randbytes(60).hex()}" for _ in range(rows)]
    plain = lines(tmp_path / "a.jsonl", rows).read_bytes().splitlines(keepends=True)
    plain = [line.replace(b"13800000000", text.encode()) for line, text in zip(plain, texts, strict=True)]
    exported = beijing_csv(tmp_path / "a", "utf-8", *({"标题": text} for text in texts))
    whole = {
        "a.jsonl": (b"".join(plain), None),
        "a.csv": (exported.read_bytes(), "beijing12345"),
        "a.json": (
            requests_file(tmp_path, *(request(service_request_id=f"a{n}", description=t) for n, t in enumerate(texts)))
            .read_bytes(), "open311_nyc",
        ),
    }  # fmt: skip
    for name, (content, mapping) in whole.items():
        torn = tmp_path / f"{name}.gz"
        torn.write_bytes(gzip.compress(content)[:-20])
        came, said = read_until_it_ends(torn, mapping)
        assert came >= rows - 1
        place = {"a.jsonl": f"in line {came + 1}", "a.csv": f"in line {came + 2}", "a.json": f"behind request {came}"}
        assert place[name] in said and said.startswith(str(torn))
        assert "is it whole? Fetch it again, then give it again" in said


def test_a_torn_gz_keeps_what_came_before(city: TwinCity, tmp_path: Path) -> None:
    """The rows before the tear are filed, also where all of them lie in what is looked at beforehand."""
    file = lines(tmp_path / "a.jsonl", 3)
    torn = tmp_path / "b.jsonl.gz"
    torn.write_bytes(gzip.compress(file.read_bytes())[:-5])  # into the checksum: every row can still be unpacked
    with pytest.raises(hutong.SettingsError, match="breaks off in line 4"):
        take(city, torn, None)
    assert len(ledger(city)) == 3


@pytest.mark.parametrize("content", ["工单编号,工单类型\n1,投诉\n", "", "- a\n- b\n"])
def test_what_is_no_mapping_is_said_with_its_name(tmp_path: Path, content: str) -> None:
    """The file of the rows given as --map, an empty file, a list."""
    path = tmp_path / "x.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(hutong.SettingsError) as raised:
        Export.load(str(path))
    said = str(raised.value)
    assert said.startswith(f"{path}: no mapping") and "is it the file of the rows?" in said
    assert ": :" not in said and "Input" not in said and "Value error" not in said
