"""处置: what organisations do with a ticket, from dispatch 派单 to the closed file 归档."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from hutong.events.base import EventData
from hutong.events.sealed import SealedContent
from hutong.events.words import Code, Instant, Organisation


class Urgency(StrEnum):
    """How fast a dispatch wants an answer (DB11/T 2021-2022)."""

    UNKNOWN = "unknown"
    ORDINARY = "ordinary"  # 一般
    URGENT = "urgent"  # 紧急
    EMERGENCY = "emergency"  # 特急


class Decision(StrEnum):
    """The answer to a request."""

    UNKNOWN = "unknown"
    GRANTED = "granted"  # 同意
    REJECTED = "rejected"  # 驳回


class Measure(StrEnum):
    """What the lead unit asks for when time runs short."""

    UNKNOWN = "unknown"
    EXTENSION = "extension"  # 延期
    SUSPENSION = "suspension"  # 挂账


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


class AssistRequested(EventData):
    """吹哨: the lead unit calls ``units`` to help, one at least (else ``invalid_data``); it stays in the lead."""

    TYPE: ClassVar[str] = "disposition.assist_requested.v1"

    units: Annotated[tuple[Organisation, ...], Field(strict=False)]
    request: SealedContent = None


class AssistReported(EventData):
    """报到: an assistant unit reports, and says what it does."""

    TYPE: ClassVar[str] = "disposition.assist_reported.v1"

    report: SealedContent = None


class ExtensionRequested(EventData):
    """延期申请: the lead unit asks for time until ``until``, or (``measure``) that the clock stand still until then."""

    TYPE: ClassVar[str] = "disposition.extension_requested.v1"

    measure: Annotated[Measure, Field(strict=False)] = Measure.EXTENSION
    until: Instant
    reason: Code
    explanation: SealedContent = None


class ExtensionDecided(EventData):
    """延期审核: the answer of an organisation above the lead unit; ``until`` is the new deadline, when granted.

    A suspension is granted by :class:`Suspended`, and rejected by this. Granted without ``until``, it is refused.
    """

    TYPE: ClassVar[str] = "disposition.extension_decided.v1"

    decision: Annotated[Decision, Field(strict=False)]
    until: Instant | None = None
    explanation: SealedContent = None


class Suspended(EventData):
    """挂账: what was asked for is granted, and the clock stands still until :class:`Resumed`, or ``until``."""

    TYPE: ClassVar[str] = "disposition.suspended.v1"

    until: Instant
    reason: Code
    explanation: SealedContent = None


class Resumed(EventData):
    """恢复办理: the clock runs again."""

    TYPE: ClassVar[str] = "disposition.resumed.v1"

    reason: Code


class Resolved(EventData):
    """反馈: the lead unit reports what it did."""

    TYPE: ClassVar[str] = "disposition.resolved.v1"

    outcome: Annotated[Outcome, Field(strict=False)] = Outcome.RESOLVED
    report: SealedContent = None


class Reminded(EventData):
    """催办: a time limit is near. ``limit`` is its name in ``schemas/limits``, ``due`` its end, in admitted time."""

    TYPE: ClassVar[str] = "disposition.reminded.v1"

    limit: Code
    due: Instant


class Overdue(EventData):
    """超期: a time limit has passed. Fields as in :class:`Reminded`."""

    TYPE: ClassVar[str] = "disposition.overdue.v1"

    limit: Code
    due: Instant


class Escalated(EventData):
    """督办: somebody above the lead unit, or the clock, presses for an answer."""

    TYPE: ClassVar[str] = "disposition.escalated.v1"

    reason: Code
    instruction: SealedContent = None


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
