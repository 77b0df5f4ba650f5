"""Reading records whose header names are not UTF-8.

kafka-python decodes every header name strictly and raises out of ``poll()`` where that fails, at the same
record again and again: one hostile record would stop its reader for ever. Here such a name is read with
``backslashreplace`` (the byte FF becomes the four characters ``\\xff``), which is not a name anybody may use, so
the record is refused by the ordinary rule for unknown headers. ``surrogateescape`` would keep the bytes but give
a ``str`` that every later ``encode()`` trips over, kafka-python's own included.

Only the fetcher handed to :func:`survive_names` changes; the library itself is not patched.
"""

from __future__ import annotations

from typing import Any

from kafka.consumer.fetcher import Fetcher  # type: ignore[import-untyped]
from kafka.record.default_records import DefaultRecordBatch  # type: ignore[import-untyped]


class _Slice(bytes):
    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return super().decode(encoding, "backslashreplace")


class _Buffer(bytearray):
    def __getitem__(self, at: Any) -> Any:
        got = super().__getitem__(at)
        return _Slice(got) if isinstance(at, slice) else got


class _Batch(DefaultRecordBatch):  # type: ignore[misc]
    __slots__ = ()

    def _read_msg(self) -> Any:
        try:
            return super()._read_msg()
        except UnicodeDecodeError:  # raised before the batch's place in its buffer has moved
            batch: Any = self
            strict, batch._buffer = batch._buffer, _Buffer(batch._buffer)
            try:
                return super()._read_msg()
            finally:
                batch._buffer = strict


class _Batches:
    """kafka-python's ``MemoryRecords``, handing out batches that survive such names."""

    def __init__(self, records: Any) -> None:
        self._records = records

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        if type(batch) is DefaultRecordBatch:
            batch.__class__ = _Batch
        return batch


class _PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Any:
        return super()._unpack_records(tp, _Batches(records), *deserializers)


def survive_names(fetcher: Any) -> None:
    """Make this fetcher read records with header names that are not UTF-8."""
    fetcher.PartitionRecords = _PartitionRecords
