"""What admit has written, told for metrics and traces."""

from __future__ import annotations

from hutong.observing.metrics import ADMIT_EVENTS
from hutong.transport import Outgoing
from hutong.wire.stamps import RefusalStamp, unpack_record
from services.owning.observed import Outcome


def outcome_of(record: Outgoing) -> Outcome:
    """The outcome in a record for the ledger or the refusals."""
    if record.topic == "ledger":
        return Outcome(metric=ADMIT_EVENTS, labels=("admitted", ""), author=record.headers)
    refusal = RefusalStamp.from_bytes(dict(record.headers)["refusal"])
    author = unpack_record(record.value or b"")[2] if refusal.returned_to else ()
    return Outcome(metric=ADMIT_EVENTS, labels=("refused", refusal.code), author=author)
