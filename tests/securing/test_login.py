"""What a broker that hangs up in the middle of a login says of the password: once nothing, twice running that it is
wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import errors as kafka  # type: ignore[import-untyped]

from hutong.transport.kafka import login

HANGS_UP, TAKES = kafka.KafkaConnectionError("gone"), None
NODE = SimpleNamespace(node_id="bootstrap-0")


class Client:
    """kafka-python's client, at whose broker one login after the other ends as it is told."""

    def __init__(self, *, ends: Iterator[Exception | None]) -> None:
        self._ends = ends
        self._manager: Any = SimpleNamespace(
            _connect=self._connect, cluster=SimpleNamespace(is_bootstrap=lambda node: True)
        )

    async def _connect(self, node: object, connection: Any) -> None:
        await connection._sasl_authenticate()

    async def _authenticate(self) -> None:
        if (error := next(self._ends)) is not None:
            raise error

    def connect(self) -> None:
        connection = SimpleNamespace(
            _sasl_authenticate=self._authenticate, init_future=SimpleNamespace(add_errback=lambda keep: None)
        )
        with suppress(kafka.KafkaError):
            asyncio.run(self._manager._connect(NODE, connection))
        self._manager.maybe_raise_auth_failure(NODE.node_id)


@pytest.mark.parametrize(
    ("ends", "wrong"),
    [
        ((HANGS_UP, HANGS_UP), True),
        ((HANGS_UP, TAKES, HANGS_UP), False),
        ((HANGS_UP, TAKES, HANGS_UP, HANGS_UP), True),
        ((TAKES, HANGS_UP, TAKES, HANGS_UP, TAKES, HANGS_UP), False),
    ],
)
def test_only_who_hangs_up_twice_running_means_the_password(
    monkeypatch: pytest.MonkeyPatch, ends: tuple[Exception | None, ...], wrong: bool
) -> None:
    """A login that succeeded in between shows that the password is right, and that the broker was restarted before."""
    monkeypatch.setattr(login, "KafkaNetClient", Client)
    client = login.outspoken(ends=iter(ends))
    for _ in ends[:-1]:
        client.connect()
    if wrong:
        with pytest.raises(kafka.SaslAuthenticationFailedError, match="in the middle"):
            client.connect()
    else:
        client.connect()
