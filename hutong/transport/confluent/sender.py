"""A confluent-kafka Producer whose topics are known, and whose reports are all looked at."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hutong import errors
from hutong.transport import Outgoing, Placed
from hutong.transport.confluent.admin import ConfluentAdmin
from hutong.transport.confluent.fates import asked, asking, reason
from hutong.transport.confluent.settings import PRODUCER
from hutong.transport.partition import partition_of
from hutong.transport.sending import spelt

_METADATA_AGE = 300.0  # seconds after which partitions are asked for again
_TOPIC_WAIT = 5.0  # seconds a topic may take to become known, longer than a new one needs to spread
_ROUND = 0.05  # seconds of a flush, which waits for the records of other threads, too


class Report:
    """What becomes of one record; librdkafka calls it, on a thread that flushes."""

    __slots__ = ("error", "placed")

    def __init__(self) -> None:
        self.error: KafkaError | None = None
        self.placed: Placed | None = None

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.placed = Placed(partition=message.partition() or 0, offset=message.offset() or 0)
        else:
            self.error = error

    @property
    def done(self) -> bool:
        return self.placed is not None or self.error is not None


class Sender:
    """What both producers share: a Producer whose topics are known and whose reports are all looked at."""

    user: str | None = None
    """Who this is to the broker; None where it does not ask."""

    def __init__(self, settings: Mapping[str, object], log: logging.Logger, admin: ConfluentAdmin) -> None:
        self.user = admin.user
        self._admin = admin
        self.fatal: KafkaError | None = None  # why librdkafka has given up on it for good
        # With a callback librdkafka's fatal errors are raised by whatever call meets them next.
        with asking("the settings of the producer"):
            self.raw = Producer({**PRODUCER, **settings, "error_cb": lambda error: None}, logger=log)
        self._partitions: dict[str, int] = {}
        self._until = 0.0

    def know(self, topics: set[str], deadline: float) -> None:
        """Learn the partitions of these topics, all by one question."""
        stale = time.monotonic() > self._until
        patience = min(deadline, time.monotonic() + _TOPIC_WAIT)
        asked_once = False
        while (unknown := topics - self._partitions.keys()) or (stale and not asked_once):
            left = patience - time.monotonic()
            if left <= 0 and asked_once:
                raise errors.SettingsError(
                    f"topic {min(unknown)} does not exist on the broker: create the city's topics first"
                )
            try:
                # of all topics: a question for one by its name would create it on a broker that allows that
                found = self.raw.list_topics(timeout=max(left, 0.1))
            except KafkaException as raised:
                raise asked(reason(raised), "looking for topics; nothing was sent", user=self.user) from raised
            if asked_once:
                time.sleep(min(_ROUND, max(left, 0.0)))
            asked_once = True
            # nothing is taken out: another thread may stand between its own look here and its partition()
            self._partitions.update((t.topic, len(t.partitions)) for t in found.topics.values() if t.partitions)
            self._until = time.monotonic() + _METADATA_AGE
            if closed := topics - self._partitions.keys():
                self._admin.check_open(closed)

    def partition(self, record: Outgoing) -> int:
        """Where a record goes. Raises SettingsError for a partition its topic does not have."""
        known = self._partitions[record.topic]
        if record.partition is None:
            if record.key is None:
                raise ValueError(f"a record for {record.topic} needs a key or a partition")
            return partition_of(record.key, known)
        if not 0 <= record.partition < known:
            raise errors.SettingsError(f"topic {record.topic} has no partition {record.partition}")
        return record.partition

    def hand_over(self, records: Sequence[Outgoing], reports: list[Report]) -> None:
        """Put records into the producer's buffer, one report each. Raises KafkaException at the first not taken."""
        for record in records:
            report = Report()
            try:
                self.raw.produce(
                    record.topic,
                    value=record.value,
                    key=record.key,
                    headers=[(spelt(name), value) for name, value in record.headers],
                    partition=self.partition(record),
                    on_delivery=report,
                )
            except KafkaException as raised:
                if reason(raised).code() == KafkaError._FATAL:
                    self.fatal = self.fatal or reason(raised)
                raise
            reports.append(report)

    def flush(self, reports: Sequence[Report], deadline: float) -> None:
        """Send what is buffered and wait for these. What is not done by the deadline stays undone in its report."""
        while not all(report.done for report in reports):
            left = deadline - time.monotonic()
            if left <= 0 or self.fatal is not None:
                return
            try:
                self.raw.flush(min(left, _ROUND))
            except KafkaException as raised:
                self.fatal = reason(raised)

    def close(self) -> None:
        """Give back its threads; what is still buffered is thrown away."""
        with suppress(KafkaException):
            self.raw.purge()
            self.raw.close()

    def drop(self) -> None:
        """Let go of a producer of unknown state: confluent-kafka's ``close`` would abort its transaction, or try to."""
        with suppress(KafkaException):
            self.raw.purge()
        del self.raw
