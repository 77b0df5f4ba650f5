"""``hutong org``, and what every command does without its settings."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hutong.cli import connection
from hutong.cli.app import app
from hutong.settings import read_private_key
from hutong.testing import MemoryTransport
from tests.cities import TwinCity
from tests.client.cli import Command

KEY = "ab" * 32


def test_keys_are_made_for_their_owner_alone_and_never_written_over(command: Command, tmp_path: Path) -> None:
    """Both files are 0600; what is printed is their public half; a second run changes nothing."""
    words = ("org", "keygen", "110000.gas", "--folder", str(tmp_path / "new"))
    (made,) = command.json("110000", *words)
    signing = Path(made["signing_file"])
    assert read_private_key(signing).public_key().public_bytes_raw().hex() == made["signing_key"]
    assert {stat.S_IMODE(Path(made[name]).stat().st_mode) for name in ("signing_file", "sealing_file")} == {0o600}
    before = signing.read_bytes()
    assert "stays as it is" in command.run("110000", *words, code=2).stderr
    assert signing.read_bytes() == before


def test_a_key_file_has_an_organisations_name(command: Command) -> None:
    """No path can be smuggled in as an id."""
    assert "is no organisation's id" in command.run("110000", "org", "keygen", "../../etc/x", code=2).stderr


def test_a_city_is_founded_once(command: Command, cli_city: TwinCity) -> None:
    """Again it changes nothing; with another number of partitions it is refused."""
    (result,) = command.json("110000", "org", "found", "--partitions", "2")
    assert (result["new"], result["number"]) == (False, 1)
    assert "can never become 3" in command.run("110000", "org", "found", "--partitions", "3", code=2).stderr


def test_a_registrar_founds_a_city_from_nothing(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """keygen and found with what keygen printed make a city whose registrar holds the right to register."""
    (made,) = command.json("110000", "org", "keygen", "tianjin", "--folder", str(tmp_path / "tj"))
    transport = MemoryTransport()
    monkeypatch.setattr(connection, "transport", lambda settings: transport)
    variables = {
        "HUTONG_BOOTSTRAP": "twin:0",
        "HUTONG_CITY": "tianjin",
        "HUTONG_ORGANISATION": "tianjin",
        "HUTONG_REGISTRAR_KEY": made["signing_key"],
        "HUTONG_KEY": made["signing_file"],
    }
    words = ["org", "found", "--partitions", "4", "--sealing-key", made["sealing_key"], "--name", "en=Tianjin"]
    assert CliRunner().invoke(app, words, env=variables).exit_code == 0
    listed = CliRunner().invoke(app, ["org", "list", "--json"], env=variables).stdout
    assert '"rights": ["register"]' in listed
    assert transport.topics()["ledger"] == 4


def test_an_entry_keeps_what_is_not_said(command: Command, cli_city: TwinCity) -> None:
    """Changing rights leaves names and keys alone; 'none' takes them away; the same again writes nothing."""
    (given,) = command.json("110000", "org", "register", "110000.water", "--right", "see_all")
    assert given["rights"] == ["see_all"]
    assert given["names"] == [{"language": "zh", "text": "市供水单位"}, {"language": "en", "text": "Water utility"}]
    assert given["written"]
    (again,) = command.json("110000", "org", "register", "110000.water", "--right", "see_all")
    assert not again["written"]
    (taken,) = command.json("110000", "org", "register", "110000.water", "--right", "none")
    assert taken["rights"] == []


def test_who_is_registered_without_a_sealing_key_beside_a_custodian_is_warned_of(command: Command) -> None:
    """No ticket key can be released to it. In a city without a custodian none is needed."""
    words = ("org", "register", "110000.heat", "--level", "utility", "--signing-key", KEY)
    assert command.run("110000", *words).stderr == ""
    keeper = ("--level", "department", "--right", "custody", "--signing-key", KEY, "--sealing-key", KEY)
    assert command.run("110000", "org", "register", "110000.custodian", *keeper).stderr == ""
    warned = command.run("110000", *words, "--json")
    assert "110000.heat has no sealing key" in warned.stderr
    assert json.loads(warned.stdout)["sealing_key"] is None
    assert command.run("110000", *words, "--sealing-key", KEY).stderr == ""
    assert command.run("110000", *words).stderr == ""  # what is not said stays


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--right", "dispach"), "no right is called 'dispach'"),
        (("--level", "galaxy"), "must be one of city"),
        (("--parent", "110199"), "is not in the directory"),
        (("--name", "市供水单位"), "LANGUAGE=NAME"),
        (("--signing-key", "ab"), "64 hex digits"),
        (("--partitions", "2"), "can never become 2"),
    ],
)
def test_a_wrong_entry_is_never_written(command: Command, words: tuple[str, ...], told: str) -> None:
    """One sentence, exit code 2, and the directory as before."""
    result = command.run("110000", "org", "register", "110000.water", *words, code=2)
    assert told in " ".join(result.stderr.replace("│", "").split())
    assert max(entry["since"] for entry in command.json("110000", "org", "list")) == 2


def test_a_new_organisation_needs_a_key_and_a_level(command: Command) -> None:
    """An entry without a key could never say anything."""
    assert "--signing-key" in command.run("110000", "org", "register", "110105", "--level", "district", code=2).stderr
    assert "--level" in command.run("110000", "org", "register", "110105", "--signing-key", KEY, code=2).stderr


def test_a_revoked_organisation_is_shown_as_such_and_brings_nothing_back(command: Command) -> None:
    """After a revocation an entry begins anew: its old keys do not come back by themselves."""
    command.run("110000", "org", "revoke", "110000.water", "--reason", "key_lost")
    assert "revoked" in command.run("110000", "org", "list").stdout
    command.run("110000", "org", "register", "110000.water", "--level", "utility", code=2)
    (entry,) = command.json("110000", "org", "register", "110000.water", "--level", "utility", "--signing-key", KEY)
    assert entry["signing_keys"] == [KEY]
    assert "is not registered" in command.run("110000", "org", "revoke", "110199", "--reason", "x", code=2).stderr


def test_only_the_pinned_key_writes_the_directory(command: Command, cli_city: TwinCity) -> None:
    """Another key is told so before anything is written."""
    result = command.run("110000.water", "org", "revoke", "110000", "--reason", "coup", code=2)
    assert "is not the registrar's key" in result.stderr
    assert not cli_city.connect("110000").directory.organisations["110000"].revoked


def test_missing_settings_are_named_and_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every missing variable stands in one sentence, on standard error, without a traceback."""
    for name in ("BOOTSTRAP", "CITY", "ORGANISATION", "REGISTRAR_KEY", "CONFIG"):
        monkeypatch.delenv(f"HUTONG_{name}", raising=False)
    result = CliRunner().invoke(app, ["org", "list"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert all(f"HUTONG_{name}" in result.stderr for name in ("BOOTSTRAP", "CITY", "ORGANISATION", "REGISTRAR_KEY"))


def test_settings_come_from_a_file_too(command: Command, cli_city: TwinCity, tmp_path: Path) -> None:
    """--config names it, --organisation wins over it, and a broken one is one sentence."""
    file = tmp_path / "settings.toml"
    values = cli_city.environment("110000.water")
    file.write_text("".join(f'{name[7:].lower()} = "{value}"\n' for name, value in values.items()), encoding="utf-8")
    command.monkeypatch.setattr(connection, "transport", lambda settings: cli_city.transport)
    result = CliRunner().invoke(app, ["--config", str(file), "--organisation", "110000", "org", "list", "--json"])
    assert result.exit_code == 0, result.output
    file.write_text("bootstrap = ", encoding="utf-8")
    broken = CliRunner().invoke(app, ["--config", str(file), "org", "list"])
    assert (broken.exit_code, len(broken.stderr.splitlines())) == (2, 1)
    assert str(file) in broken.stderr
