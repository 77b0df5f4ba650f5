"""Is the city at rest, with nothing left to do? And were all promises kept?"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence

from hutong.errors import BusError
from hutong.transport import Consumer, Partition
from hutong.transport.kafka import KafkaTransport
from tests.chaos.city import HOTLINE, SYSTEMS, WORKS
from tests.chaos.operator import Operator
from tests.chaos.stage import Stage
from tests.checker import Verdict, check, read_history

REST = 2.0  # seconds for which nothing may be left to do


class Lag:
    """Which groups have something left to read. Markers and aborted records are nothing."""

    def __init__(self, transport: KafkaTransport, systems: Sequence[str] = SYSTEMS) -> None:
        self._transport = transport
        self._systems = systems

    def behind(self) -> Iterable[str]:
        """Every group that is behind, and where. BusError where the broker does not answer."""
        topics = self._transport.topics()
        yield from self._of(f"{HOTLINE}.admit", {"submissions": topics["submissions"]}, committed=False)
        city = {topic: topics[topic] for topic in ("ledger", "refusals")}
        yield from self._of(f"{HOTLINE}.deliver", city, committed=True)
        for system in self._systems:
            door = f"deliveries.{system.rpartition('.')[0]}"
            yield from self._of(system, {door: topics[door]}, committed=True)

    def _of(self, group: str, topics: dict[str, int], *, committed: bool) -> Iterable[str]:
        positions = self._transport.groups(group)
        consumer = self._transport.consumer(client_id="lag", committed=committed)
        with contextlib.closing(consumer):
            for place in (Partition(topic, number) for topic, count in topics.items() for number in range(count)):
                at = positions[place].offset if place in positions else 0
                if _something(consumer, place, at):
                    yield f"{group} at {place.topic}/{place.number}@{at}"


def _something(consumer: Consumer, place: Partition, at: int) -> bool:
    end = consumer.end(place)
    if at >= end:
        return False
    consumer.assign([place])
    consumer.seek(place, at)
    deadline = time.monotonic() + 2.0
    while consumer.position(place) < end and time.monotonic() < deadline:
        if consumer.poll(0.02, 1):
            return True
    return consumer.position(place) < end  # an open transaction: something may yet come


def rest(
    stage: Stage, operator: Operator, *, since: float, within: float, at_most: float, say: Callable[[str], None]
) -> tuple[float, str]:
    """Wait until nothing is left to do, dead letters too.

    Seconds ``since`` then, and what was left after ``within`` of them ("" if nothing). Gives up after ``at_most``.
    """
    lag = Lag(stage.transport)
    left, quiet = "", None
    while True:
        asked = time.monotonic()
        try:
            letters = operator.clear()
            behind = next(iter(lag.behind()), f"{letters} dead letters of {WORKS} are open" if letters else "")
        except BusError as error:
            behind = f"the broker does not answer: {error}"
        if behind:
            quiet = None
        elif quiet is None:
            quiet = asked
        elif asked - quiet >= REST:
            return quiet - since, left
        seconds = time.monotonic() - since
        if behind and seconds > within and not left:
            left = behind
            say(f"not at rest after {within:.0f} s: {behind}")
        if seconds > at_most:
            return seconds, left or behind or "the city did not come to rest"
        time.sleep(0.2)


def judge(stage: Stage) -> Verdict:
    """The checker's word. Systems whose process died may handle an event twice; nothing else may."""
    settings = stage.founded.settings(HOTLINE)
    state = stage.home / "state"
    history = read_history(stage.transport, settings, journals=stage.founded.journals, state=state)
    return check(history, complete=True, systems=SYSTEMS, restarted=SYSTEMS)
