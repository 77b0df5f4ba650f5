"""Transactions with confluent-kafka: the producer by which the city's services own what they write."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer as RawConsumer
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from hutong import errors
from hutong.transport import Consumer, Outgoing, Partition, Placed, Position
from hutong.transport.confluent.admin import ConfluentAdmin
from hutong.transport.confluent.consumer import ConfluentReader
from hutong.transport.confluent.fates import asked, explained, fate_of, reason, told
from hutong.transport.confluent.records import offsets_of
from hutong.transport.confluent.sender import Report, Sender
from hutong.transport.confluent.settings import EVERY
from hutong.transport.fates import Fate
from hutong.transport.sending import check_sendable
from hutong.transport.transactions import FENCING, OneLife, check_begins, check_reader, ends_behind, sweepings


class FencingProducer:
    """:class:`hutong.transport.TransactionalProducer` on confluent-kafka. For one thread."""

    def __init__(
        self,
        settings: Mapping[str, object],
        log: logging.Logger,
        admin: ConfluentAdmin,
        *,
        transactional_id: str,
        timeout: float,
    ) -> None:
        self._settings, self._log = settings, log
        self._id = transactional_id
        self._life = OneLife(transactional_id)
        self._sender = Sender(
            {
                "delivery.timeout.ms": 10_000,
                "transaction.timeout.ms": 10_000,
                **settings,
                "transactional.id": transactional_id,
            },
            log,
            admin,
        )
        try:
            self._sender.raw.init_transactions(timeout)
        except KafkaException as raised:
            self._sender.drop()
            raise self._failure(FENCING, reason(raised)) from raised

    def write(
        self,
        records: Sequence[Outgoing],
        *,
        positions: Mapping[Partition, Position] | None = None,
        consumer: Consumer | None = None,
        begins: Mapping[Partition, int] | None = None,
        timeout: float,
    ) -> list[Placed]:
        if not records and not positions:
            return []
        check_reader(positions, consumer, ConfluentReader)
        deadline = time.monotonic() + timeout
        with self._at_stake():
            placed = self._send(records, deadline)
            check_begins(self._id, records, placed, begins or {})
            if positions:
                assert isinstance(consumer, ConfluentReader)
                self._give(offsets_of(positions), consumer.member(), deadline)
            self._sender.raw.commit_transaction(_left(deadline))
        return placed

    def sweep(
        self,
        partitions: Sequence[Partition],
        *,
        inputs: Iterable[Partition] = (),
        consumer: Consumer | None = None,
        timeout: float,
    ) -> dict[Partition, int]:
        deadline = time.monotonic() + timeout
        offsets = [TopicPartition(*place, 0) for place in inputs]
        with self._at_stake():
            placed = self._send(sweepings(partitions), deadline)
            if offsets:
                assert isinstance(consumer, ConfluentReader)
                # By the group's name alone, which needs no membership: a rebalance does not matter here.
                stranger = RawConsumer({**EVERY, **self._settings, "group.id": consumer.group}, logger=self._log)
                self._give(offsets, stranger.consumer_group_metadata(), deadline)
                stranger.close()
            self._sender.raw.abort_transaction(_left(deadline))
        return ends_behind(partitions, placed)

    @contextmanager
    def _at_stake(self) -> Iterator[None]:
        with self._life.at_stake():
            try:
                yield
            except KafkaException as raised:
                raise self._failure("writing", reason(raised)) from raised

    def _send(self, records: Sequence[Outgoing], deadline: float) -> list[Placed]:
        """Begin a transaction and write the records into it."""
        check_sendable(records)
        self._sender.know({record.topic for record in records}, deadline)
        self._sender.raw.begin_transaction()
        reports: list[Report] = []
        self._sender.hand_over(records, reports)
        self._sender.flush(reports, deadline)
        for record, report in zip(records, reports, strict=True):
            if report.error is not None:
                raise self._failure(f"writing to {record.topic}", report.error, record.topic)
        if self._sender.fatal is not None:
            raise self._failure("writing", self._sender.fatal)
        placed = [report.placed for report in reports if report.placed is not None]
        if len(placed) < len(records):
            raise errors.UnknownOutcome(f"{self._id}: no answer in time for {len(records) - len(placed)} records")
        return placed

    def _give(self, offsets: list[TopicPartition], member: Any, deadline: float) -> None:
        """Put positions of a group into the transaction."""
        self._sender.raw.send_offsets_to_transaction(offsets, member, _left(deadline))

    def _failure(self, what: str, error: KafkaError, names: str = "") -> errors.BusError:
        """Fenced or UnknownOutcome; SettingsError where fencing was refused.

        A record that failed does not say that its producer was fenced. ``names``: the topic, where one is meant.
        """
        for cause in (error, self._sender.fatal):
            if cause is not None and fate_of(cause) is Fate.FENCED:
                return errors.Fenced(f"{self._id}: another process owns it now ({what}: {told(cause)})")
        user = self._sender.user
        if what == FENCING and fate_of(error) is Fate.WRONG:
            return asked(error, f"{self._id}: {what}", user=user, names=self._id)
        return errors.UnknownOutcome(f"{self._id}: {what} failed ({explained(error, user, names)})")

    def close(self) -> None:
        if self._life.failure is None:
            self._sender.close()
        else:
            self._sender.drop()


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.001)
