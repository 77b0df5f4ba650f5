"""The events of the bus, one frozen model each.

A model equals the newest revision of its Avro schema; ``MODELS`` finds it by its CloudEvents type.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hutong.events import complaint, directory, disposition, notice
from hutong.events.base import EventData
from hutong.events.sealed import Clear, Sealed

__all__ = ["MODELS", "Clear", "EventData", "Sealed", "complaint", "directory", "disposition", "notice"]

MODELS: Mapping[str, type[EventData]] = MappingProxyType(
    {
        model.TYPE: model
        for model in (
            complaint.Filed,
            complaint.Answered,
            complaint.Amended,
            complaint.Merged,
            complaint.Withdrawn,
            disposition.Dispatched,
            disposition.Accepted,
            disposition.Declined,
            disposition.DeclineDecided,
            disposition.AssistRequested,
            disposition.AssistReported,
            disposition.ExtensionRequested,
            disposition.ExtensionDecided,
            disposition.Suspended,
            disposition.Resumed,
            disposition.Resolved,
            disposition.Reminded,
            disposition.Overdue,
            disposition.Escalated,
            disposition.CalledBack,
            disposition.Reopened,
            disposition.Closed,
            directory.Registered,
            directory.Changed,
            directory.Revoked,
            directory.AgreementOpened,
            directory.AgreementClosed,
            notice.AccessReleased,
            notice.Erased,
        )
    }
)
"""Every event of the catalogue: type (``complaint.filed.v1``) to model."""
