"""A city in memory for each test of the client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.cities import TwinCity
from tests.client.cli import Command


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    """A city with a water utility and a heating utility."""
    with TwinCity(tmp_path) as made:
        made.register("110000.water", level="utility")
        made.register("110000.heat", level="utility")
        yield made


@pytest.fixture
def cli_city(tmp_path: Path) -> Iterator[TwinCity]:
    """A city whose only other organisation, a water utility, has names in two languages."""
    with TwinCity(tmp_path) as made:
        made.register("110000.water", level="utility", names={"zh": "市供水单位", "en": "Water utility"})
        yield made


@pytest.fixture
def command(cli_city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """``hutong …`` in that city, in English, 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("HUTONG_LANG", raising=False)
    monkeypatch.delenv("HUTONG_CONFIG", raising=False)
    yield Command(cli_city, monkeypatch)
    structlog.reset_defaults()  # the command sent its log to a stream that is closed now


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second is waited for nothing."""
    monkeypatch.setattr("hutong.subscribing.giving._FIRST_WAIT", 0.001)
    monkeypatch.setattr("hutong.loop.POLL_SECONDS", 0.001)
    monkeypatch.setattr("hutong.loop._GLANCE_SECONDS", 0.001)
    monkeypatch.setattr("hutong.subscribing.parking._GLANCE_SECONDS", 0.0)
