"""Files of every format for the tests of intake, all made up, and one run of intake on such a file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hutong
from hutong.rules.territory import Territory
from services.intake.filing import Filing, Times
from services.intake.handler import Account
from services.intake.report import Report
from services.intake.sources import Format, entries
from services.intake.store import FiledStore
from tests.cities import TwinCity
from tests.services.test_intake import ledger

NOW = datetime.now(UTC).replace(microsecond=0)
REQUESTS: list[dict[str, Any]] = [
    # as the specification's example has it: numbers for id and place, nulls
    {"service_request_id": 638344, "status": "closed", "status_notes": "Duplicate request.", "service_name": "Sewer",
     "service_code": "dep-sewer", "description": None, "agency_responsible": None,
     "requested_datetime": f"{NOW:%Y-%m-%dT%H:%M:%S}-00:00", "updated_datetime": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
     "address": "8TH AVE and JUDAH ST", "address_id": 545483, "zipcode": 11101, "lat": 40.744, "long": -73.948,
     "media_url": None},
    {"service_request_id": "2", "service_code": "dep-noise", "requested_datetime": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
     "zipcode": "10001", "description": "Loud", "first_name": "Ann", "phone": "212 555 0100",
     "email": "ann@example.org", "extended_attributes": {"channel": "sms"}, "notes": [{"summary": "seen"}]},
]  # fmt: skip


def request(**given: Any) -> dict[str, Any]:
    return {**REQUESTS[1], "service_request_id": "3", **given}


def requests_file(folder: Path, *requests: Any, name: str = "requests.json") -> Path:
    path, text = folder / name, json.dumps([*REQUESTS, *requests]).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


BEIJING = (
    "工单编号,工单类型,问题分类,标题,主要内容,来电人,电话,被反映区,街乡镇,社区,小区点位,受理渠道,企业名称,创建时间"
)


def beijing_csv(path: Path, encoding: str, *changes: Mapping[str, str], end: str = "\r\n") -> Path:
    """A synthetic export: one row for each of ``changes``."""
    usual = {
        "工单类型": "投诉", "问题分类": "公共服务→供暖→暖气不热", "标题": "暖气",
        "主要内容": "家里不热，三天了", "来电人": "王某甲", "电话": "10012345678",
        "被反映区": "朝阳区", "街乡镇": "望京街道", "社区": "示范一社区",
        "小区点位": "幸福路1号院", "受理渠道": "电话", "企业名称": "",
        "创建时间": f"{datetime.now(UTC):%Y-%m-%d} 00:00:01",
    }  # fmt: skip
    rows = [{"工单编号": f"12345-260131-{n:06d}", **usual, **change} for n, change in enumerate(changes)]
    text = end.join([BEIJING, *(",".join(row[name] for name in BEIJING.split(",")) for row in rows), ""])
    path.write_bytes(text.encode(encoding))
    return path


def take(
    city: TwinCity, file: Path, mapping: str | None, *, bus: hutong.Bus | None = None, format: Format | None = None
) -> tuple[Account, list[dict[str, Any]]]:
    """One run of intake, knowing the city's territory: its account and its report."""
    path = city.home / "report.jsonl"
    with closing(FiledStore(city.home, city.id, {})) as store, closing(Report(path)) as report:
        filing = Filing(
            bus or city.connect(city.id, "intake"), store, report,
            times=Times.ROW, batch=2, patience=5.0, territory=Territory.load(city.id),
        )  # fmt: skip
        try:
            filing.file(entries(file, mapping, "old", format))
        except hutong.SettingsError:
            assert filing.account.settled()
            raise
    return filing.account, [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def complaints(city: TwinCity) -> dict[str, tuple[hutong.Event, hutong.complaint.Filed]]:
    """What is on the ledger, by the row it came from."""
    found = {}
    for event in ledger(city):
        assert isinstance(event.data, hutong.complaint.Filed) and event.data.source
        found[event.data.source.row] = (event, event.data)
    return found
