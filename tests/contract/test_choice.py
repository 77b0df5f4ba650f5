"""The settings name the client library, and what is missing for it is said."""

from __future__ import annotations

import sys

import pytest

from hutong.errors import SettingsError
from hutong.settings import Settings
from hutong.transport import Transport
from hutong.transport.choice import transport_of
from hutong.transport.confluent import ConfluentTransport
from hutong.transport.kafka import KafkaTransport


def settings(**given: str) -> Settings:
    """Settings of nobody in particular."""
    return Settings.load(bootstrap="127.0.0.1:9", city="1", organisation="1.a", registrar_key="0" * 64, **given)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({}, KafkaTransport),
        ({"client": "kafka-python"}, KafkaTransport),
        ({"client": "confluent"}, ConfluentTransport),
    ],
)
def test_the_settings_name_it(given: dict[str, str], made: type[Transport]) -> None:
    """kafka-python, where they name none."""
    assert type(transport_of(settings(**given))) is made


def test_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the setting and what to install."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(SettingsError, match=r"HUTONG_CLIENT.*hutong\[fast\]"):
        transport_of(settings(client="confluent"))


def test_no_such_client() -> None:
    """A client that there is not is an error of the settings."""
    with pytest.raises(SettingsError, match="HUTONG_CLIENT"):
        settings(client="java")
