"""The embedded broker with its doors locked: TLS and SCRAM for clients, certificates for itself, ACLs for all.

What a real city's broker needs, in small (docs/securing.md).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hutong.securing.passwords import PasswordFolder
from local.certificates import Certificates, certificates
from local.kafka import EmbeddedKafka
from local.node import HOST, free_port

OPERATOR = "platform_operator"
"""The platform's operator 平台管理员, the broker's super user: no organisation's id has an underscore."""

MECHANISM = "SCRAM-SHA-512"
BROKER = "hutong-broker"
"""Whose certificate brokers show each other; who has it may do everything."""


def access(user: str, *, authority: Path, passwords: PasswordFolder) -> Mapping[str, str]:
    """The settings, by name, with which ``user`` connects to a broker whose certificate ``authority`` signed."""
    return {
        "security_protocol": "SASL_SSL",
        "ca_file": str(authority),
        "sasl_mechanism": MECHANISM,
        "user": user,
        "password_file": str(passwords.file(user)),
    }


class SecuredKafka(EmbeddedKafka):
    """An :class:`~local.kafka.EmbeddedKafka` that knows whom it talks to, and lets nobody do what no ACL allows.

    The operator's password is made with the broker, in ``home/passwords``. Brokers and controllers ask each other for
    a certificate, and only the broker's own passes.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int | None = None,
        start_timeout: float = 60.0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(home, port=port, start_timeout=start_timeout, say=say)
        self.passwords = PasswordFolder(self.folder.parent / "passwords")

    @property
    def certificates(self) -> Certificates:
        """The authority to trust, and the broker's own."""
        return certificates(self.folder / "tls", hosts=[HOST], name=BROKER)

    def values(self, user: str = OPERATOR) -> Mapping[str, str]:
        """The settings, by name, with which ``user`` connects."""
        return access(user, authority=self.certificates.authority, passwords=self.passwords)

    def _listeners(self, port: int, controller: int) -> Mapping[str, object]:
        brokers = free_port(but=controller)  # told to itself alone, so a new one at every start does no harm
        clients, login = "listener.name.clients", "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return {
            "listeners": f"CLIENTS://{HOST}:{port},BROKERS://{HOST}:{brokers},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"CLIENTS://{HOST}:{port},BROKERS://{HOST}:{brokers}",
            "listener.security.protocol.map": "CLIENTS:SASL_SSL,BROKERS:SSL,CONTROLLER:SSL",
            "inter.broker.listener.name": "BROKERS",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.certificates.broker,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.certificates.authority,
            "listener.name.brokers.ssl.client.auth": "required",
            "listener.name.controller.ssl.client.auth": "required",
            f"{clients}.sasl.enabled.mechanisms": MECHANISM,
            f"{clients}.{MECHANISM.lower()}.sasl.jaas.config": login,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:CN={BROKER};User:{OPERATOR}",
        }

    def _format_options(self) -> Sequence[str]:
        credential = f"{MECHANISM}=[name={OPERATOR},password={self.passwords.have(OPERATOR)}]"
        return (*super()._format_options(), "--add-scram", credential)

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.certificates.authority)
