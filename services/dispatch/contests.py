"""退单审核: whose wish to be relieved of a ticket is granted."""

from __future__ import annotations

from collections.abc import Mapping

import hutong
from hutong.events.disposition import Declined
from hutong.events.words import Code
from services.drawing import ALWAYS, Chance
from services.tables import Strict


class Contests(Strict):
    """The share of requests that is granted, by the reason given; ``otherwise`` for a reason that has no line.

    1 grants a reason always and 0 never, which is a rule; what lies between stands for people who look at each case.
    """

    reasons: Mapping[Code, Chance] = {}
    otherwise: Chance = ALWAYS

    def grants(self, event: hutong.Event, seed: int = 0) -> bool:
        """Whether what was declined by this event goes to somebody else."""
        assert isinstance(event.data, Declined)
        return self.reasons.get(event.data.reason, self.otherwise).hits(event, "contest", seed)
