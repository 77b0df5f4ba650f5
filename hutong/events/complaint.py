"""诉求: what a citizen brings, and the answer given at once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from hutong.events.base import EventData, Frozen
from hutong.events.sealed import SealedContent, SealedIdentity
from hutong.events.words import Area, Category, Code, External, Language


class Kind(StrEnum):
    """What the citizen wants (诉求类型)."""

    UNKNOWN = "unknown"
    CONSULTATION = "consultation"  # 咨询
    HELP = "help"  # 求助
    COMPLAINT = "complaint"  # 投诉
    REPORT = "report"  # 举报
    SUGGESTION = "suggestion"  # 建议
    PRAISE = "praise"  # 表扬


class SourceReference(Frozen):
    """Where a ticket came from: the row of another system."""

    system: Code
    row: External


class Filed(EventData):
    """受理: a complaint was taken in, and its ticket begins. ``area`` is a street, never finer."""

    TYPE: ClassVar[str] = "complaint.filed.v1"

    kind: Annotated[Kind, Field(strict=False)]
    channel: Code
    category: Category
    area: Area
    enterprise: bool = False
    language: Language = "zh"
    source: SourceReference | None = None
    identity: SealedIdentity = None
    narrative: SealedContent = None
    place: SealedContent = None


class Answered(EventData):
    """直接答复: answered at once; nothing is dispatched. ``basis`` says from what, as ``knowledge_base``."""

    TYPE: ClassVar[str] = "complaint.answered.v1"

    basis: Code
    reply: SealedContent = None
