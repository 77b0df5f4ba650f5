"""What the producers of both client libraries share: what may be sent at all, and what a failed send comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hutong import errors
from hutong.transport import Outgoing
from hutong.transport.fates import Fate

MAX_REQUEST = 4 * 1024 * 1024
"""Largest record in bytes that is offered to the broker at all; each topic's own limit is the broker's business."""


def spelt(name: str) -> str:
    """A header's name as every reader gets it: a NUL, at which a name ends in C, stands as ``\\x00``."""
    return name.replace("\0", r"\x00")


class Failed(NamedTuple):
    """A record that was not written, or perhaps was; ``told`` is what the client library says."""

    record: Outgoing
    fate: Fate
    told: str


def check_sendable(records: Sequence[Outgoing]) -> None:
    """Refuse, before anything is sent, what no broker takes: nothing at all, or more than :data:`MAX_REQUEST`."""
    for record in records:
        if record.key is None and record.value is None:
            raise ValueError(f"a record for {record.topic} needs a key or a value")
        size = len(record.key or b"") + len(record.value or b"") + 100
        size += sum(len(name.encode()) + len(value) + 10 for name, value in record.headers)
        if size > MAX_REQUEST:
            raise errors.InvalidEvent(
                "too_large", f"a record of {size} bytes for {record.topic}; at most {MAX_REQUEST} can be sent"
            )


def verdict(records: Sequence[Outgoing], failed: Sequence[Failed], waiting: int, why: str) -> errors.BusError | None:
    """What a send without transaction comes to, of which ``waiting`` records have no answer; None: all are written.

    ``why`` says why those have none.
    """
    if not failed and not waiting:
        return None
    if not waiting:
        first, fates = failed[0], {one.fate for one in failed}
        written = f"{len(records) - len(failed)} of {len(records)} records were written"
        if fates == {Fate.TOO_LARGE}:
            return errors.InvalidEvent(
                "too_large", f"larger than topic {first.record.topic} takes ({first.told}); {written}"
            )
        if fates == {Fate.WRONG}:
            return errors.SettingsError(f"topic {first.record.topic} refuses ({first.told}); {written}")
    why = failed[0].told if failed else why
    return errors.Unconfirmed(
        f"{len(failed) + waiting} of {len(records)} records sent to {records[0].topic} are not confirmed ({why}); "
        "send the same again"
    )
