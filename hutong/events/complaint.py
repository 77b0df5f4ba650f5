"""诉求: what a citizen brings, and the answer given at once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from hutong.events.base import EventData, Frozen
from hutong.events.sealed import SealedContent, SealedIdentity
from hutong.events.words import Area, Category, Code, External, Instant, Language, Ticket


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
    """受理: a complaint was taken in, and its ticket begins. ``area`` is a street, never finer.

    ``anonymous`` 匿名: the citizen is not to be named to those who handle it; their access leaves ``identity`` out.
    """

    TYPE: ClassVar[str] = "complaint.filed.v1"

    kind: Annotated[Kind, Field(strict=False)]
    channel: Code
    category: Category
    area: Area
    enterprise: bool = False
    anonymous: bool = False
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


class Repeat(Frozen):
    """A younger ticket about the same; ``filed`` is when it was admitted."""

    ticket: Ticket
    filed: Instant


class Amended(EventData):
    """补充: the citizen adds to a ticket that is open, or ``repeat`` does: another ticket about the same 并单.

    A repeat is told here first, and :class:`Merged` answers this event: so admit has found the older ticket open, and
    older, where it is kept, before the younger one ends where that is kept.
    """

    TYPE: ClassVar[str] = "complaint.amended.v1"

    repeat: Repeat | None = None
    identity: SealedIdentity = None
    narrative: SealedContent = None
    place: SealedContent = None


class Merged(EventData):
    """并单: the same complaint as in the older ticket ``into``, which goes on; this one ends. ``rule`` says by what."""

    TYPE: ClassVar[str] = "complaint.merged.v1"

    into: Ticket
    rule: Code


class Withdrawn(EventData):
    """撤回: the citizen takes the complaint back."""

    TYPE: ClassVar[str] = "complaint.withdrawn.v1"

    reason: Code
    remark: SealedContent = None
