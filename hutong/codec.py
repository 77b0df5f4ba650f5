"""The value of a record: Confluent framing (byte 0, schema id as 4 bytes big-endian) over Avro, strictly.

fastavro alone would take naive times as local, drop extra keys, ignore left-over bytes and trust block sizes.
So models are validated on both ways, and :mod:`hutong.avro.scan` walks the bytes before fastavro sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType
from pydantic import ValidationError

from hutong.avro.scan import Scan, scanner
from hutong.catalogue import Catalogue
from hutong.errors import InvalidEvent, SettingsError
from hutong.events import MODELS, EventData
from hutong.events.sealed import Clear
from hutong.schemalog import Published

_PREFIX = 5

Lookup = Callable[[int], Published | None]
"""Finds the schema of an id that is newer than the catalogue; None where there is none."""


@dataclass(frozen=True, slots=True)
class _Written:
    """How to read what one schema id wrote; ``reader`` is the newest revision, None if this is it."""

    ce_type: str
    model: type[EventData]
    scan: Scan
    writer: Any
    reader: Any


class Codec:
    """Turns events' data into bytes and back. Safe to share between threads.

    With ``lookup`` it also reads newer revisions of the types it knows, as the newest model it has: fields that it
    lacks are left out, an enum's symbol that it lacks is ``unknown``. Whoever judges events goes without: admit.

    Raises :class:`SettingsError` if a type of the catalogue has no model, or a model no schema.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        models: Mapping[str, type[EventData]] = MODELS,
        *,
        lookup: Lookup | None = None,
    ) -> None:
        if catalogue.types != models.keys():
            unmatched = ", ".join(sorted(catalogue.types ^ models.keys()))
            raise SettingsError(f"schemas and models differ: {unmatched}")
        self._models = models
        self._lookup = lookup
        self._subjects: dict[str, str] = {}
        self._newest: dict[str, tuple[bytes, Any]] = {}
        self._written: dict[int, _Written] = {}
        for type_, model in models.items():
            revisions = catalogue.revisions(type_)
            newest = parse_schema(revisions[-1].definition)
            self._subjects[revisions[-1].subject] = type_
            self._newest[type_] = (b"\x00" + revisions[-1].id.to_bytes(4, "big"), newest)
            for schema in revisions:
                is_newest = schema is revisions[-1]
                self._written[schema.id] = _Written(
                    ce_type=type_,
                    model=model,
                    scan=scanner(schema.definition),
                    writer=newest if is_newest else parse_schema(schema.definition),
                    reader=None if is_newest else newest,
                )

    def encode(self, data: EventData) -> bytes:
        """The framed bytes of ``data``, in the newest revision of its schema.

        Raises:
            InvalidEvent: ``unknown_schema``: no such type here; ``not_sealed``: a field still holds
                :class:`Clear`; ``invalid_data``: built past the model's checks, and breaking them; ``undecodable``:
                an array longer than anybody reads.
        """
        if self._models.get(data.TYPE) is not type(data):
            raise InvalidEvent("unknown_schema", f"{type(data).__name__} ({data.TYPE}) is no event of this catalogue")
        for field in data.sealed_fields():
            if isinstance(getattr(data, field), Clear):
                raise InvalidEvent("not_sealed", f"{field} of {data.TYPE} is not sealed yet")
        if data.__dict__.keys() != type(data).model_fields.keys():  # model_dump() would drop what it does not know
            raise InvalidEvent("invalid_data", f"{data.TYPE}: a field is missing, or not of this event")
        try:
            values = data.model_dump(warnings=False)
            type(data).model_validate(values)  # model_copy() and model_construct() check nothing
        except ValidationError as error:
            raise InvalidEvent("invalid_data", _explain(data.TYPE, error)) from None
        prefix, schema = self._newest[data.TYPE]
        out = BytesIO()
        out.write(prefix)
        schemaless_writer(out, schema, values, strict=True)
        value = out.getvalue()
        self._walk(value)  # nothing is written that no one would read
        return value

    def decode(self, value: bytes) -> tuple[str, EventData]:
        """The CloudEvents type and the data in ``value``; older revisions come out as the newest model.

        Raises:
            InvalidEvent: ``unknown_schema``: an id of no schema here, nor of one that can be looked up;
                ``undecodable``: bytes that are no value of their schema; ``invalid_data``: a value that breaks a rule
                of its model, which is named without the value. Unavailable: its schema could not be looked up.
        """
        if len(value) < _PREFIX or value[0] != 0:
            raise InvalidEvent("undecodable", "no Confluent framing: a zero byte and a schema id of 4 bytes")
        written = self._walk(value)
        try:
            values = schemaless_reader(BytesIO(value[_PREFIX:]), written.writer, written.reader)
        except SchemaResolutionError:
            raise InvalidEvent(
                "unknown_schema", f"{written.ce_type}: its published schema is no revision of the one known here"
            ) from None
        except UnicodeDecodeError:
            raise InvalidEvent("undecodable", f"{written.ce_type}: a string is not UTF-8") from None
        except OverflowError:
            raise InvalidEvent("undecodable", f"{written.ce_type}: a time is outside the years 1 to 9999") from None
        try:
            return written.ce_type, written.model.model_validate(values)
        except ValidationError as error:
            raise InvalidEvent("invalid_data", _explain(written.ce_type, error)) from None

    def _walk(self, value: bytes) -> _Written:
        """How to read a framed value whose bytes hold together. Raises InvalidEvent, see :meth:`decode`."""
        number = int.from_bytes(value[1:_PREFIX], "big")
        written = self._written.get(number) or self._learn(number)
        try:
            end = written.scan(value, _PREFIX)
        except IndexError:
            end = len(value) + 1
        except ValueError as error:
            raise InvalidEvent("undecodable", f"{written.ce_type}: {error}") from None
        if end != len(value):
            what = "the bytes end too early" if end > len(value) else f"{len(value) - end} bytes are left over"
            raise InvalidEvent("undecodable", f"{written.ce_type}: {what}")
        return written

    def _learn(self, number: int) -> _Written:
        """How to read what a newer catalogue wrote, kept from now on. Raises as :meth:`decode`."""
        published = None if self._lookup is None else self._lookup(number)
        ce_type = None if published is None else self._subjects.get(published.subject)
        if published is None or ce_type is None:
            raise InvalidEvent("unknown_schema", f"schema id {number} is not in this catalogue")
        try:
            writer = parse_schema(published.definition)
        except (SchemaParseException, UnknownType):
            raise InvalidEvent("unknown_schema", f"schema id {number} as published is no Avro") from None
        self._written[number] = _Written(
            ce_type=ce_type,
            model=self._models[ce_type],
            scan=scanner(published.definition),
            writer=writer,
            reader=self._newest[ce_type][1],
        )
        return self._written[number]


_TOLD = 5  # faults of one event that are told; it may have a thousand


def _explain(type_: str, error: ValidationError) -> str:
    """Which fields break which rule, without showing their values."""
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    told = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:_TOLD])
    return f"{type_}: {told}" + (f"; and {len(faults) - _TOLD} more" if len(faults) > _TOLD else "")
