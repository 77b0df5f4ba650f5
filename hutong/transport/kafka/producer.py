"""Sending with kafka-python, without transactions: the idempotent producer of organisations."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import errors as kafka  # type: ignore[import-untyped]

from hutong.transport import Outgoing, Placed
from hutong.transport.kafka.fates import asked, explained, fate_of, told
from hutong.transport.kafka.sender import SETTINGS, Sender
from hutong.transport.sending import Failed, check_sendable, verdict


class IdempotentProducer:
    """:class:`hutong.transport.Producer` on kafka-python. Safe to share between threads."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self._settings = {**SETTINGS, "delivery_timeout_ms": 30_000, **settings}
        self._sender = Sender(self._settings)
        self._lock = threading.Lock()
        self._stuck: Sender | None = None

    def send(self, records: Sequence[Outgoing], *, timeout: float) -> list[Placed]:
        if not records:
            return []
        deadline = time.monotonic() + timeout
        check_sendable(records)
        sender = self._usable(deadline)
        sender.know({record.topic for record in records}, deadline)
        for record in records:
            sender.partition(record)
        futures: list[Any] = []
        broken: Exception | None = None
        try:
            sender.hand_over(records, futures)
        except kafka.KafkaError as error:
            if not futures:
                raise asked(error, f"sending to {records[0].topic}", user=sender.user) from error
            broken = error
        sender.flush(deadline)
        if not all(future.succeeded() or future.failed() for future in futures):
            self._stuck = sender
        self._judge(records, futures, broken, timeout)
        return [Placed(partition=f.value.partition, offset=f.value.offset) for f in futures]

    def _usable(self, deadline: float) -> Sender:
        """The producer, or a new one where kafka-python has given up on it for good, or did not answer in time.

        One that did not answer may never answer again: after a broker's restart under load one was seen that sent
        nothing for four minutes, until its process ended, while others of the same age went on (kafka-python 3.0.12).
        That is safe here and only here: without transactions a new producer owes nothing to the old one's. Other
        threads that wait for the old one get :class:`~hutong.errors.Unconfirmed`.
        """
        with self._lock:
            if self._sender is self._stuck or self._sender.raw._transaction_manager.has_fatal_error():
                self._sender.close(0.1)
                left = int(max(deadline - time.monotonic(), 0.001) * 1000)
                patience = min(int(str(self._settings.get("bootstrap_timeout_ms", left))), left)
                self._sender = Sender({**self._settings, "bootstrap_timeout_ms": patience})
            return self._sender

    def _judge(self, records: Sequence[Outgoing], futures: list[Any], broken: Exception | None, timeout: float) -> None:
        failed = [
            Failed(r, fate_of(f.exception), explained(f.exception, self._sender.user))
            for r, f in zip(records, futures, strict=False)
            if f.failed()
        ]
        waiting = len(records) - len(failed) - sum(1 for f in futures if f.succeeded())
        cause = broken or next((f.exception for f in futures if f.failed()), None)
        why = told(broken) if broken else f"no answer within {timeout:g} s"
        error = verdict(records, failed, waiting, why)
        if error is not None:
            raise error from cause

    def close(self) -> None:
        self._sender.close(2.0)
