"""What deliver has written, told for metrics and traces."""

from __future__ import annotations

from hutong.observing.metrics import DELIVER_DELIVERIES
from hutong.transport import Outgoing
from hutong.wire.stamps import DeliveryStamp
from services.owning.observed import Outcome


def outcome_of(record: Outgoing) -> Outcome:
    """The outcome in a record for an organisation's door."""
    stamp = DeliveryStamp.from_bytes(record.headers[-1][1])
    return Outcome(metric=DELIVER_DELIVERIES, labels=(stamp.stream,), author=record.headers)
