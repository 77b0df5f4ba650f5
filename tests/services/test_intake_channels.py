"""受理渠道: Chinese exports, JSON lines, every kind of caller; a file shows what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import hutong
from hutong.rules.territory import Territory
from services.exports import BadRow
from services.intake.filing import Filing, Times
from services.intake.handler import Entry, entry_of_json, filed
from services.intake.report import Report
from services.intake.sources import Format, entries
from services.intake.store import FiledStore
from tests.cities import TwinCity
from tests.services.channels import beijing_csv, complaints, requests_file, take
from tests.services.test_intake import counts, lines


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path / "city", id="nyc", rights=("register", "file", "backfill", "replay")) as made:
        yield made


@pytest.fixture
def beijing(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path / "city", rights=("register", "file", "replay")) as made:
        yield made


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_an_export_of_beijing_is_read_in_its_own_encoding(beijing: TwinCity, tmp_path: Path, encoding: str) -> None:
    """Names become codes by the tables that all agreed on; 问题分类, 被反映区, 街乡镇."""
    bus = beijing.connect("110000", "intake")
    file = beijing_csv(
        tmp_path / "a.csv", encoding,
        {}, {"企业名称": "某某公司", "受理渠道": "微信", "工单类型": "咨询"},
        {"来电人": "匿名", "电话": "", "街乡镇": ""},
    )  # fmt: skip
    assert counts(take(beijing, file, "beijing12345", bus=bus)[0]) == {"rows": 3, "filed": 3}
    (event, plain), (_, firm), (_, nobody) = (complaints(beijing)[f"12345-260131-00000{n}"] for n in range(3))
    assert (plain.kind, plain.category, plain.area, plain.channel) == (
        "complaint", "public_service/heating/not_warm", "110105026", "phone",
    )  # fmt: skip
    assert bus.unseal(event, "identity") == {"name": "王某甲", "phone": "10012345678"}
    assert bus.unseal(event, "narrative") == {"title": "暖气", "text": "家里不热，三天了"}
    assert (firm.enterprise, firm.channel, firm.kind, plain.enterprise) == (True, "wechat", "consultation", False)
    assert (nobody.anonymous, nobody.area, plain.anonymous) == (True, "110105", False)


def test_names_that_no_table_has_are_told_with_their_line(beijing: TwinCity, tmp_path: Path) -> None:
    """A street of another district is none of this one's."""
    file = beijing_csv(
        tmp_path / "a.csv", "gb18030",
        {"问题分类": "公共服务→暖气"}, {"被反映区": "海淀区"}, {"被反映区": ""}, {"工单类型": "闲聊"}, {},
    )  # fmt: skip
    account, report = take(beijing, file, "beijing12345")
    assert counts(account) == {"rows": 5, "filed": 1, "rejected": 4}
    assert [(line["line"], line["field"], line["value"]) for line in report] == [
        (2, "category", "公共服务→暖气"), (3, "area", "海淀区/望京街道"), (4, "area", "/望京街道"), (5, "kind", "闲聊"),
    ]  # fmt: skip


