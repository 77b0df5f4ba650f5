"""Where a cluster's brokers are, as settings say it."""

from __future__ import annotations

from hutong import errors


def addresses(bootstrap: str) -> list[str]:
    """The brokers that ``bootstrap`` names. Raises SettingsError for one that is no address."""
    return [_address(host.strip()) for host in bootstrap.split(",")]


def _address(text: str) -> str:
    """``host:port`` or ``host``. Raises SettingsError for anything else."""
    host, colon, port = text.rpartition(":")
    if not text or (colon and not (host and port.isdigit())) or (":" in host and not host.startswith("[")):
        raise errors.SettingsError(f"{text!r} is no address of a Kafka: write host:port, several separated by commas")
    return text
