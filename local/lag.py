"""Which systems of a city have something left to read: asked of Kafka alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from hutong.looking import look
from hutong.transport import Transport


class Lag:
    """Of admit, deliver and ``systems`` (``<org>.<system>``) of a city. Markers and aborted records are nothing."""

    def __init__(self, transport: Transport, city: str, systems: Sequence[str]) -> None:
        self._transport = transport
        self._groups = {f"{city}.admit": ["submissions"], f"{city}.deliver": ["ledger", "refusals"]}
        self._groups |= {system: [f"deliveries.{system.rpartition('.')[0]}"] for system in systems}

    def behind(self) -> Iterator[str]:
        """Every group that is behind, and where; first those that others wait for. What is written and not committed
        yet may come to all. BusError where the broker does not answer."""
        with look(self._transport, datetime.now(UTC)) as view:
            view.learn({topic for topics in self._groups.values() for topic in topics})
            for place in view.unfinished():
                yield f"a transaction is open in {place.topic}/{place.number}"
            for group, topics in self._groups.items():
                if lag := view.lag(group, topics, committed=topics != ["submissions"]).records:
                    yield f"{group} at {', '.join(topics)}: {lag}"
