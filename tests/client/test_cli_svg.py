"""Pictures that the command makes of what it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

import hutong
from hutong.cli import connection
from hutong.cli.app import app
from hutong.cli.svg import painted
from hutong.errors import SettingsError
from tests.cities import TwinCity

FILED = hutong.complaint.Filed(
    kind=hutong.complaint.Kind.HELP, channel="phone", category="public_service/water", area="110105026"
)
TEXT = "{http://www.w3.org/2000/svg}text"


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwinCity]:
    with TwinCity(tmp_path) as city:
        monkeypatch.setattr(connection, "transport", lambda settings: city.transport)
        yield city


def drawn(svg: Path) -> str:
    """All words of a picture; raises where it is no XML."""
    return "".join(text.text or "" for text in ElementTree.parse(svg).iter(TEXT)).replace("\xa0", " ")


@pytest.mark.parametrize("command", [["city"], ["ticket", "show"]], ids=" ".join)
def test_the_picture_has_what_the_command_would_show(city: TwinCity, tmp_path: Path, command: list[str]) -> None:
    """One picture, nothing on standard output, and no host is named that would have to be reached."""
    ticket = city.connect("110000").submit(FILED, wait="admitted").ticket
    svg = tmp_path / "picture.svg"
    words = [*command, *([ticket] if command[0] == "ticket" else []), "--svg", str(svg)]
    ran = CliRunner().invoke(app, words, env=city.environment("110000"))
    assert (ran.exit_code, ran.stdout) == (0, "")
    assert ticket in drawn(svg)
    assert "@font-face" not in svg.read_text("utf-8")


def test_chinese_takes_two_columns_for_each_character(tmp_path: Path) -> None:
    """A column is 12.2 wide, as rich draws it; what follows stands behind it."""
    svg = tmp_path / "picture.svg"
    with painted(svg, "title") as console:
        console.print("[red]工单[/red][blue]ab[/blue]")
    found = re.findall(r'x="([\d.]+)" y="[\d.]+" textLength="([\d.]+)"[^>]*>(工单|ab)<', svg.read_text("utf-8"))
    assert found == [("0", "48.8", "工单"), ("48.8", "24.4", "ab")]


def test_a_picture_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written"), painted(tmp_path / "none" / "picture.svg", "title"):
        pass
