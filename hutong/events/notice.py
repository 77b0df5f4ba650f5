"""通知: what the custodian did with a ticket's keys."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from hutong.events.base import EventData
from hutong.events.sealed import HexBytes
from hutong.events.words import Code, Organisation

KeyId = Annotated[HexBytes, Field(min_length=16, max_length=16)]
"""The first 16 bytes of SHA-256 of a ticket key; in JSON hexadecimal."""


class KeyClass(StrEnum):
    """The two keys a ticket has at a time (:data:`hutong.events.sealed.KeyClass`)."""

    UNKNOWN = "unknown"
    IDENTITY = "identity"  # 身份
    CONTENT = "content"  # 内容


class AccessReleased(EventData):
    """密钥发放: the custodian gave a ticket key to ``recipient``, who is entitled to it for ``purpose``."""

    TYPE: ClassVar[str] = "notice.access_released.v1"

    key_id: KeyId
    key_class: Annotated[KeyClass, Field(strict=False)]
    recipient: Organisation
    purpose: Code


class Erased(EventData):
    """删除: the custodian destroyed all keys of a class. What they sealed is gone, but for copies somebody kept."""

    TYPE: ClassVar[str] = "notice.erased.v1"

    key_ids: Annotated[tuple[KeyId, ...], Field(strict=False)]
    key_class: Annotated[KeyClass, Field(strict=False)]
    reason: Code
