"""Which client library stands behind the transport: the one that a program's settings name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from hutong.errors import SettingsError
from hutong.transport.login import login_of

if TYPE_CHECKING:
    from hutong.settings import Settings
    from hutong.transport import Transport


def transport_of(settings: Settings) -> Transport:
    """The transport to the settings' bootstrap; only its own client library is loaded.

    Raises:
        SettingsError: an address is none, the client library is not installed, or as
            :func:`~hutong.transport.login.login_of`.
    """
    login = login_of(settings)
    if settings.client == "confluent":
        if find_spec("confluent_kafka") is None:
            raise SettingsError(
                'HUTONG_CLIENT is confluent, but confluent-kafka is not installed: pip install "hutong[fast]"'
            )
        from hutong.transport.confluent import ConfluentTransport

        return ConfluentTransport(settings.bootstrap, login)
    from hutong.transport.kafka import KafkaTransport

    return KafkaTransport(settings.bootstrap, login)
