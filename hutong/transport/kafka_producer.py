"""Sending with kafka-python: one idempotent producer for organisations, one transactional for the city's services."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition  # type: ignore[import-untyped]
from kafka import errors as kafka

from hutong import errors
from hutong.transport import Consumer, Outgoing, Partition, Placed, Position
from hutong.transport.begins import check_begins
from hutong.transport.kafka_consumer import KafkaReader
from hutong.transport.kafka_errors import Fate, asked, fate_of, told
from hutong.transport.partition import partition_of
from hutong.transport.sweeping import ends_behind, sweepings

MAX_REQUEST = 4 * 1024 * 1024
"""Largest record in bytes that is offered to the broker at all; each topic's own limit is the broker's business."""

SETTINGS: Mapping[str, object] = {
    "acks": "all",
    "enable_idempotence": True,
    "allow_auto_create_topics": False,
    "compression_type": "lz4",
    # Every send is flushed, so a long linger costs no time: it only keeps one request per record away.
    "linger_ms": 200,
    "batch_size": 262_144,
    "max_request_size": MAX_REQUEST,
    "request_timeout_ms": 8_000,
    "max_block_ms": 10_000,
    "retry_backoff_ms": 20,
    "reconnect_backoff_max_ms": 1_000,
    "metrics_enabled": False,
}
_TOPIC_WAIT = 5.0  # seconds a topic may take to become known, longer than a new one needs to spread


class _Sender:
    """What both producers share: a KafkaProducer whose topics are known and whose futures are all looked at."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        try:
            self.raw: Any = KafkaProducer(**settings)
        except kafka.KafkaError as error:
            raise asked(error, f"connecting to {settings['bootstrap_servers']}") from error
        _one_deadline(self.raw._accumulator)

    def know(self, topics: set[str], deadline: float) -> None:
        """Learn the partitions of these topics, all by one refresh (one by one each would take a round of its own)."""
        cluster = self.raw._metadata
        unknown = sorted(t for t in topics if cluster.partitions_for_topic(t) is None)
        for topic in unknown:
            self.raw._sender.add_topic(topic)
        since = time.monotonic() * 1000
        for topic in unknown:
            wait = min(deadline - time.monotonic(), _TOPIC_WAIT)
            try:
                self.raw._wait_on_metadata(topic, max(wait, 0.001) * 1000)
            except kafka.KafkaTimeoutError as error:
                if cluster._last_successful_refresh_ms > since:
                    raise errors.SettingsError(
                        f"topic {topic} does not exist on the broker: create the city's topics first"
                    ) from error
                raise errors.Unavailable("the broker cannot be reached; nothing was sent") from error
            except kafka.KafkaError as error:
                raise asked(error, f"looking for topic {topic}") from error

    def hand_over(self, records: Sequence[Outgoing], futures: list[Any]) -> None:
        """Put records into the producer's buffer, one future each."""
        for record in records:
            futures.append(
                self.raw.send(
                    record.topic,
                    value=record.value,
                    key=record.key,
                    headers=list(record.headers),
                    partition=self.partition(record),
                )
            )

    def partition(self, record: Outgoing) -> int:
        """Where a record goes. Raises SettingsError for a partition its topic does not have."""
        known = self.raw._metadata.partitions_for_topic(record.topic)
        if record.partition is None:
            if record.key is None:
                raise ValueError(f"a record for {record.topic} needs a key or a partition")
            return partition_of(record.key, len(known))
        if record.partition not in known:
            raise errors.SettingsError(f"topic {record.topic} has no partition {record.partition}")
        return record.partition

    def flush(self, deadline: float) -> None:
        """Send what is buffered and wait for it. What is not done by the deadline stays undone in its future."""
        with suppress(kafka.KafkaTimeoutError):
            self.raw.flush(max(deadline - time.monotonic(), 0.001))

    def close(self, seconds: float) -> None:
        with suppress(kafka.KafkaError):
            self.raw.close(timeout=seconds)
        if not self.raw._closed:  # a flush that timed out leaves the threads running
            self.raw._unregister_cleanup()
            self.raw._sender.force_close()
            self.raw._closed = True


