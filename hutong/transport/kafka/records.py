"""Reading records that somebody made to hurt, in bounded memory, each of them or something in its stead.

kafka-python trusts what it reads: a header name that is not UTF-8, a codec it lacks, a record that is not what Kafka
packs raise out of ``poll()`` at the same place again and again, and stop the reader for ever; a batch is unpacked
however large it becomes, and a poll takes 500 records however large they are. Here

* a name that is not UTF-8 is read with ``backslashreplace`` (the byte FF becomes the four characters ``\\xff``), which
  is no name anybody may use. (``surrogateescape`` would give a ``str`` that every later ``encode()`` trips over.)
  So is a NUL, at which a name would end in a client library in C.
* of a batch that cannot be read to its end one record stands for the rest, at the batch's last offset, that says why
  (:attr:`hutong.transport.Record.unreadable`); a record of more than :data:`MAX_HEADERS` stands for itself so;
* a batch is unpacked to :data:`~hutong.transport.kafka.unpack.MAX_UNPACKED`, a poll is full with :data:`POLL_BYTES`.

Only the fetcher handed to :func:`survive_records` changes; the library itself is not patched.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from kafka.consumer.fetcher import Fetcher  # type: ignore[import-untyped]
from kafka.errors import CorruptRecordError  # type: ignore[import-untyped]
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch  # type: ignore[import-untyped]
from kafka.record.util import decode_varint  # type: ignore[import-untyped]

from hutong.transport.kafka.unpack import GZIP, LZ4, MAX_UNPACKED, NONE, unpack
from hutong.transport.sending import spelt

POLL_BYTES = 8 * 1024 * 1024
"""A poll is full when its records take up this much, and ends with the record that filled it."""

MAX_HEADERS = 128
"""Headers of a record (docs/wire.md). One may have two bytes, and costs its reader a hundred. An event has eleven; a
refusal gives back 100 at most, with the city's behind them."""

_HEADER_BYTES = 120  # what a header costs in memory beside its text, about

_UNREADABLE = "".join(("un", "readable"))  # told by identity: no header that was read is this very object


class _Batch(DefaultRecordBatch):  # type: ignore[misc]
    __slots__ = ()

    def _maybe_uncompress(self) -> None:
        batch: Any = self
        if not batch._decompressed and batch.compression_type != NONE:
            batch._buffer = unpack(batch.compression_type, memoryview(batch._buffer)[batch._pos :])
            batch._pos = 0
        batch._decompressed = True

    def _read_msg(self) -> Any:
        """The next record: kafka-python's own reading, with an end to everything and a limit to headers."""
        batch: Any = self
        if batch.is_control_batch:  # the broker's own
            return super()._read_msg()
        buffer = batch._buffer
        length, pos = decode_varint(buffer, batch._pos)
        end = pos + length
        if length < 0 or end > len(buffer):
            raise CorruptRecordError("a record goes on behind the end of its batch")
        _, pos = decode_varint(buffer, pos)
        delta, pos = decode_varint(buffer, pos)
        late = batch.timestamp_type == batch.LOG_APPEND_TIME
        timestamp = batch.max_timestamp if late else batch.first_timestamp + delta
        offset, pos = decode_varint(buffer, pos)
        key, pos = _field(buffer, pos)
        value, pos = _field(buffer, pos)
        count, pos = decode_varint(buffer, pos)
        headers: list[tuple[str, bytes | None]] = []
        if count > MAX_HEADERS:
            key, value, headers, count, pos = None, None, [(_UNREADABLE, b"more than %d headers" % MAX_HEADERS)], 0, end
        for _ in range(count):
            size, pos = decode_varint(buffer, pos)
            if size < 0:
                raise CorruptRecordError("a header without a name")
            name = spelt(buffer[pos : pos + size].decode("utf-8", "backslashreplace"))
            content, pos = _field(buffer, pos + size)
            headers.append((name, content))
        if pos != end or count < 0:
            raise CorruptRecordError("a record has not the size that it says")
        batch._pos = end
        return DefaultRecord(length, batch.base_offset + offset, timestamp, batch.timestamp_type, key, value, headers)

    def __next__(self) -> Any:
        batch: Any = self
        if batch._next_record_index >= batch._num_records:
            raise StopIteration
        try:
            return super().__next__()
        except CorruptRecordError:
            batch._next_record_index = batch._num_records
            return DefaultRecord(
                0,
                batch.last_offset,
                batch.max_timestamp,
                batch.timestamp_type,
                None,
                None,
                [(_UNREADABLE, self._why())],
            )

    next = __next__

    def _why(self) -> bytes:
        batch: Any = self
        if batch.compression_type not in (NONE, GZIP, LZ4):
            return b"packed with a codec that is not read here: use none, gzip or lz4"
        if len(batch._buffer) > MAX_UNPACKED:
            return b"its batch unpacks to more than %d bytes" % MAX_UNPACKED
        return b"its batch is damaged, or holds something else than records"


def _field(buffer: Any, pos: int) -> tuple[bytes | None, int]:
    """Bytes behind their length, None where that is negative."""
    size, pos = decode_varint(buffer, pos)
    return (None, pos) if size < 0 else (bytes(buffer[pos : pos + size]), pos + size)


class _Batches:
    """kafka-python's ``MemoryRecords``, handing out batches that survive such records."""

    def __init__(self, records: Any) -> None:
        self._records = records

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        if type(batch) is DefaultRecordBatch:
            batch.__class__ = _Batch
        return batch


class _PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
    full = False
    """Whether the last :meth:`take` ended because of bytes, not of records."""

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Any:
        return super()._unpack_records(tp, _Batches(records), *deserializers)

    def take(self, n: int | None = None) -> list[Any]:
        self._maybe_raise_next_inline_exception()
        taken: list[Any] = []
        size, self.full = 0, False
        try:
            for record in islice(self.record_iterator, n):
                taken.append(record)
                size += _weight(record)
                if size >= POLL_BYTES:
                    self.full = True
                    break
        except Exception as error:
            if not taken:
                raise
            self._next_inline_exception = error  # raised by the next call, as kafka-python does it
        return taken


def _weight(record: Any) -> int:
    size = len(record.key or b"") + len(record.value or b"")
    return size + sum(_HEADER_BYTES + len(name) + len(value or b"") for name, value in record.headers)


def why_unreadable(raw: Any) -> str:
    """Why kafka-python's record stands for others that cannot be read; empty for one that is itself."""
    if len(raw.headers) == 1 and raw.headers[0][0] is _UNREADABLE:
        return str(raw.headers[0][1].decode())
    return ""


def survive_records(fetcher: Any) -> None:
    """Make this fetcher read whatever lies on its topics, in bounded memory."""
    fetcher.PartitionRecords = _PartitionRecords
    append = fetcher._append

    def bounded(drained: Any, part: Any, limit: int, update_offsets: bool) -> int:
        taken = append(drained, part, limit, update_offsets)
        return limit if part.full else int(taken)

    fetcher._append = bounded
