"""Killed in the middle, and run again: whatever the format, each row is filed once."""

from __future__ import annotations

from pathlib import Path

import pytest

import hutong
from hutong.transport import Outgoing, Placed
from services.intake.sources import Format
from tests.cities import TwinCity
from tests.services.channels import beijing_csv, complaints, request, requests_file, take
from tests.services.test_intake import counts, ledger, lines


@pytest.mark.parametrize("kind", list(Format))
@pytest.mark.parametrize("sent", [True, False])
def test_killed_in_the_middle_and_run_again_each_row_is_filed_once(tmp_path: Path, kind: Format, sent: bool) -> None:
    """Whether the batch at hand was on its way already or not; with the store that is left, or without."""
    with TwinCity(tmp_path / "city", id="nyc" if kind is Format.OPEN311 else "110000") as city:
        file, mapping = seven_rows(kind, tmp_path)
        with pytest.raises(ZeroDivisionError):
            take(city, file, mapping, bus=dying(city, after=2, sent=sent))
        before = len(ledger(city))
        assert before == (6 if sent else 4)
        account, report = take(city, file, mapping)
        assert (account.rows, account.filed + account.known, report) == (7, 7, [])
        (city.home / "state" / "intake" / f"{city.id}.sqlite").unlink()
        assert counts(take(city, file, mapping)[0]) == {"rows": 7, "known": 7}
        assert len(ledger(city)) == len(complaints(city)) == 7


def seven_rows(kind: Format, folder: Path) -> tuple[Path, str | None]:
    """A file of that format, and its mapping."""
    match kind:
        case Format.CSV:
            return beijing_csv(folder / "a.csv", "gb18030", *[{}] * 7), "beijing12345"
        case Format.JSONL:
            return lines(folder / "a.jsonl", 7), None
    return requests_file(folder, *(request(service_request_id=str(n)) for n in range(3, 8))), "open311_nyc"


def dying(city: TwinCity, *, after: int, sent: bool) -> hutong.Bus:
    """A bus whose producer dies at a later batch, before or after the broker has it."""
    bus = city.connect(city.id, "intake")
    producer = bus._sender._way._producer  # type: ignore[attr-defined]
    calls = 0

    class Dying:
        def send(self, records: list[Outgoing], *, timeout: float) -> list[Placed]:
            nonlocal calls
            calls += 1
            if calls <= after:
                return producer.send(records, timeout=timeout)  # type: ignore[no-any-return]
            if sent:
                producer.send(records, timeout=timeout)
            raise ZeroDivisionError

        def close(self) -> None:
            producer.close()

    bus._sender._way._producer = Dying()  # type: ignore[attr-defined]
    return bus
