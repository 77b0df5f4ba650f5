"""Parking on a real broker: an outage parks nothing, waiting keeps the membership, and parking outlives a rebalance."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest

import hutong
from hutong import complaint, disposition
from hutong.event import Event
from hutong.subscribing.deadletters import Fold, letters, release
from tests.integration.running import RunningCity, running_city

CITY, WATER = "110000", "110000.water"
FILED = complaint.Filed(
    kind=complaint.Kind.COMPLAINT, channel="phone", category="public_service/water", area="110105026"
)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCity]:
    """One broker with admit and deliver for all tests of this file."""
    with running_city(tmp_path_factory.mktemp("city"), custody=False) as running:
        yield running


class System(threading.Thread):
    """One instance of a system of the water utility, handling in a thread of its own until it is stopped."""

    def __init__(self, city: RunningCity, system: str, handle: Callable[[hutong.Bus, Event], None], **given: object):
        super().__init__(daemon=True)
        self._settings = city.founded.settings(WATER).model_copy(update={"deadletter_share": 1.0, **given})
        self._system = system
        self.handle = handle
        self.bus: hutong.Bus | None = None
        self.seen: list[tuple[str, str]] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            with hutong.connect(self._system, self._settings) as self.bus:
                for event in self.bus.subscribe():
                    with event:
                        self.handle(self.bus, event)
                        self.seen.append((event.ticket, event.type))
        except BaseException as error:  # noqa: BLE001  # told by finish()
            self.failure = error

    def generation(self) -> int:
        """How often it was assigned partitions."""
        assert self.bus is not None
        return self.bus._subscriptions[0][0]._consumer.generation

    def finish(self) -> None:
        """Stop it, and raise what went wrong."""
        assert self.bus is not None
        self.bus.stop()
        self.join(60)
        assert not self.is_alive()
        if self.failure is not None:
            raise self.failure


def dispatched(city: RunningCity) -> str:
    """A ticket that lies before the water utility."""
    with contextlib.closing(city.connect(CITY, "author", journal=False)) as hotline:
        ticket = hotline.submit(FILED, wait="admitted").ticket
        hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    return ticket


def fold(city: RunningCity) -> Fold:
    return letters(city.transport, WATER, city.transport.topics()[f"deadletters.{WATER}"])


def parked(city: RunningCity, system: str) -> list[tuple[str, str]]:
    return [(letter.ticket, letter.type) for letter, _ in fold(city).letters() if letter.system == system]


def until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition with a deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        threading.Event().wait(0.1)


@pytest.mark.timeout(300)
def test_a_failing_event_is_waited_for_in_the_group_then_parked_and_replayed(city: RunningCity) -> None:
    """Trying again takes longer than the session, and so does one try: the instance stays the member it was. Parked,
    released while it runs, its ticket comes in order, each event once."""
    ticket, other = dispatched(city), dispatched(city)
    mended = threading.Event()

    def handle(bus: hutong.Bus, event: Event) -> None:
        if event.ticket == ticket and not mended.is_set():
            if not desk.tries:
                time.sleep(8)  # a program that is slow, longer than its session of 6 s
            desk.tries += 1
            raise ValueError("cannot read this")

    class Desk(System):
        tries = 0

    desk = Desk(city, "slow", handle, retries=4)
    desk.start()
    until(lambda: (other, disposition.Dispatched.TYPE) in desk.seen, 60, "the other ticket")
    assert desk.tries == 5
    assert desk.generation() == 1
    wanted = [(ticket, complaint.Filed.TYPE), (ticket, disposition.Dispatched.TYPE)]
    until(lambda: parked(city, "slow") == wanted, 30, "parking")
    mended.set()
    release(city.transport, WATER, [place for place in fold(city).tickets if place.system == "slow"], by="ann")
    until(lambda: parked(city, "slow") == [], 10, "the replay")
    desk.finish()
    assert [seen for seen in desk.seen if seen[0] == ticket] == wanted


@pytest.mark.timeout(300)
def test_a_rebalance_takes_the_parked_tickets_along(city: RunningCity) -> None:
    """A ticket fails in its middle. A second instance stands by, the first one ends: the second knows what is parked,
    and takes it when released; together they handled the ticket's events in order, each once."""
    ticket = dispatched(city)
    with (
        contextlib.closing(city.connect(WATER, "author", journal=False)) as water,
        contextlib.closing(city.connect(CITY, "author", journal=False)) as hotline,
    ):
        water.submit(disposition.Declined(reason="not_ours"), ticket=ticket, wait="admitted")
        hotline.submit(disposition.DeclineDecided(decision=disposition.Decision.GRANTED), ticket=ticket)
    types = [complaint.Filed.TYPE, disposition.Dispatched.TYPE, disposition.DeclineDecided.TYPE]

    def fails(bus: hutong.Bus, event: Event) -> None:
        if (event.ticket, event.type) == (ticket, disposition.Dispatched.TYPE):
            raise ValueError("cannot read this")

    first = System(city, "pair", fails, retries=0, instance="pair-1")
    first.start()
    until(lambda: parked(city, "pair") == [(ticket, type_) for type_ in types[1:]], 60, "parking")
    second = System(city, "pair", lambda bus, event: None, retries=0, instance="pair-2")
    second.start()
    first.finish()
    later = dispatched(city)
    until(lambda: (later, disposition.Dispatched.TYPE) in second.seen, 60, "the takeover")
    assert ticket not in {seen[0] for seen in second.seen}
    release(city.transport, WATER, [place for place in fold(city).tickets if place.system == "pair"], by="ann")
    until(lambda: [type_ for of, type_ in second.seen if of == ticket] == types[1:], 20, "the replay")
    assert [type_ for of, type_ in first.seen if of == ticket] == types[:1]
    until(lambda: parked(city, "pair") == [], 10, "the end of parking")
    second.finish()


@pytest.mark.timeout(300)
def test_a_broker_outage_inside_the_block_parks_nothing(city: RunningCity) -> None:
    """The broker is killed while a handler submits, and started again: the same event, handled once, nothing parked;
    what it submitted is on the ledger once."""
    ticket = dispatched(city)
    errors: list[Exception] = []
    killed = threading.Event()

    def handle(bus: hutong.Bus, event: Event) -> None:
        if event.ticket != ticket or event.type != disposition.Dispatched.TYPE:
            return
        if not errors:
            city.kafka.kill()
            killed.set()
        try:
            bus.submit(disposition.Accepted(), answers=event, timeout=5)
        except Exception as error:
            errors.append(error)
            raise

    desk = System(city, "outage", handle, retries=0)
    desk.start()
    assert killed.wait(60)
    until(lambda: len(errors) > 1, 60, "a second try while the broker is away")
    city.kafka.start()
    until(lambda: (ticket, disposition.Dispatched.TYPE) in desk.seen, 120, "the handling after the outage")
    desk.finish()
    assert errors
    assert all(isinstance(error, hutong.Unavailable | hutong.Unconfirmed) for error in errors)
    assert parked(city, "outage") == []
    assert desk.seen.count((ticket, disposition.Dispatched.TYPE)) == 1
    with contextlib.closing(city.connect(CITY, "reader", journal=False)) as hotline:

        def accepted() -> int:
            with contextlib.suppress(hutong.BusError):
                return [e.type for e in hotline.replay(ticket=ticket)].count(disposition.Accepted.TYPE)
            return 0

        until(lambda: accepted() == 1, 60, "the admission of what was submitted")
