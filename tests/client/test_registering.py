"""Registering a whole city's organisations in one go: the same directory as one after the other, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hutong.errors import SettingsError, Unavailable
from hutong.events.directory import Level, Name, OrganisationEntry
from hutong.registrar import AT_ONCE
from tests.cities import CITY, TwinCity

NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path) as made:
        yield made


def entry(id_: str, parent: str = CITY, **given: Any) -> OrganisationEntry:
    """A unit with a key of its own."""
    key = id_.encode().ljust(32, b".")
    names = (Name(language="en", text=id_),)
    level = Level.STREET
    values = {"id": id_, "names": names, "level": level, "parent": parent, "signing_keys": (key,), "rights": ()}
    return OrganisationEntry.model_validate({**values, **given})


def test_many_are_registered_in_order_with_their_doors(city: TwinCity) -> None:
    """Numbers go on densely over more than one batch, a parent may stand among them, every door is there."""
    begin = city.registrar.directory.number
    entries = [entry("110105"), *(entry(f"110105{n:03d}", "110105") for n in range(AT_ONCE + 20))]
    numbers = city.registrar.register_all(entries, NOW)
    assert list(numbers.values()) == list(range(begin + 1, begin + 1 + len(entries)))
    assert {f"deliveries.{e.id}" for e in entries} <= city.transport.topics().keys()
    assert city.registrar.directory.ancestors("110105007") == ("110105", CITY)


def test_registering_again_writes_only_what_changed(city: TwinCity) -> None:
    """The same entries keep their numbers; the one that changed gets the next."""
    entries = [entry("110105"), entry("110108")]
    first = city.registrar.register_all(entries, NOW)
    assert city.registrar.register_all(entries, NOW) == first
    changed = [entry("110105"), entry("110108", rights=("see_all",))]
    assert city.registrar.register_all(changed, NOW) == {"110105": first["110105"], "110108": first["110108"] + 1}


@pytest.mark.parametrize(
    "wrong",
    [entry("110108011", "110108"), entry("110108", partitions=3), entry("110108", sealing_key=bytes(32))],
    ids=["no parent", "partitions", "sealing key"],
)
def test_one_that_does_not_fit_keeps_all_out(city: TwinCity, wrong: OrganisationEntry) -> None:
    """A missing parent, partitions that do not divide, a key that X25519 refuses: an error, and nobody is registered,
    no topic made."""
    begin, topics = city.registrar.directory.number, city.transport.topics()
    with pytest.raises(SettingsError):
        city.registrar.register_all([entry("110105"), wrong], NOW)
    assert city.registrar.directory.number == begin
    assert city.transport.topics() == topics


def test_another_registrar_in_between_is_told_and_a_second_run_completes(
    city: TwinCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose number was taken does not count and says so; run again, all are registered."""
    entries = [entry("110105"), entry("110108")]
    send = city.registrar._producer.send

    def late(records: Any, *, timeout: float) -> Any:
        monkeypatch.undo()
        city.register("110112", level="district")
        return send(records, timeout=timeout)

    monkeypatch.setattr(city.registrar, "_producer", SimpleNamespace(send=late))
    with pytest.raises(Unavailable, match="another registrar"):
        city.registrar.register_all(entries, NOW)
    city.registrar.register_all(entries, NOW)
    assert {"110105", "110108", "110112"} <= city.registrar.directory.organisations.keys()
