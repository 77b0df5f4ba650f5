"""What every event's data has in common."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from hutong.events.sealed import KeyClass, Seal


class Frozen(BaseModel):
    """A frozen, keyword-only value; unknown names and silently converted types are errors.

    Error texts never show the refused input: it may be a citizen's words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class EventData(Frozen):
    """The data of one event: the part that Avro carries in the record's value.

    Each subclass names its CloudEvents type in ``TYPE`` (``complaint.filed.v1``) and equals the newest
    revision of that type's schema, field for field (``tests/schemas`` holds both together).
    """

    TYPE: ClassVar[str]
    _SEALED: ClassVar[Mapping[str, KeyClass]] = MappingProxyType({})

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        seals = {
            name: mark.key_class
            for name, field in cls.model_fields.items()
            for mark in field.metadata
            if isinstance(mark, Seal)
        }
        cls._SEALED = MappingProxyType(seals)

    @classmethod
    def sealed_fields(cls) -> Mapping[str, KeyClass]:
        """The sealed fields of this event, each with the class of key that opens it."""
        return cls._SEALED
