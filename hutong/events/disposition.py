"""处置: what organisations do with a ticket, from dispatch 派单 to the closed file 归档."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from hutong.events.base import EventData
from hutong.events.sealed import SealedContent
from hutong.events.words import Code, Organisation


class Urgency(StrEnum):
    """How fast a dispatch wants an answer (DB11/T 2021-2022)."""

    UNKNOWN = "unknown"
    ORDINARY = "ordinary"  # 一般
    URGENT = "urgent"  # 紧急
    EMERGENCY = "emergency"  # 特急


class Decision(StrEnum):
    """The answer to a request to be relieved of a ticket."""

    UNKNOWN = "unknown"
    GRANTED = "granted"  # 同意
    REJECTED = "rejected"  # 驳回


class Outcome(StrEnum):
    """What the lead unit says it achieved."""

    UNKNOWN = "unknown"
    RESOLVED = "resolved"  # 已解决
    EXPLAINED = "explained"  # 已解释
    UNRESOLVED = "unresolved"  # 未解决


class Satisfaction(StrEnum):
    """What the citizen says when called back."""

    UNKNOWN = "unknown"
    SATISFIED = "satisfied"  # 满意
    BASICALLY_SATISFIED = "basically_satisfied"  # 基本满意
    DISSATISFIED = "dissatisfied"  # 不满意


class Dispatched(EventData):
    """派单: ``lead`` (主办) must answer, ``assistants`` (协办) must help."""

    TYPE: ClassVar[str] = "disposition.dispatched.v1"

    lead: Organisation
    assistants: Annotated[tuple[Organisation, ...], Field(strict=False)] = ()
    urgency: Annotated[Urgency, Field(strict=False)] = Urgency.ORDINARY
    instruction: SealedContent = None


class Accepted(EventData):
    """签收: the lead unit takes the ticket."""

    TYPE: ClassVar[str] = "disposition.accepted.v1"

    contact: SealedContent = None


class Declined(EventData):
    """退单申请: the lead unit asks to be relieved of the ticket."""

    TYPE: ClassVar[str] = "disposition.declined.v1"

    reason: Code
    explanation: SealedContent = None


class DeclineDecided(EventData):
    """退单审核: the dispatcher's decision; when granted, another dispatch follows."""

    TYPE: ClassVar[str] = "disposition.decline_decided.v1"

    decision: Annotated[Decision, Field(strict=False)]
    explanation: SealedContent = None


class Resolved(EventData):
    """反馈: the lead unit reports what it did."""

    TYPE: ClassVar[str] = "disposition.resolved.v1"

    outcome: Annotated[Outcome, Field(strict=False)] = Outcome.RESOLVED
    report: SealedContent = None


class CalledBack(EventData):
    """回访: the citizen was asked. ``resolved`` stays empty when nobody could say."""

    TYPE: ClassVar[str] = "disposition.called_back.v1"

    contacted: bool
    resolved: bool | None = None
    satisfaction: Annotated[Satisfaction, Field(strict=False)] = Satisfaction.UNKNOWN
    remark: SealedContent = None


class Reopened(EventData):
    """重办: the ticket goes back to its lead unit."""

    TYPE: ClassVar[str] = "disposition.reopened.v1"

    reason: Code


class Closed(EventData):
    """归档: the ticket's file is closed."""

    TYPE: ClassVar[str] = "disposition.closed.v1"

    reason: Code
