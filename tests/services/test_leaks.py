"""No name, phone number, address or narrative of a run stands anywhere in clear; and where one did, it is found."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import hutong
from hutong import sealing
from hutong.events.sealed import Clear, KeyClass, Sealed
from local.cities import City
from local.generator import complaints, personal_strings
from services.callback.__main__ import call_back
from services.callback.handler import Shares
from services.desk.answering import answer
from services.desk.handler import Desk
from services.serving import EventTimes
from tests.cities import TwinCity
from tests.integration.leaks import Search, search, spellings
from tests.services.handling import run, until_quiet
from tests.services.test_dispatch_to_callback import dispatching, file_all

CALLS = 40


def play(home: Path) -> tuple[TwinCity, set[str]]:
    """A few calls of a day through a city in memory, with desks, and every personal string of theirs."""
    beijing = City.load("beijing")
    calls = list(complaints(1, CALLS, beijing, now=datetime.now(UTC)))
    rows = home / "given.jsonl"
    home.mkdir()
    rows.write_text("".join(call.model_dump_json() + "\n" for call in calls), encoding="utf-8")
    city = TwinCity(home / "city")
    for organisation in ("110105", "110106", "110108", "110114"):
        city.register(organisation, level="district")
    file_all(city, rows)

    def one() -> None:
        run(city, city.id, "dispatch", dispatching(city, beijing.routing))
        for unit in ("110105", "110106", "110108", "110114"):
            run(city, unit, "desk", partial(answer, desk=Desk(unit)))
        run(city, city.id, "callback", partial(call_back, shares=Shares(), seed=1, times=EventTimes.NOW))

    until_quiet(city, one)
    return city, personal_strings(calls)


def test_nothing_that_was_sealed_is_found_in_topics_files_or_logs(tmp_path: Path) -> None:
    """Every topic, store and journal of a run is searched for every string that intake was given; none is there."""
    city, texts = play(tmp_path / "run")
    with city:
        found = search(texts, home=city.home, transport=city.transport)
    assert found.leaks == []
    assert found.records > CALLS * 3
    assert found.files > 5
    assert len(texts) > CALLS * 3


@pytest.mark.parametrize("field", ["identity", "narrative", "place"])
def test_a_field_that_is_not_sealed_is_found(field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the sealing of one field is broken, the search finds its texts on the ledger and at the doors."""
    seal = sealing.seal

    def broken(content: Clear, key: sealing.DataKey, place: sealing.Place, key_class: KeyClass) -> Sealed:
        sealed = seal(content, key, place, key_class)
        if place.field != field or place.type != hutong.complaint.Filed.TYPE:
            return sealed
        return sealed.model_copy(update={"ciphertext": json.dumps(content.value, ensure_ascii=False).encode()})

    monkeypatch.setattr(sealing, "seal", broken)
    city, texts = play(tmp_path / "run")
    with city:
        found = search(texts, home=city.home, transport=city.transport)
    assert {leak.place.partition("/")[0] for leak in found.leaks} >= {"submissions", "ledger", "deliveries.110000"}
    assert {leak.spelling for leak in found.leaks} == {"utf-8"}
    assert len(found.leaks) >= 3 * CALLS


@pytest.mark.parametrize("coding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("name", ["王某甲", "10012345678", "幸福路7号院3号楼201室"])
def test_every_spelling_is_found_wherever_it_begins(name: str, coding: str, tmp_path: Path) -> None:
    """Plain, escaped, in hexadecimal, in base64 at any place of a longer text; across the edge of two reads, too."""
    raw = name.encode(coding)
    contents = [
        raw, raw.hex().encode(), raw.hex().upper().encode(), json.dumps({"n": name}).encode(), name.encode("utf-16-le"),
        *(base64.b64encode(b"x" * n + raw + b"yyy") for n in range(3)),
        *(base64.urlsafe_b64encode(b"?" * n + raw + b"???") for n in range(3)),
    ]  # fmt: skip
    for number, content in enumerate(contents):
        looking = Search([name, "别人"])
        looking.look(b"\x00" * number + content + b"\x00", "here")
        assert [leak.text for leak in looking.found.leaks][:1] == [name], content
    assert all(len(spelt) >= 4 for spelt in spellings(name).values())


def test_packed_files_and_names_of_files_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed log, a text across two reads, a file's name; what was given to the city is left out."""
    monkeypatch.setattr("tests.integration.leaks.CHUNK", 10)
    (tmp_path / "old.log.gz").write_bytes(gzip.compress("来电人王某甲".encode()))
    (tmp_path / "10012345678.txt").write_text("nothing")
    (tmp_path / "late.log").write_text("123456" + "王某乙")
    (tmp_path / "given.jsonl").write_text("王某丙")
    texts: list[Any] = ["王某甲", "10012345678", "王某乙", "王某丙"]
    found = search(texts, home=tmp_path, but=[tmp_path / "given.jsonl"])
    assert sorted({leak.text for leak in found.leaks}) == sorted(texts[:3])
