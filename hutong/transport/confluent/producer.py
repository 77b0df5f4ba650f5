"""Sending with confluent-kafka, without transactions: the idempotent producer of organisations."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaException

from hutong import errors
from hutong.transport import Outgoing, Placed
from hutong.transport.confluent.admin import ConfluentAdmin
from hutong.transport.confluent.fates import asked, explained, fate_of, reason, told
from hutong.transport.confluent.sender import Report, Sender
from hutong.transport.sending import Failed, check_sendable, verdict


class IdempotentProducer:
    """:class:`hutong.transport.Producer` on confluent-kafka. Safe to share between threads."""

    def __init__(self, settings: Mapping[str, object], log: logging.Logger, admin: ConfluentAdmin) -> None:
        self._settings = {"delivery.timeout.ms": 30_000, **settings}
        self._log = log
        self._admin = admin
        self._sender = Sender(self._settings, log, admin)
        self._lock = threading.Lock()

    def send(self, records: Sequence[Outgoing], *, timeout: float) -> list[Placed]:
        if not records:
            return []
        deadline = time.monotonic() + timeout
        check_sendable(records)
        sender = self._usable()
        sender.know({record.topic for record in records}, deadline)
        for record in records:
            sender.partition(record)
        reports: list[Report] = []
        broken: KafkaException | None = None
        try:
            sender.hand_over(records, reports)
        except KafkaException as raised:
            if not reports:
                topic = records[0].topic
                if sender.fatal is not None:  # the next send has a new producer
                    raise errors.Unavailable(
                        f"sending to {topic}: the producer was given up between two sends ({told(sender.fatal)}); "
                        "nothing was sent; try again"
                    ) from raised
                raise asked(reason(raised), f"sending to {topic}", user=sender.user, names=topic) from raised
            broken = raised
        sender.flush(reports, deadline)
        failed = [
            Failed(record, fate_of(report.error), explained(report.error, sender.user, record.topic))
            for record, report in zip(records, reports, strict=False)
            if report.error is not None
        ]
        placed = [report.placed for report in reports if report.placed is not None]
        waiting = len(records) - len(failed) - len(placed)
        why = told(reason(broken)) if broken else f"no answer within {timeout:g} s"
        error = verdict(records, failed, waiting, why)
        if error is not None:
            raise error from broken
        return placed

    def _usable(self) -> Sender:
        """The producer, or a new one where librdkafka has given up on it for good.

        That is safe here and only here: without transactions a new producer owes nothing to the old one's.
        """
        with self._lock:
            if self._sender.fatal is not None:
                self._sender.close()
                self._sender = Sender(self._settings, self._log, self._admin)
            return self._sender

    def close(self) -> None:
        self._sender.close()
