"""Decisions drawn by chance, where a real service asks a person."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Literal

from pydantic import Field

import hutong
from services.tables import Strict


class Chance(Strict):
    """A share from 0 to 1. ``label``: S where it is published, A where it is an assumption."""

    share: Annotated[float, Field(ge=0, le=1, strict=False)]
    label: Literal["S", "A"] = "A"

    def hits(self, event: hutong.Event, what: str, seed: int = 0) -> bool:
        """Whether this event is among the share; see :func:`drawn`."""
        return drawn(event, what, seed) < self.share


NEVER, ALWAYS = Chance(share=0), Chance(share=1)


def drawn(event: hutong.Event, what: str, seed: int = 0) -> float:
    """A number from 0 to below 1 over ``seed``, ``what`` is decided, the ticket and the event it is decided on: a retry
    draws the same, the next event of the ticket anew."""
    digest = sha256(f"{seed} {what} {event.ticket} {event.fingerprint.hex()}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