def test_a_byte_that_is_no_text_spoils_its_own_row_whatever_the_encoding(beijing: TwinCity, tmp_path: Path) -> None:
    """UTF-8 with a damaged cell is not taken for GB 18030."""
    file = beijing_csv(tmp_path / "a.csv", "utf-8", {"标题": "坏"}, {})
    file.write_bytes(file.read_bytes().replace("坏".encode(), b"\xe5\x9d", 1))
    account, report = take(beijing, file, "beijing12345")
    assert counts(account) == {"rows": 2, "filed": 1, "rejected": 1}
    assert "no text" in report[0]["reason"]


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"category": "public_service/moon"}, "category", "unknown_category"),
        ({"area": "999999"}, "area", "unknown_area"),
    ],
)
def test_what_the_city_does_not_know_is_rejected_before_it_is_sent(
    beijing: TwinCity, tmp_path: Path, given: dict[str, Any], field: str, code: str
) -> None:
    """With line and field; admit never sees it. Without the city's tables admit refuses it; nothing else is lost."""
    file = lines(tmp_path / "a.jsonl", 1, **given)
    more = lines(tmp_path / "b.jsonl", 3)
    file.write_bytes(file.read_bytes().replace(b'"r0"', b'"bad"') + more.read_bytes())
    account, [line] = take(beijing, file, None)
    assert counts(account) == {"rows": 4, "filed": 3, "rejected": 1}
    assert (line["line"], line["row"], line["field"], code in line["reason"]) == (1, "bad", field, True)
    with closing(FiledStore(tmp_path, "x", {})) as store, closing(Report(tmp_path / "report")) as report:
        filing = Filing(beijing.connect(beijing.id, "intake"), store, report, times=Times.ROW, batch=4)
        filing.file(entries(file, None, "old"))
    assert counts(filing.account) == {"rows": 4, "known": 3, "refused": 1}
    assert code in (tmp_path / "report").read_text(encoding="utf-8")


def test_enterprises_foreigners_and_the_anonymous_file_like_anyone(beijing: TwinCity, tmp_path: Path) -> None:
    """The language tag is kept as given; an anonymous citizen may be known to the city, or not."""
    people: list[dict[str, Any]] = [
        {"enterprise": True, "language": "zh-Hant-HK"},
        {"anonymous": True, "language": "en"},
        {"anonymous": True, "identity": None},
        {"language": "en_US"},
    ]
    path = tmp_path / "all.jsonl"
    texts = [lines(tmp_path / "one.jsonl", 1, row=f"p{n}", **given).read_bytes() for n, given in enumerate(people)]
    path.write_bytes(b"".join(texts))
    account, [line] = take(beijing, path, None)
    assert counts(account) == {"rows": 4, "filed": 3, "rejected": 1}
    assert (line["field"], line["value"], "BCP 47" in line["reason"]) == ("language", "en_US", True)
    data = {row: data for row, (_, data) in complaints(beijing).items()}
    assert (data["p0"].enterprise, data["p0"].language, data["p0"].anonymous) == (True, "zh-Hant-HK", False)
    assert data["p1"].anonymous and data["p1"].identity is not None
    assert data["p2"].anonymous and data["p2"].identity is None


def test_a_file_shows_by_itself_what_it_is(tmp_path: Path) -> None:
    """Or is told to be; a mapping for another format is named."""
    csv, array = beijing_csv(tmp_path / "a.txt", "utf-8", {}), requests_file(tmp_path)
    jsonl = lines(tmp_path / "a.jsonl", 1)
    assert isinstance(next(entries(csv, "beijing12345", "")), Entry)
    assert isinstance(next(entries(array, "open311_nyc", "")), Entry)
    assert isinstance(next(entries(jsonl, None, "old")), Entry)
    assert isinstance(next(entries(array, None, "old", Format.JSONL)), BadRow)
    for file, mapping, format, said in (
        (array, None, None, "--map"),
        (array, "beijing12345", None, "looks like open311"),
        (jsonl, "open311_nyc", None, "looks like jsonl"),
        (csv, "open311_nyc", None, "no JSON at its beginning"),
        (csv, "beijing12345", Format.OPEN311, "for csv, not for open311"),
        (csv, None, Format.CSV, "need --map"),
    ):
        with pytest.raises(hutong.SettingsError, match=said):
            next(entries(file, mapping, "old", format))


def test_the_line_that_the_guide_shows_is_a_complaint() -> None:
    """docs/intake.md; its area and category are Beijing's."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "intake.md").read_text(encoding="utf-8")
    [line] = re.findall(r"```json\n(.*?)\n```", page)
    data = filed(entry_of_json(1, line.encode(), "guide"), Territory.load("110000"))
    assert (data.anonymous, data.language, data.channel) == (True, "en", "phone")