def _one_deadline(accumulator: Any) -> None:
    """Let a flush end at its timeout. kafka-python gives each unfinished batch the whole of it, one after another:
    behind two batches that wait for a silent broker, 40 s took 54 (measured)."""

    def wait(timeout: float | None = None) -> None:
        deadline = time.monotonic() + (timeout if timeout is not None else threading.TIMEOUT_MAX / 2)
        try:
            for batch in accumulator._incomplete.all():
                if not batch.produce_future.wait(timeout=max(deadline - time.monotonic(), 0.0)):
                    raise kafka.KafkaTimeoutError("not everything was sent in time")
        finally:
            accumulator._flushes_in_progress.decrement()

    accumulator.await_flush_completion = wait


def check_sendable(records: Sequence[Outgoing]) -> None:
    """Refuse, before anything is sent, what no broker takes: nothing at all, or more than :data:`MAX_REQUEST`."""
    for record in records:
        if record.key is None and record.value is None:
            raise ValueError(f"a record for {record.topic} needs a key or a value")
        size = len(record.key or b"") + len(record.value or b"") + 100
        size += sum(len(name.encode()) + len(value) + 10 for name, value in record.headers)
        if size > MAX_REQUEST:
            raise errors.InvalidEvent(
                "too_large", f"a record of {size} bytes for {record.topic}; at most {MAX_REQUEST} can be sent"
            )


