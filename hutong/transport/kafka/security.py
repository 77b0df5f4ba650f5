"""How kafka-python is told of a :class:`~hutong.transport.login.Login`."""

from __future__ import annotations

from collections.abc import Mapping

from hutong.transport.kafka.login import outspoken
from hutong.transport.login import Login


def security(login: Login | None) -> Mapping[str, object]:
    """kafka-python's connection settings; none where the broker asks for nothing."""
    if login is None:
        return {}
    return {
        "kafka_client": outspoken,
        "security_protocol": "SASL_SSL",
        "ssl_context": login.trust,
        "sasl_mechanism": login.mechanism,
        "sasl_plain_username": login.user,
        "sasl_plain_password": login.password,
    }


def user_of(settings: Mapping[str, object]) -> str | None:
    """Who a client with these settings is to the broker; None where it is not asked."""
    user = settings.get("sasl_plain_username")
    return None if user is None else str(user)
