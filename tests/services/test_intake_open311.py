"""Open311 GeoReport v2: service requests become complaints; a bad one is told, a damaged file keeps the rest."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import hutong
from hutong.rules.territory import Territory
from services.exports import Export
from services.intake.command import Options, intake
from services.intake.handler import Entry, filed
from services.intake.sources import entries
from tests.cities import TwinCity
from tests.services.channels import NOW, complaints, request, requests_file, take
from tests.services.test_intake import counts, ledger


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path / "city", id="nyc", rights=("register", "file", "backfill", "replay")) as made:
        yield made


@pytest.fixture
def beijing(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path / "city", rights=("register", "file", "replay")) as made:
        yield made


@pytest.mark.parametrize("name", ["requests.json", "requests.json.gz"])
def test_service_requests_of_open311_become_complaints(city: TwinCity, tmp_path: Path, name: str) -> None:
    """Code to category, zip code to area; who asked, where and what for are sealed."""
    bus = city.connect("nyc", "intake")
    assert counts(take(city, requests_file(tmp_path, name=name), "open311_nyc", bus=bus)[0]) == {"rows": 2, "filed": 2}
    found = complaints(city)
    (first, a), (second, b) = found["638344"], found["2"]
    assert (a.category, a.area, a.channel, a.identity) == ("dep/sewer", "queens", "open311", None)
    assert (b.category, b.area, second.time) == ("dep/noise", "manhattan", NOW)
    assert bus.unseal(first, "place") == {
        "address": "8TH AVE and JUDAH ST", "address_id": "545483", "zip": "11101", "point": "40.744,-73.948",
    }  # fmt: skip
    assert bus.unseal(second, "identity") == {"first_name": "Ann", "phone": "212 555 0100", "email": "ann@example.org"}
    assert bus.unseal(second, "narrative") == {"text": "Loud"}


def test_a_request_that_cannot_be_taken_is_told_by_its_number_and_the_others_are_filed(
    city: TwinCity, tmp_path: Path
) -> None:
    """One without its number yet (only a token), of an unknown service, no object, nested without end."""
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    bad = [
        request(service_request_id=None, token="t1"),
        request(service_code="graffiti"),
        request(zipcode="94103"),
        request(requested_datetime="yesterday"),
        7,
        request(attributes=deep),
        {"code": 403, "description": "bad key"},
    ]
    account, report = take(city, requests_file(tmp_path, *bad, request(service_request_id="9")), "open311_nyc")
    assert counts(account) == {"rows": 10, "filed": 3, "rejected": 7}
    assert [(line["line"], line["field"]) for line in report] == [
        (3, "row"), (4, "category"), (5, "area"), (6, "created"), (7, ""), (8, ""), (9, "created"),
    ]  # fmt: skip


@pytest.mark.parametrize("end", [b'{"service_request_id": "8", "descr', b'{"a": "Ann \xff"}]', b"nonsense Ann"])
def test_an_array_that_breaks_off_keeps_what_came_before(city: TwinCity, tmp_path: Path, end: bytes) -> None:
    """It says where, and never what stands there; whole again, it goes on."""
    file = requests_file(tmp_path, request())
    file.write_bytes(file.read_bytes()[:-1] + b", " + end)
    with pytest.raises(hutong.SettingsError, match=r"no JSON behind request [34]") as raised:
        take(city, file, "open311_nyc")
    assert "Ann" not in str(raised.value) and raised.value.__cause__ is None
    assert len(ledger(city)) == 3
    whole = requests_file(tmp_path, request(), request(service_request_id="8"))
    assert counts(take(city, whole, "open311_nyc")[0]) == {"rows": 4, "known": 3, "filed": 1}


class Endless(io.RawIOBase):
    """An array that never ends, and how many bytes of it were read."""

    def __init__(self, item: bytes) -> None:
        self._item = item
        self._left = b"["
        self.read_bytes = 0

    def read1(self, size: int) -> bytes:
        given, self._left = self._left[:size], self._left[size:] or self._item
        self.read_bytes += len(given)
        return given


class _Input:
    def __init__(self, buffer: io.RawIOBase) -> None:
        self.buffer = buffer


def test_an_array_is_read_as_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first requests are there long before its end; here it has none, and comes through the standard input."""
    endless = Endless(json.dumps(request()).encode() + b",")
    monkeypatch.setattr(sys, "stdin", _Input(endless))
    found = entries(Path("-"), "open311_nyc", "")
    assert [isinstance(next(found), Entry) for _ in range(1000)] == [True] * 1000
    assert endless.read_bytes < 1_000_000


def test_a_field_that_geo_report_does_not_have_must_be_named_as_an_extension(tmp_path: Path) -> None:
    """A misspelt field would be empty in every row, and nobody would notice."""
    shipped = Path(Export.load.__func__.__globals__["SHIPPED"], "open311_nyc.yaml").read_text(encoding="utf-8")  # type: ignore[attr-defined]
    path = tmp_path / "m.yaml"
    path.write_text(shipped.replace("{address}", "{adress}"), encoding="utf-8")
    with pytest.raises(hutong.SettingsError, match="adress: no field of GeoReport v2"):
        Export.load(str(path))
    more = shipped.replace("channel: open311", 'channel: "{extended_attributes.channel}"')
    path.write_text(more + "extensions: [extended_attributes.channel]\n", encoding="utf-8")
    found = [filed(entry, Territory()) for entry in entries(requests_file(tmp_path, request()), str(path), "")
             if isinstance(entry, Entry) and entry.row != "638344"]  # fmt: skip
    assert {data.channel for data in found} == {"sms"}


def test_the_account_of_a_file_that_breaks_off_is_still_printed(
    city: TwinCity, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It adds up: every row that was read has come to its end."""
    file = requests_file(tmp_path)
    file.write_bytes(file.read_bytes()[:-1])
    bus, settings = city.connect("nyc", "intake"), city.settings("nyc")
    with pytest.raises(hutong.SettingsError):
        intake(bus, settings, Options(file=file, mapping="open311_nyc", as_json=True))
    account = json.loads(capsys.readouterr().out)
    assert (account["rows"], account["filed"]) == (2, 2)
    assert timedelta(seconds=account["seconds"]) < timedelta(minutes=1)
