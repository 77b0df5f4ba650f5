"""A department behind a bad link, on a real broker: a submit ends in its time, and what was stored is sent once."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import hutong
from hutong.submitting.outbox_rows import look
from hutong.submitting.sending import SLACK_SECONDS
from tests.integration.running import RunningCity, running_city

CITY = "110000"
FILED = hutong.complaint.Filed(
    kind=hutong.complaint.Kind.COMPLAINT, channel="phone", category="public_service/water", area="110105026"
)
CONNECT_SECONDS = 30.0
AWAY = (hutong.Unconfirmed, hutong.Unavailable)
STORING = """
import hutong, sys
from tests.integration.test_bad_link import FILED
with hutong.connect("boxed", outbox=sys.argv[1]) as bus:
    while True:
        stored = bus.submit(FILED, wait="stored")
        print(stored.fingerprint.hex(), flush=True)
        again = bus.submit(hutong.disposition.Dispatched(lead="110000.water"), ticket=stored.ticket, wait="stored")
        print(again.fingerprint.hex(), flush=True)
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCity]:
    """A city on a broker of its own, so that it can be stopped and killed."""
    with running_city(tmp_path_factory.mktemp("bad-link")) as running:
        yield running


@contextlib.contextmanager
def frozen(city: RunningCity) -> Iterator[None]:
    """Within the block the broker takes connections and answers nothing."""
    assert city.kafka.process is not None
    city.kafka.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        city.kafka.process.send_signal(signal.SIGCONT)


def within(seconds: float, call: Callable[[], object], *errors: type[hutong.BusError]) -> hutong.BusError:
    """The error that ``call`` ends with, one of ``errors``, in time."""
    began = time.monotonic()
    with pytest.raises(errors) as caught:
        call()
    assert time.monotonic() - began < seconds + SLACK_SECONDS
    return caught.value


def settled(city: RunningCity, wanted: set[str], since: datetime, seconds: float = 60.0) -> list[hutong.Event]:
    """The ledger since then, once it holds all of ``wanted``, or as it is after so long."""
    deadline = time.monotonic() + seconds
    with city.connect(CITY, "reader") as bus:
        while True:
            found = list(bus.replay(since=since))
            if wanted <= {event.fingerprint.hex() for event in found} or time.monotonic() > deadline:
                return found
            time.sleep(0.2)


def test_a_submit_to_a_frozen_broker_ends_in_its_time_and_a_resend_makes_one_entry(city: RunningCity) -> None:
    """Used before: Unconfirmed; then, behind what got no answer, over a new connection that gets none: Unavailable,
    nothing was sent. Never used: Unavailable."""
    since = datetime.now(UTC)
    warm, cold = city.connect(CITY, "warm"), city.connect(CITY, "cold")
    warm.submit(FILED, wait="admitted")
    with frozen(city):
        lost = within(2, lambda: warm.submit(FILED, timeout=2), hutong.Unconfirmed)
        within(2, lambda: warm.submit(FILED, timeout=2), *AWAY)
        within(2, lambda: cold.submit(FILED, timeout=2), hutong.Unavailable)
        within(2, lambda: cold.submit(FILED, timeout=2, wait="admitted"), hutong.Unavailable)
        within(CONNECT_SECONDS, lambda: city.connect(CITY, "new"), hutong.Unavailable)
    assert isinstance(lost, hutong.Unconfirmed)
    events = [event for event in lost.events if isinstance(event, hutong.Signed)]
    assert len(events) == 1
    warm.resend(events, timeout=30)
    warm.resend(events, timeout=30)
    fingerprints = {event.fingerprint.hex() for event in events}
    found = Counter(event.fingerprint.hex() for event in settled(city, fingerprints, since))
    assert {each: found[each] for each in fingerprints} == dict.fromkeys(fingerprints, 1)
    cold.close()
    warm.close()


def test_many_batches_behind_a_frozen_broker_share_one_deadline(city: RunningCity) -> None:
    """kafka-python's flush gives each unfinished batch the whole timeout; ours ends once."""
    with city.connect(CITY, "heavy") as bus:
        bus.submit(FILED)
        long = FILED.model_copy(update={"narrative": hutong.Clear("x" * 30_000)})
        drafts = [bus.draft(long) for _ in range(60)]  # several of the producer's batches for each partition
        with frozen(city):
            within(3, lambda: bus.submit_batch(drafts, timeout=3), hutong.Unconfirmed)
            within(3, lambda: bus.submit_batch(drafts, timeout=3), *AWAY)


def test_an_address_that_never_answers_is_unavailable_in_its_time(city: RunningCity) -> None:
    """A socket that takes connections and says nothing, as behind a firewall's proxy."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        settings = city.founded.settings(CITY).model_copy(update={"bootstrap": f"127.0.0.1:{silent.getsockname()[1]}"})
        within(CONNECT_SECONDS, lambda: hutong.connect("x", settings), hutong.Unavailable)


def test_stored_events_survive_kills_of_the_program_and_of_the_broker(city: RunningCity, tmp_path: Path) -> None:
    """Whatever was returned as stored before a SIGKILL stands on the ledger once, each ticket in its order."""
    outbox, since = tmp_path / "boxed.outbox", datetime.now(UTC)
    env = {**os.environ, **city.founded.variables(CITY)}
    stored: list[str] = []
    for number, seconds in enumerate((0.3, 0.3, 0.2)):
        if number == 1:
            city.kafka.kill()
        if number == 2:
            city.kafka.start()
        program = subprocess.Popen([sys.executable, "-c", STORING, str(outbox)], env=env, stdout=subprocess.PIPE)
        assert program.stdout is not None
        stored.append(program.stdout.readline().decode().strip())
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            stored.append(program.stdout.readline().decode().strip())
        program.kill()
        stored += [line.decode().strip() for line in program.stdout if line.endswith(b"\n")]
        program.wait()
    left = {row.fingerprint.hex() for row in look(outbox).waiting}
    with hutong.connect("boxed", city.founded.settings(CITY), outbox=outbox) as bus:
        assert bus.courier is not None
        assert bus.courier.drain(time.monotonic() + 60) == 0
    assert left
    wanted = set(stored)
    assert len(wanted) == len(stored)
    events = [event for event in settled(city, wanted, since) if event.fingerprint.hex() in wanted | left]
    found = Counter(event.fingerprint.hex() for event in events)
    assert wanted <= found.keys()
    assert set(found.values()) == {1}
    lives: dict[str, list[str]] = defaultdict(list)
    for event in events:
        lives[event.ticket].append(event.type)
    whole = [FILED.TYPE, hutong.disposition.Dispatched.TYPE]
    assert all(life == whole[: len(life)] for life in lives.values())
    assert look(outbox).waiting == ()
    print(f"{len(stored)} stored, 3 kills of the program, 1 of the broker; {len(left)} waited at the end")