class IdempotentProducer:
    """:class:`hutong.transport.Producer` on kafka-python. Safe to share between threads."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self._settings = {**SETTINGS, "delivery_timeout_ms": 30_000, **settings}
        self._sender = _Sender(self._settings)
        self._lock = threading.Lock()
        self._stuck: _Sender | None = None

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
                raise asked(error, f"sending to {records[0].topic}") from error
            broken = error
        sender.flush(deadline)
        if not all(future.succeeded() or future.failed() for future in futures):
            self._stuck = sender
        self._judge(records, futures, broken, timeout)
        return [Placed(partition=f.value.partition, offset=f.value.offset) for f in futures]

    def _usable(self, deadline: float) -> _Sender:
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
                self._sender = _Sender({**self._settings, "bootstrap_timeout_ms": patience})
            return self._sender

    def _judge(self, records: Sequence[Outgoing], futures: list[Any], broken: Exception | None, timeout: float) -> None:
        failed = [(r, f.exception) for r, f in zip(records, futures, strict=False) if f.failed()]
        waiting = len(records) - len(failed) - sum(1 for f in futures if f.succeeded())
        if not failed and not waiting and broken is None:
            return
        if failed and not waiting and broken is None:
            record, error = failed[0]
            fates = {fate_of(e) for _, e in failed}
            written = f"{len(records) - len(failed)} of {len(records)} records were written"
            if fates == {Fate.TOO_LARGE}:
                raise errors.InvalidEvent(
                    "too_large", f"larger than topic {record.topic} takes ({told(error)}); {written}"
                ) from error
            if fates == {Fate.WRONG}:
                raise errors.SettingsError(f"topic {record.topic} refuses ({told(error)}); {written}") from error
        cause = broken or (failed[0][1] if failed else None)
        why = told(cause) if cause else f"no answer within {timeout:g} s"
        raise errors.Unconfirmed(
            f"{len(failed) + waiting} of {len(records)} records sent to {records[0].topic} are not confirmed ({why}); "
            "send the same again"
        ) from cause

    def close(self) -> None:
        self._sender.close(2.0)


class FencingProducer:
    """:class:`hutong.transport.TransactionalProducer` on kafka-python. For one thread."""

    def __init__(self, settings: Mapping[str, object], *, transactional_id: str, timeout: float) -> None:
        self._id = transactional_id
        self._failed: errors.BusError | None = None
        self._sender = _Sender(
            {
                **SETTINGS,
                "delivery_timeout_ms": 10_000,
                "transaction_timeout_ms": 10_000,
                **settings,
                "transactional_id": transactional_id,
                "max_block_ms": int(timeout * 1000),
            }
        )
        try:
            self._within(time.monotonic() + timeout, "fencing", self._sender.raw.init_transactions)
        except errors.BusError:
            self._sender.close(0.1)
            raise

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
        if positions and not isinstance(consumer, KafkaReader):
            raise ValueError("positions belong to a group: give the consumer of this transport that read them")
        with self._last_chance():
            return self._transact(records, positions or {}, consumer, begins or {}, time.monotonic() + timeout)

    def sweep(
        self,
        partitions: Sequence[Partition],
        *,
        inputs: Iterable[Partition] = (),
        consumer: Consumer | None = None,
        timeout: float,
    ) -> dict[Partition, int]:
        raw, deadline = self._sender.raw, time.monotonic() + timeout
        offsets = {TopicPartition(*place): OffsetAndMetadata(0, "", -1) for place in inputs}
        with self._last_chance():
            placed = self._send(sweepings(partitions), deadline)
            if offsets:
                assert isinstance(consumer, KafkaReader)
                group = consumer.group  # by its name alone, which needs no membership: a rebalance does not matter here
                self._within(deadline, "positions", lambda: raw.send_offsets_to_transaction(offsets, group))
            self._within(deadline, "abort", raw.abort_transaction)
        return ends_behind(partitions, placed)

    @contextmanager
    def _last_chance(self) -> Iterator[None]:
        """Whatever fails inside leaves this producer of no use, and is Fenced or UnknownOutcome."""
        if self._failed is not None:
            raise type(self._failed)(f"{self._id} is of no use after: {self._failed}")
        try:
            yield
        except kafka.KafkaError as error:
            self._failed = self._failure("writing", error)
            raise self._failed from error
        except (errors.Fenced, errors.UnknownOutcome) as error:
            self._failed = error
            raise
        except errors.BusError as error:
            self._failed = errors.UnknownOutcome(f"{self._id}: {error}")
            raise self._failed from error

    def _transact(
        self,
        records: Sequence[Outgoing],
        positions: Mapping[Partition, Position],
        consumer: Consumer | None,
        begins: Mapping[Partition, int],
        deadline: float,
    ) -> list[Placed]:
        raw, manager = self._sender.raw, self._sender.raw._transaction_manager
        epoch = manager.producer_id_and_epoch
        placed = self._send(records, deadline)
        check_begins(self._id, records, placed, begins)
        if positions:
            assert isinstance(consumer, KafkaReader)
            offsets = {TopicPartition(*p): OffsetAndMetadata(at.offset, at.metadata, -1) for p, at in positions.items()}
            member = consumer.member()
            self._within(deadline, "positions", lambda: raw.send_offsets_to_transaction(offsets, member))
        if manager.producer_id_and_epoch != epoch:
            raise errors.UnknownOutcome(f"{self._id}: the producer was replaced in the middle of a transaction")
        self._within(deadline, "commit", raw.commit_transaction)
        return placed

    def _send(self, records: Sequence[Outgoing], deadline: float) -> list[Placed]:
        """Begin a transaction and write the records into it."""
        check_sendable(records)
        self._sender.know({record.topic for record in records}, deadline)
        self._sender.raw.begin_transaction()
        futures: list[Any] = []
        self._sender.hand_over(records, futures)
        self._sender.flush(deadline)
        for record, future in zip(records, futures, strict=True):
            # kafka-python commits a transaction whose records failed, so this is ours to see.
            if future.failed():
                raise self._failure(f"writing to {record.topic}", future.exception) from future.exception
            if not future.succeeded():
                raise errors.UnknownOutcome(f"{self._id}: no answer in time for a record for {record.topic}")
        return [Placed(partition=f.value.partition, offset=f.value.offset) for f in futures]

    def _within(self, deadline: float, what: str, call: Callable[[], object]) -> None:
        """Run a call of kafka-python that may hang for ever; give up on it, and on the producer, at the deadline."""
        failure: list[BaseException] = []
        done = threading.Event()

        def run() -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001  handed to the caller's thread below
                failure.append(error)
            finally:
                done.set()

        threading.Thread(target=run, name=f"{self._id}-{what}", daemon=True).start()
        if not done.wait(max(deadline - time.monotonic(), 0.001)):
            raise errors.UnknownOutcome(f"{self._id}: no answer to {what} in time")
        if failure:
            raise self._failure(what, failure[0]) from failure[0]

    def _failure(self, what: str, error: BaseException) -> errors.BusError:
        """Fenced or UnknownOutcome. kafka-python hides the reason of a second failure behind a general one."""
        manager = self._sender.raw._transaction_manager
        for reason in (error, manager.last_error):
            if reason is not None and fate_of(reason) is Fate.FENCED:
                return errors.Fenced(f"{self._id}: another process owns it now ({what}: {told(reason)})")
        return errors.UnknownOutcome(f"{self._id}: {what} failed ({told(error)})")

    def close(self) -> None:
        self._sender.close(2.0 if self._failed is None else 0.5)
