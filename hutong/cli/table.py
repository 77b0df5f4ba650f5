"""Events as rows of one table, the same in Avro container files and in Parquet.

One record schema, in which a union only ever says "or null": polars reads no other, and one file keeps the order that a
file for each type would lose (ADR 0022). So ``data`` is the JSON that ``replay`` writes, and ``key``, ``value`` and
``headers`` are the event as its author signed it, byte for byte: with them every signature can be checked again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from hutong.cli.render import data_json

if TYPE_CHECKING:
    from hutong.client import Bus
    from hutong.event import Event

_TIME = {"type": "long", "logicalType": "timestamp-millis"}
_HEADER = {
    "type": "record",
    "name": "Header",
    "fields": [{"name": "name", "type": "string"}, {"name": "value", "type": "bytes"}],
}

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Entry",
    "namespace": "hutong.replay.v1",
    "doc": "One event with its place in the city's record. Hashes are hex, times UTC.",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "source", "type": "string"},
        {"name": "type", "type": "string"},
        {"name": "ticket", "type": "string"},
        {"name": "time", "type": ["null", _TIME]},
        {"name": "causation", "type": ["null", "string"]},
        {"name": "fingerprint", "type": "string"},
        {"name": "data", "type": "string", "doc": "JSON"},
        {"name": "category", "type": "string"},
        {"name": "area", "type": "string"},
        {"name": "generation", "type": ["null", "long"], "doc": "null, as what follows: it was refused"},
        {"name": "partition", "type": ["null", "long"]},
        {"name": "sequence", "type": ["null", "long"]},
        {"name": "admitted", "type": ["null", _TIME]},
        {"name": "directory", "type": ["null", "long"]},
        {"name": "stream", "type": ["null", "string"], "doc": "of its delivery; null on the ledger"},
        {"name": "stream_partition", "type": ["null", "long"]},
        {"name": "n", "type": ["null", "long"]},
        {"name": "refusal_code", "type": ["null", "string"]},
        {"name": "refusal_text", "type": ["null", "string"]},
        {"name": "position", "type": "string"},
        {"name": "key", "type": ["null", "bytes"]},
        {"name": "value", "type": ["null", "bytes"]},
        {"name": "headers", "type": {"type": "array", "items": _HEADER}},
    ],
}

_ROWS_AT_ONCE = 5_000
"""Rows that are held in memory for one group of a Parquet file; at 256 KiB at most, as large as an event may be."""


def row(event: Event, bus: Bus | None) -> dict[str, Any]:
    """The event as a row of :data:`SCHEMA`; with ``bus``, sealed fields open where their key is held."""
    ledger, delivery, refusal, sent = event.ledger, event.delivery, event.refusal, event.submission
    return {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "ticket": event.ticket,
        "time": event.time,
        "causation": event.causation,
        "fingerprint": event.fingerprint.hex(),
        "data": json.dumps(data_json(event, bus), ensure_ascii=False),
        "category": event.category,
        "area": event.area,
        "generation": ledger and ledger.generation,
        "partition": ledger and ledger.partition,
        "sequence": ledger and ledger.sequence,
        "admitted": ledger and ledger.admitted,
        "directory": ledger and ledger.directory,
        "stream": delivery and delivery.stream,
        "stream_partition": delivery and delivery.partition,
        "n": delivery and delivery.n,
        "refusal_code": refusal and refusal.code,
        "refusal_text": refusal and refusal.text,
        "position": str(event.position),
        "key": sent.key,
        "value": sent.value,
        "headers": [{"name": name, "value": value} for name, value in sent.headers],
    }


def write_avro(file: IO[bytes], rows: Iterable[dict[str, Any]]) -> None:
    """Write an Avro container file, block by block."""
    import fastavro

    fastavro.writer(file, SCHEMA, rows, codec="deflate", strict=True)


def write_parquet(file: IO[bytes], rows: Iterable[dict[str, Any]]) -> None:
    """Write a Parquet file, group by group.

    Raises:
        SettingsError: pyarrow is not installed.
    """
    from hutong.cli.texts import say
    from hutong.errors import SettingsError

    try:
        from pyarrow import Table
        from pyarrow.parquet import ParquetWriter
    except ImportError:
        raise SettingsError(say("replay.no_parquet")) from None
    schema, left = _arrow(), iter(rows)
    with ParquetWriter(file, schema, compression="zstd") as out:
        while some := list(islice(left, _ROWS_AT_ONCE)):
            out.write_table(Table.from_pylist(some, schema=schema))


def _arrow() -> Any:
    """:data:`SCHEMA` in Arrow's words."""
    import pyarrow

    plain = {"string": pyarrow.string(), "long": pyarrow.int64(), "bytes": pyarrow.binary()}

    def fields(record: dict[str, Any]) -> Iterator[Any]:
        for field in record["fields"]:
            union = field["type"] if isinstance(field["type"], list) else [field["type"]]
            yield pyarrow.field(field["name"], kind(union[-1]), nullable="null" in union)

    def kind(avro: Any) -> Any:
        if isinstance(avro, str):
            return plain[avro]
        if avro["type"] == "array":
            return pyarrow.list_(kind(avro["items"]))
        return pyarrow.struct(list(fields(avro))) if avro["type"] == "record" else pyarrow.timestamp("ms", tz="UTC")

    return pyarrow.schema(list(fields(SCHEMA)))
