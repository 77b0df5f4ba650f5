"""A city whose organisations live apart: what the founder hands out, and what docker-compose.yml says of the broker."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from hutong.securing.acls import services
from hutong.securing.passwords import PasswordFolder
from hutong.settings import Settings
from hutong.testing import MemoryTransport
from local.apart import FOLDERS, hand_out, make_secrets
from local.cities import City
from local.founding import FoundedCity, found
from local.java import KAFKA
from local.kafka import CITY_SIZE
from local.secured import access
from tests.brokers import IMAGE

COMPOSE: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text(encoding="utf-8"))
BROKER = COMPOSE["services"]["kafka-1"]


def default(text: object) -> str:
    """What compose makes of a value where the environment sets nothing."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(text))


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> FoundedCity:
    return found(City.load("beijing"), tmp_path_factory.mktemp("city"), "kafka-1:9092", MemoryTransport())


def test_an_organisation_is_given_its_own_keys_and_settings_that_name_them(
    founded: FoundedCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With these settings it signs as itself; nobody else's key is in its folder; handing out again changes nothing."""
    for _ in range(2):
        hand_out(founded, "110000.water", tmp_path, seen_at=tmp_path)
        assert sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()) == [
            "keys/110000.water.pem", "keys/110000.water.x25519.pem", "settings.toml",
        ]  # fmt: skip
    monkeypatch.setenv("HUTONG_CONFIG", str(tmp_path / "settings.toml"))
    settings = Settings.load()
    water = founded.settings("110000.water")
    assert settings.private_key().private_bytes_raw() == water.private_key().private_bytes_raw()
    assert settings.unwrapping_key() is not None
    assert (settings.home, settings.bootstrap) == (tmp_path, "kafka-1:9092")


def test_the_custodian_alone_is_given_the_master_key(founded: FoundedCity, tmp_path: Path) -> None:
    for name in ("110000.custodian", "110000"):
        (tmp_path / name).mkdir()
        hand_out(founded, name, tmp_path / name)
    assert [found.parent.parent.name for found in tmp_path.rglob("master.key")] == ["110000.custodian"]


def test_what_secured_brokers_need_is_made_once(tmp_path: Path) -> None:
    """A second `up` finds it, and changes nothing; both files can be read by the brokers' user."""
    for _ in range(2):
        make_secrets(["kafka-1"], tmp_path / "city", tmp_path)
        files = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
        assert sorted(files) == ["broker.pem", "ca.pem", "platform_operator.password"]
        assert all(file.stat().st_mode & 0o004 for file in tmp_path.glob("*.p*"))
    assert files == {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    own = tmp_path / "city" / "passwords" / "platform_operator.password"
    assert own.read_bytes() == files["platform_operator.password"]


def test_where_brokers_ask_who_comes_an_organisation_is_given_its_own_passwords(
    founded: FoundedCity, tmp_path: Path
) -> None:
    """Its own and nobody else's; admit has a user, and no key; settings name what is in the folder."""
    (tmp_path / "ca.pem").write_text("whom to trust")
    passwords = PasswordFolder(tmp_path / "all")
    for user in (names := ("110000", "110000_admit", "110000_deliver", "110000.water")):
        passwords.have(user)
    secured = replace(founded, access=partial(access, authority=tmp_path / "ca.pem", passwords=passwords))
    for name in names:
        (tmp_path / name).mkdir()
        hand_out(secured, name, tmp_path / name)
        assert [file.name for file in (tmp_path / name / "passwords").iterdir()] == [f"{name}.password"]
    admit = tomllib.loads((tmp_path / "110000_admit" / "settings.toml").read_text())
    assert (admit["organisation"], admit["user"], "key" in admit) == ("110000", "110000_admit", False)
    assert sorted(file.name for file in (tmp_path / "110000_admit").iterdir()) == [
        "ca.pem",
        "passwords",
        "settings.toml",
    ]
    values = tomllib.loads((tmp_path / "110000.water" / "settings.toml").read_text())
    assert values["password_file"] == "/hutong/passwords/110000.water.password"
    assert (values["ca_file"], values["user"], values["security_protocol"]) == (
        "/hutong/ca.pem", "110000.water", "SASL_SSL",
    )  # fmt: skip


def test_every_organisation_of_the_compose_file_is_one_of_the_city() -> None:
    """Founding mounts the folder of each volume that a service uses, under a name that the city knows."""
    mounted = dict(volume.split(":") for volume in COMPOSE["services"]["founding"]["volumes"])
    assert mounted.pop("city") == "/city"
    city = City.load("beijing")
    assert {Path(folder).name for folder in mounted.values()} <= {*city.organisations, *services(city.id)}
    assert {Path(folder).parent for folder in mounted.values()} == {FOLDERS}
    used = {
        volume
        for one in COMPOSE["services"].values()
        for volume in one.get("volumes", ())
        if volume.endswith(":/hutong")
    }
    assert used == {f"{volume}:/hutong" for volume in mounted}


def test_the_broker_of_the_compose_file_is_the_one_of_the_demo() -> None:
    """The same Kafka, with the same settings."""
    for name, value in CITY_SIZE.items():
        assert default(BROKER["environment"][f"KAFKA_{name.replace('.', '_').upper()}"]) == str(value), name
    assert default(BROKER["image"]) == IMAGE
    assert f":{IMAGE.rpartition(':')[2]}+" in KAFKA


def test_three_brokers_are_in_a_profile_and_their_settings_in_a_file() -> None:
    """Each of its variables is one that the compose file asks for; in it a write needs two of three brokers."""
    text = (Path(__file__).parents[2] / "docker" / "three.env").read_text(encoding="utf-8")
    values = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert values.pop("COMPOSE_PROFILES") == "three"
    compose = str(COMPOSE)
    assert [name for name in values if f"${{{name}:-" not in compose] == []
    assert (values["KAFKA_REPLICATION"], values["KAFKA_ENOUGH"]) == ("3", "2")
    three = [name for name, one in COMPOSE["services"].items() if one.get("profiles") == ["three"]]
    assert [f"{name}:9092" for name in ("kafka-1", *three)] == values["HUTONG_BOOTSTRAP"].split(",")
