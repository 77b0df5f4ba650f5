"""Sealed fields 密封字段: personal data, encrypted under a key of its ticket (design, "Personal data").

A sealed field holds :class:`Sealed` on the wire. While its author is still writing it, it may hold
:class:`Clear`; the codec refuses to encode that, so no plain text can leave by mistake.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializationInfo,
)

KeyClass = Literal["identity", "content"]
"""The two keys a ticket has at a time: who the citizen is, and what is being said."""


def _bytes_of_hex(value: Any) -> Any:
    return bytes.fromhex(value) if isinstance(value, str) else value


HexBytes = Annotated[
    bytes,
    BeforeValidator(_bytes_of_hex),
    PlainSerializer(bytes.hex, return_type=str, when_used="json"),
]
"""Bytes; in JSON, and given as a string, hexadecimal."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Marks a model's field as sealed, and says under which class of key."""

    key_class: KeyClass


class Sealed(BaseModel):
    """An encrypted field as it stands on the wire.

    ``suite`` names the algorithm (1 = AES-256-GCM), ``key_id`` is the 16-byte hash of the key, ``nonce`` has
    12 bytes, ``ciphertext`` ends with the authentication tag.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        ser_json_bytes="hex",
        val_json_bytes="hex",
    )

    suite: Annotated[int, Field(ge=1, le=255)]
    key_id: Annotated[bytes, Field(min_length=16, max_length=16)]
    nonce: Annotated[bytes, Field(min_length=12, max_length=12)]
    ciphertext: bytes


_SEALED_NAMES = frozenset(Sealed.model_fields)


@dataclass(frozen=True, slots=True, repr=False)
class Clear:
    """Content that is not sealed yet: any JSON value. It never shows its text, and never becomes bytes.

    The value is copied, so changing the original afterwards changes nothing here. Raises ``ValueError`` for
    what JSON cannot carry unchanged (sets, tuples, NaN, keys that are no strings, lone surrogates).
    """

    value: Any

    def __post_init__(self) -> None:
        try:
            text = json.dumps(self.value, allow_nan=False, ensure_ascii=False).encode()
            copy = json.loads(text)
            same = bool(copy == self.value)
        except (TypeError, ValueError, RecursionError):
            same = False
        if not same:  # raised here, outside: neither text nor cause may quote the value
            raise ValueError("a sealed field takes what JSON can carry unchanged")
        object.__setattr__(self, "value", copy)

    def __repr__(self) -> str:
        return "Clear(…)"


def _sealed_or_clear(value: Any) -> Sealed | Clear | None:
    if value is None or isinstance(value, Sealed | Clear):
        return value
    if isinstance(value, dict):
        if value.keys() != _SEALED_NAMES:
            return Clear(value)
        if not isinstance(value["ciphertext"], bytes):  # its JSON form, as in the examples
            value = {name: _bytes_of_hex(part) for name, part in value.items()}
        return Sealed.model_validate(value)
    if isinstance(value, str | list):
        return Clear(value)
    raise ValueError("a sealed field takes text, a list, an object, Sealed or Clear")


def _dump(value: Sealed | Clear | None, info: SerializationInfo) -> Any:
    if isinstance(value, Sealed):
        return value.model_dump(mode=info.mode)
    if isinstance(value, Clear):
        raise TypeError("not sealed yet: clear content is never written out")
    return value


_Field = Annotated[Sealed | Clear | None, PlainValidator(_sealed_or_clear), PlainSerializer(_dump)]

SealedIdentity = Annotated[_Field, Seal("identity")]
"""A field about who the citizen is: name, telephone, account."""

SealedContent = Annotated[_Field, Seal("content")]
"""A field of free text, or a place finer than a street."""
