"""The department's operator, who looks after its dead letters while everything breaks."""

from __future__ import annotations

import time
from random import Random

from hutong.errors import BusError
from hutong.subscribing import deadletters
from hutong.subscribing.deadletters import Fold
from hutong.transport import Transport
from tests.chaos.city import PARTITIONS, WORKS

EVERY = 10.0  # seconds between two looks
SKIPPED = 2
ME = "the chaos run's operator"


class Operator:
    """Now and then has a parked ticket replayed, in vain; once the crew's program is mended, all but a few."""

    def __init__(self, transport: Transport, seed: int) -> None:
        self._transport = transport
        self._random = Random(f"operator {seed}")
        self._due = time.monotonic() + EVERY
        self._skipped = 0
        self.replayed = 0

    def glance(self) -> None:
        """Perhaps have one ticket replayed that will fail again. A broker that is away is no reason to fret."""
        self._due = time.monotonic() + EVERY
        try:
            parked = list(self._fold().tickets)
            if parked:
                deadletters.release(self._transport, WORKS, [self._random.choice(parked)], by=ME)
                self.replayed += 1
        except BusError:
            pass

    def due(self) -> bool:
        """Whether it is time for the next look."""
        return time.monotonic() >= self._due

    def clear(self) -> int:
        """Skip the first letters of a few tickets, release all others; how many letters are still open. BusError where
        the broker is away."""
        fold = self._fold()
        for place, ticket in list(fold.tickets.items()):
            if ticket.released:
                continue
            if self._skipped < SKIPPED:
                self._skipped += 1
                reason = "nobody needs it any more"
                deadletters.skip(self._transport, WORKS, ticket.letters[:1], reason=reason, by=ME)
            deadletters.release(self._transport, WORKS, [place], by=ME)
            self.replayed += 1
        return sum(1 for _ in fold.letters())

    def _fold(self) -> Fold:
        return deadletters.letters(self._transport, WORKS, PARTITIONS)
