"""How a client says to a broker who it is, and knows whom it talks to: from a program's settings, for each library."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from hutong.errors import SettingsError
from hutong.settings import Settings, read_password


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """By TLS with user and password.

    ``ca_file``: PEM file of the authority that signed the broker's certificate, or None for those that the machine
    trusts; ``trust``: the same, read.
    """

    user: str
    password: str = field(repr=False)
    mechanism: str
    ca_file: Path | None
    trust: ssl.SSLContext


def login_of(settings: Settings) -> Login | None:
    """What these settings say; None where the broker asks for nothing.

    Raises:
        SettingsError: the password or the authority's certificate is missing or cannot be read, or is named where
            nothing would be protected by it.
    """
    named = {"HUTONG_CA_FILE": settings.ca_file, "HUTONG_PASSWORD_FILE": settings.password_file}
    if settings.security_protocol == "PLAINTEXT":
        for variable, file in named.items():
            if file is not None:
                raise SettingsError(
                    f"{variable} is set, but HUTONG_SECURITY_PROTOCOL is not: everything would go in the clear; "
                    "set it to SASL_SSL"
                )
        return None
    if settings.password_file is None:
        raise SettingsError(
            f"HUTONG_SECURITY_PROTOCOL is {settings.security_protocol}, so HUTONG_PASSWORD_FILE must name the file "
            f"with the password of {settings.principal}: the platform's operator makes it with `hutong org apply`"
        )
    try:
        trust = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"HUTONG_CA_FILE names {settings.ca_file}, which holds no certificates of an authority ({error})"
        ) from error
    return Login(
        user=settings.principal,
        password=read_password(settings.password_file),
        mechanism=settings.sasl_mechanism,
        ca_file=settings.ca_file,
        trust=trust,
    )
