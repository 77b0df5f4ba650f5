"""Which client library stands behind the transport: the one that a program's settings name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from hutong.errors import SettingsError
from hutong.transport.login import login_of

if TYPE_CHECKING:
    from hutong.settings import Settings
    from hutong.transport import Transport


def check_installed(client: str) -> None:
    """Raises SettingsError where this client library is none that can stand here, or is not installed."""
    if client not in ("kafka-python", "confluent"):
        raise SettingsError(f"HUTONG_CLIENT is {client}: it must be kafka-python or confluent")
    if client == "confluent" and find_spec("confluent_kafka") is None:
        raise SettingsError(
            'HUTONG_CLIENT is confluent, but confluent-kafka is not installed: pip install "hutong[fast]"'
        )


def transport_of(settings: Settings) -> Transport:
    """The transport to the settings' bootstrap; only its own client library is loaded.

    Raises:
        SettingsError: an address is none, the client library is not installed, or as
            :func:`~hutong.transport.login.login_of`.
    """
    check_installed(settings.client)
    login = login_of(settings)
    if settings.client == "confluent":
        from hutong.transport.confluent import ConfluentTransport

        return ConfluentTransport(settings.bootstrap, login)
    from hutong.transport.kafka import KafkaTransport

    return KafkaTransport(settings.bootstrap, login)
