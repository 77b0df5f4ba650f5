"""受理: every row once, whatever crashes; every row that is not filed is told of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import hutong
from services.exports import BadRow
from services.intake.command import Options, intake
from services.intake.filing import Filing, Times
from services.intake.handler import Account
from services.intake.report import Report
from services.intake.sources import entries
from services.intake.store import FiledRow, FiledStore
from tests.cities import TwinCity

NOW = datetime.now(UTC)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path / "city", rights=("register", "file", "dispatch", "call_back", "replay")) as made:
        yield made


def lines(path: Path, count: int, *, sealed: bool = True, age: timedelta = timedelta(hours=1), **given: Any) -> Path:
    """A JSON lines file of that many complaints."""
    words = {"narrative": "没水", "identity": {"name": "张三", "phone": "13800000000"}} if sealed else {}
    created = (NOW - age).isoformat()
    rows = [
        {"row": f"r{n}", "kind": "complaint", "channel": "phone", "category": "public_service/water",
         "area": "110105026", "created": created, **words, **given}
        for n in range(count)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def take(city: TwinCity, file: Path, *, bus: hutong.Bus | None = None, mapping: str | None = None,
         times: Times = Times.ROW, patience: float = 5.0,
         system: str = "old") -> tuple[Account, list[dict[str, Any]]]:  # fmt: skip
    """One run of intake: its account and its report."""
    bus = bus or city.connect(city.id, "intake")
    path = city.home / "report.jsonl"
    with closing(FiledStore(city.home, city.id, {})) as store, closing(Report(path)) as report:
        filing = Filing(bus, store, report, times=times, batch=4, patience=patience)
        filing.file(entries(file, mapping, system))
    return filing.account, [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ledger(city: TwinCity) -> list[hutong.Event]:
    return list(city.connect(city.id).replay())


def counts(account: Account) -> dict[str, int]:
    return {name: number for name, number in account.counts() if number}


@pytest.mark.parametrize("sealed", [True, False])
def test_a_file_given_again_files_nothing_again(city: TwinCity, tmp_path: Path, sealed: bool) -> None:
    """Not in the next run, not with more rows behind, not after the store was lost."""
    assert counts(take(city, lines(tmp_path / "a.jsonl", 10, sealed=sealed))[0]) == {"rows": 10, "filed": 10}
    file = lines(tmp_path / "b.jsonl", 12, sealed=sealed)
    assert counts(take(city, file)[0]) == {"rows": 12, "known": 10, "filed": 2}
    (city.home / "state" / "intake" / f"{city.id}.sqlite").unlink()
    assert counts(take(city, file)[0]) == {"rows": 12, "known": 12}
    assert len(ledger(city)) == len({event.ticket for event in ledger(city)}) == 12


@pytest.mark.parametrize("sealed", [True, False])
def test_a_crash_before_the_store_knew_files_nothing_twice(city: TwinCity, tmp_path: Path, sealed: bool) -> None:
    """Sealed again, the rows are refused as already admitted; the very same bytes are found at the door."""
    file = lines(tmp_path / "a.jsonl", 4, sealed=sealed)
    take(city, file)
    path = city.home / "state" / "intake" / f"{city.id}.sqlite"
    path.unlink()
    with closing(FiledStore(city.home, city.id, {})) as store:
        store.put([FiledRow("old", "another", "t", b"")])  # so it does not look lost
    account, report = take(city, file, patience=0.3)
    assert account.known + account.filed == 4
    assert not report
    assert len(ledger(city)) == 4


def test_a_trial_from_the_same_home_leaves_no_row_unfiled(city: TwinCity, tmp_path: Path) -> None:
    """What was filed in the trial's city is filed here as well: its store is another's."""
    file = lines(tmp_path / "a.jsonl", 3, sealed=False)
    with TwinCity(tmp_path / "trial", rights=("register", "file", "replay")) as trial:
        for place in (trial, city):
            bus = place.connect(place.id, "intake", home=tmp_path / "home")
            account = intake(bus, place.settings(place.id, home=tmp_path / "home"), Options(file=file))
            assert counts(account) == {"rows": 3, "filed": 3}
    assert len(ledger(city)) == 3


def test_the_same_row_is_the_same_ticket_whatever_time_is_written_on_it(city: TwinCity, tmp_path: Path) -> None:
    """The ticket carries the row's date, and is the one that filing by the row's own time finds."""
    file = lines(tmp_path / "a.jsonl", 1, age=timedelta(days=3))
    take(city, file, times=Times.NOW)
    (city.home / "state" / "intake" / f"{city.id}.sqlite").unlink()
    take(city, file, times=Times.ROW)
    [event] = ledger(city)
    day = (datetime.now(UTC) - timedelta(days=3)).astimezone(city.settings(city.id).zone)
    assert event.ticket.startswith(f"{city.id}-{day:%Y%m%d}-")
    assert event.time is not None and datetime.now(UTC) - event.time < timedelta(minutes=1)


def test_old_rows_without_the_right_are_refused_and_can_be_filed_later(city: TwinCity, tmp_path: Path) -> None:
    """More than 7 days back needs backfill; the report says so, and nothing is settled by the refusal."""
    file = lines(tmp_path / "a.jsonl", 2, age=timedelta(days=8))
    account, report = take(city, file)
    assert counts(account) == {"rows": 2, "refused": 2}
    assert [(line["outcome"], line["code"], line["line"]) for line in report] == [
        ("refused", "time_past", 1),
        ("refused", "time_past", 2),
    ]
    assert counts(take(city, file, times=Times.NOW)[0]) == {"rows": 2, "filed": 2}


def test_a_batch_without_an_answer_is_sent_again_byte_for_byte(city: TwinCity, tmp_path: Path) -> None:
    """The city wakes at the second try; each row is on the ledger once, and counted as filed."""
    bus = city.connect(city.id, "intake")
    resend, calls = bus.resend, list[tuple[bytes, ...]]()

    def counted(events: Any, **given: Any) -> list[hutong.Submitted]:
        calls.append(tuple(event.fingerprint for event in events))
        city.lively = len(calls) > 1
        return resend(events, **given)

    bus.resend = counted  # type: ignore[method-assign]
    account, _ = take(city, lines(tmp_path / "a.jsonl", 3), bus=bus, patience=0.3)
    assert counts(account) == {"rows": 3, "filed": 3}
    assert calls[0] == calls[1]
    assert len(ledger(city)) == 3


def test_what_was_admitted_too_late_is_found_at_the_door(city: TwinCity, tmp_path: Path) -> None:
    """Nothing is sent again when the deliveries already tell what became of it."""
    bus = city.connect(city.id, "intake")
    replay, sent = bus.replay, list[int]()

    def woken(**given: Any) -> Iterator[hutong.Event]:
        city.pump()
        return replay(**given)

    resend = bus.resend

    def counted(events: Any, **given: Any) -> list[hutong.Submitted]:
        sent.append(len(events))
        return resend(events, **given)

    city.lively = False
    bus.replay = woken  # type: ignore[method-assign]
    bus.resend = counted  # type: ignore[method-assign]
    account, _ = take(city, lines(tmp_path / "a.jsonl", 3), bus=bus, patience=0.3)
    assert counts(account) == {"rows": 3, "filed": 3}
    assert sent == [3]


def test_a_city_that_never_admits_ends_the_run(city: TwinCity, tmp_path: Path) -> None:
    """The third fate: the outcome stays unknown, and the next run goes on where this one stood."""
    file = lines(tmp_path / "a.jsonl", 3)
    with city.asleep(), pytest.raises(hutong.Unconfirmed):
        take(city, file, patience=0.1)
    account, _ = take(city, file)
    assert account.filed + account.known == 3
    assert len(ledger(city)) == 3


def test_a_row_too_large_is_reported_and_its_batch_goes_on(city: TwinCity, tmp_path: Path) -> None:
    """256 KiB is the limit of one event."""
    file = lines(tmp_path / "a.jsonl", 3)
    huge = lines(tmp_path / "b.jsonl", 1, row="huge", narrative="x" * 300_000)
    file.write_bytes(file.read_bytes() + huge.read_bytes())
    account, report = take(city, file)
    assert counts(account) == {"rows": 4, "filed": 3, "rejected": 1}
    assert report[0]["row"] == "huge"


MAPPING = """
system: old
row: "{Key}"
created: {of: "{In}", format: "%Y-%m-%d %H:%M", zone: Asia/Shanghai}
kind: {of: "{Kind}", values: {投诉: complaint, 咨询: consultation}}
channel: {of: "{Way}", values: {电话: phone}, otherwise: other}
category: "public_service/{Class|code}"
area: "{Street}"
language: zh
enterprise: {of: "{Firm}", any: [是]}
identity: {name: "{Name}"}
narrative: "{Text}"
"""
HEADER = "Key,In,Kind,Way,Class,Street,Firm,Name,Text\n"


def csv_file(tmp_path: Path, rows: str | bytes, mapping: str = MAPPING) -> tuple[Path, str]:
    file, named = tmp_path / "rows.csv", tmp_path / "mapping.yaml"
    named.write_text(mapping, encoding="utf-8")
    file.write_bytes(HEADER.encode() + (rows if isinstance(rows, bytes) else rows.encode()))
    return file, str(named)


def test_bad_rows_are_told_by_line_and_field_and_the_others_are_filed(city: TwinCity, tmp_path: Path) -> None:
    """Personal values never stand in the report, nor do numbers that may be a telephone."""
    day = f"{datetime.now(UTC):%Y-%m-%d} 00:00"
    rows = (
        (
            f"1,{day},投诉,电话,water,110105026,是,张三,没水\n"
            f"2,31/01/2026,投诉,电话,water,110105026,否,张三,没水\n"
            f"3,{day},表扬,电话,water,110105026,否,张三,没水\n"
            f"4,{day},投诉,电话,13812345678,110105026,否,张三,没水\n"
            f"5,{day},投诉,电话,water,望京,否,张三,没水\n"
            f"6,{day},投诉,电话,water\n"
            f'7,{day},投诉,微信,water,110105026,否,李四,"没水\n三天了"\n'
            f"1,{day},投诉,电话,water,110105026,是,张三,没水\n"
            f",{day},投诉,电话,water,110105026,否,张三,没水\n"
            f"10,{day},投诉,电话,,110105026,否,张三,没水\n"
        ).encode()
        + f"11,{day},投诉,电话,water,110105026,否,".encode()
        + b"\xd5\xc5,x\n"
    )
    file, mapping = csv_file(tmp_path, rows)
    account, report = take(city, file, mapping=mapping)
    assert counts(account) == {"rows": 11, "filed": 2, "rejected": 9}
    assert [(line["line"], line["row"], line["field"], line["value"]) for line in report] == [
        (3, "2", "created", "31/01/2026"),
        (4, "3", "kind", "表扬"),
        (5, "4", "category", "public_service/(number)"),
        (6, "5", "area", "望京"),
        (7, "", "", ""),
        (10, "1", "row", "1"),
        (11, "", "row", ""),
        (12, "10", "category", ""),
        (13, "", "", ""),
    ]
    assert "line 2" in report[5]["reason"]
    assert "张三" not in (city.home / "report.jsonl").read_text(encoding="utf-8")
    first, second = sorted((event.data for event in ledger(city)), key=lambda data: str(getattr(data, "source", "")))
    assert isinstance(first, hutong.complaint.Filed) and isinstance(second, hutong.complaint.Filed)
    assert (first.enterprise, first.channel, second.enterprise, second.channel) == (True, "phone", False, "other")


def test_sealed_values_of_a_csv_come_back_whole(city: TwinCity, tmp_path: Path) -> None:
    """What stood in the cells is what the filer unseals."""
    day = f"{datetime.now(UTC):%Y-%m-%d} 00:00"
    file, mapping = csv_file(tmp_path, f"1,{day},投诉,电话,water,110105026,是,张三,\n")
    bus = city.connect(city.id, "intake")
    take(city, file, mapping=mapping, bus=bus)
    [event] = bus.replay()
    assert bus.unseal(event, "identity") == {"name": "张三"}
    assert bus.unseal(event, "narrative") is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"created": "2026-01-31T10:00:00"}, "created"),
        ({"created": 7}, "created"),
        ({"created": "0001-01-01T00:00:00+00:00"}, "created"),
        ({"row": 7}, "row"),
        ({"row": "a b"}, "row"),
        ({"colour": "red"}, "colour"),
        ({"source": {"system": "x", "row": "y"}}, "source"),
        ({"kind": "咨询"}, "kind"),
        ({"area": None}, "area"),
        ({"narrative": 7}, "narrative"),
        ({"narrative": "\ud800"}, "narrative"),
        ({"category": "\ud800"}, "category"),
    ],
)
def test_a_json_line_that_does_not_fit_names_its_field(
    city: TwinCity, tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    """And nothing of it is filed."""
    account, report = take(city, lines(tmp_path / "a.jsonl", 1, **change))
    assert counts(account) == {"rows": 1, "rejected": 1}
    assert [line["field"] for line in report] == [field]
    assert ledger(city) == []


def test_a_report_shows_no_value_that_may_be_a_citizens_words(city: TwinCity, tmp_path: Path) -> None:
    """Neither of a sealed field, nor of one that nobody knows."""
    for change in ({"identity": 13812345}, {"phone": "13812345"}):
        _, [line] = take(city, lines(tmp_path / "a.jsonl", 1, **change))
        assert line["value"] == "(not shown)"


@pytest.mark.parametrize("key", ["张三 13800138000", "张三", "x" * 65])
def test_what_stands_where_a_rows_key_belongs_is_shown_only_if_it_is_one(
    city: TwinCity, tmp_path: Path, key: str
) -> None:
    """With shifted columns a citizen's name and telephone stand there; line and field say where to look."""
    day = f"{datetime.now(UTC):%Y-%m-%d} 00:00"
    rows = f"{key},{day},投诉,电话,water,110105026,是,,\n{key},31/01/2026,投诉,电话,water,110105026,是,,\n"
    file, mapping = csv_file(tmp_path, rows + "9,31/01/2026,投诉,电话,water,110105026,是,,\n")
    _, report = take(city, file, mapping=mapping)
    assert [(line["line"], line["row"], line["field"], line["value"]) for line in report] == [
        (2, "(not shown)", "row", "(not shown)"),
        (3, "(not shown)", "created", "31/01/2026"),
        (4, "9", "created", "31/01/2026"),
    ]


def test_lines_that_are_no_json_object_are_told_and_empty_ones_passed(tmp_path: Path) -> None:
    """Their numbers are those of the file."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\n{\n[1]\n" + b"[" * 100_000 + b"\n\xff\n")
    found = list(entries(file, None, "old"))
    assert [bad.line for bad in found if isinstance(bad, BadRow)] == [2, 3, 4, 5]


def test_the_account_is_printed_as_one_json_object(
    city: TwinCity, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line of the output, for programs; the report stands under the home folder."""
    bus, settings = city.connect(city.id, "intake"), city.settings(city.id)
    file = lines(tmp_path / "a.jsonl", 5)
    intake(bus, settings, Options(file=file, as_json=True, limit=3))
    account = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {name: account[name] for name in ("rows", "filed", "known", "rejected", "refused")} == {
        "rows": 3, "filed": 3, "known": 0, "rejected": 0, "refused": 0,
    }  # fmt: skip
    assert (settings.home / "state" / "intake" / "a.jsonl.report.jsonl").read_text() == ""
