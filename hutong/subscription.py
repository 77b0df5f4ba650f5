"""One system's subscription to its organisation's deliveries: in order, each once, loud at a gap."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from typing import TypeVar

import structlog

from hutong.errors import Gap, HandlingError, Unavailable
from hutong.event import Event, Handling
from hutong.events import EventData
from hutong.journal import Journal
from hutong.loop import Loop
from hutong.marks import Marks
from hutong.transport import Consumer, Partition, Position, Record
from hutong.wire.stamps import DeliveryStamp, RefusalStamp

_log = structlog.get_logger()

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0  # seconds before an event is given out again; doubles from one to the other

Answer = TypeVar("Answer")

Open = Callable[[Record, Handling], Event]
"""Reads a record and checks its signature."""


class Subscription:
    """Gives out events; each must be taken by ``with event:``. Marks are committed after each batch.

    ``begin`` is where a system that was never here before begins, if not at the beginning of what there is.
    """

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        *,
        organisation: str,
        open_event: Open,
        journal: Journal,
        enter: Callable[[Event | None], None],
        types: Collection[type[EventData]] | None = None,
        receipts: bool = False,
        refusals: bool = False,
        begin: Mapping[Partition, int] | None = None,
    ) -> None:
        self._consumer = consumer
        self._organisation = organisation.encode()
        self._open = open_event
        self._journal = journal
        self._enter = enter
        self._types = None if types is None else {model.TYPE.encode() for model in types}
        self._receipts = receipts
        self._refusals = refusals
        self._begin = begin
        self._marks: dict[Partition, Marks] = {}
        self._loop = Loop(consumer, [topic], self._taken, max_records=100)

    def stop(self) -> None:
        """End after the event in hand."""
        self._loop.stop()

    def events(self) -> Generator[Event]:
        """The events, until :meth:`stop`. Closing the generator commits what was handled."""
        try:
            for partition, records in self._loop.batches():
                yield from self._batch(partition, records)
        finally:
            self._consumer.close()

    def _batch(self, partition: Partition, records: list[Record]) -> Iterator[Event]:
        marks = self._marks[partition]
        next_offset = records[0].offset
        try:
            for record in records:
                yield from self._one(marks, record)
                next_offset = record.offset + 1
                if self._loop.over():
                    break
        finally:
            # Also when the program broke out of its loop: what it handled is kept, what it did not comes again.
            self._loop.commit({partition: Position(offset=next_offset, metadata=marks.encode())})

    def _one(self, marks: Marks, record: Record) -> Iterator[Event]:
        headers = dict(record.headers)
        stamp = DeliveryStamp.from_bytes(headers["delivery"])
        if not self._fresh(marks, stamp, record):
            return
        if not self._wanted(headers):
            self._handled(marks, stamp, record, given=False)
            return
        handling = Handling(enter=self._enter)
        event = self._patiently(lambda: self._open(record, handling))
        for attempt in itertools.count():
            try:
                yield event
            finally:
                if handling.handled:
                    self._handled(marks, stamp, record, given=True)
            if handling.handled:
                return
            if handling.waits is None:
                raise HandlingError(f"{event} was not handled: put the loop's body into `with event:`")
            seconds = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
            _log.warning(
                "waiting, then the same event again", what=str(event), seconds=seconds, why=str(handling.waits)
            )
            if self._loop.wait(seconds):
                raise handling.waits

    @staticmethod
    def _fresh(marks: Marks, stamp: DeliveryStamp, record: Record) -> bool:
        try:
            return marks.fresh(stamp)
        except Gap as gap:
            raise Gap(f"{gap} (at {record.topic}/{record.partition}@{record.offset})") from None

    def _wanted(self, headers: Mapping[str, bytes]) -> bool:
        if "refusal" in headers:
            if not self._refusals:
                refusal = RefusalStamp.from_bytes(headers["refusal"])
                _log.warning(
                    "refused",
                    type=headers.get("ce_type", b"").decode("utf-8", "replace"),
                    code=refusal.code,
                    ticket=headers.get("ce_subject", b"").decode("utf-8", "replace"),
                    text=refusal.text,
                )
            return self._refusals
        if headers["ce_source"] == self._organisation and not self._receipts:
            return False
        return self._types is None or headers["ce_type"] in self._types

    def _handled(self, marks: Marks, stamp: DeliveryStamp, record: Record, *, given: bool) -> None:
        self._journal.handled(stamp, record, given=given)
        marks.handled(stamp)

    def _taken(self, partitions: frozenset[Partition]) -> Mapping[Partition, int]:
        return self._patiently(lambda: {partition: self._start(partition) for partition in partitions})

    def _start(self, partition: Partition) -> int:
        """Where to go on, its marks taken over. A beginning at "now" is committed before anything is given out."""
        committed = self._consumer.committed(partition)
        if committed is not None:
            start, marks = committed.offset, Marks.decode(committed.metadata)
        elif self._begin is not None:
            start, marks = self._begin[partition], Marks(open=True)
            self._consumer.commit({partition: Position(offset=start, metadata=marks.encode())})
        else:
            start, marks = self._consumer.beginning(partition), Marks()
        held = self._marks.get(partition)
        if held is None or held.behind(marks):
            self._marks[partition] = marks
        return start

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        """What ``ask`` says, once the broker answers."""
        while True:
            try:
                return ask()
            except Unavailable as error:
                _log.warning("broker away, waiting", error=str(error))
                if self._loop.wait(_FIRST_WAIT):
                    raise
