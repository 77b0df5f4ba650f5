"""Five deliberate bugs, one at a time: the checker, or the client itself, must find each.

Every sabotage stands beside the same story without it, which is found clean: a check that cannot tell them apart would
prove nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hutong import complaint, disposition
from hutong.errors import Fenced
from hutong.loop import Loop
from hutong.testing import MemoryTransport
from hutong.transport import Outgoing, Partition, Record
from hutong.wire.signing import Verifier
from services.admit.store import Store as AdmitStore
from services.deliver.owner import DeliverOwner
from tests.checker import Verdict, check, read_history
from tests.cities import CITY, TwinCity

WATER = "110000.water"
FILED = complaint.Filed(kind=complaint.Kind.HELP, channel="phone", category="public_service/water", area="110105026")


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path) as made:
        made.register(WATER)
        yield made


def verdict(city: TwinCity) -> Verdict:
    """The checker's word on everything that happened in the city, live state left out where it was sabotaged."""
    history = read_history(city.transport, city.settings(CITY), journals=city.home / "journal")
    return check(history, complete=True)


def rules(city: TwinCity) -> set[str]:
    return {violation.rule for violation in verdict(city).violations}


def waiting(city: TwinCity, topic: str, number: int) -> list[Record]:
    consumer = city.transport.consumer(client_id="raw")
    consumer.assign([Partition(topic, number)])
    consumer.seek(Partition(topic, number), 0)
    return [record for some in consumer.poll(0, 1000).values() for record in some]


# -- no fencing: the former owner of a partition goes on writing


def two_owners(city: TwinCity) -> None:
    """A zombie admit wakes with a batch that its successor has already judged."""
    hotline, zombie = city.connect(CITY), city._shifts[0].owner
    with city.asleep():
        for _ in range(8):
            hotline.submit(FILED)
        batch = waiting(city, "submissions", 0)
        city._shifts[0] = city._admit(0)
        city.pump()
        with contextlib.suppress(Fenced):
            zombie.process(Partition("submissions", 0), batch)
    assert batch


def unfenced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transactional id that fences nobody: each owner gets one of its own."""
    real, count = MemoryTransport.transactional, iter(range(1000))

    def transactional(self: MemoryTransport, *, client_id: str, transactional_id: str, timeout: float = 10.0) -> Any:
        return real(self, client_id=client_id, transactional_id=f"{transactional_id}-{next(count)}", timeout=timeout)

    monkeypatch.setattr(MemoryTransport, "transactional", transactional)


def test_no_fencing_is_found(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fencing the zombie's batch never appears; without it the ledger holds events twice."""
    two_owners(city)
    assert rules(city) == set()
    unfenced(monkeypatch)
    city.take_over()
    two_owners(city)
    assert {"duplicate", "sequence", "two_outcomes"} <= rules(city)


# -- dedupe off


def twice(city: TwinCity) -> None:
    """The same bytes are sent twice, and the same wish with other bytes once more."""
    hotline = city.connect(CITY)
    moment = datetime.now(UTC)
    draft = hotline.draft(FILED, once="row", time=moment)
    signed = hotline._signing().sign([draft])
    hotline.resend(signed)
    hotline.resend(signed)
    hotline.submit_batch([hotline.draft(FILED, once="row", time=moment - timedelta(seconds=1))])


def test_dedupe_off_is_found(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """With dedupe one entry comes of it; without it there are more under one identity."""
    twice(city)
    assert rules(city) == set()
    monkeypatch.setattr(AdmitStore, "sequence_of", lambda self, fingerprint: None)
    monkeypatch.setattr(AdmitStore, "sequence_of_identity", lambda self, source, subject, id: None)
    monkeypatch.setattr(AdmitStore, "ticket", lambda self, id: None)  # or the lifecycle would still refuse it
    monkeypatch.setattr(AdmitStore, "add_entry", lambda self, *, head, **_: setattr(self, "head", head))
    twice(city)
    assert "duplicate" in rules(city)


# -- marks not stored


def handle(city: TwinCity, count: int) -> None:
    """One life of a department's program."""
    taken = 0
    with city.connect(WATER) as bus:
        for event in bus.subscribe():
            with event:
                taken += 1
            if taken == count:
                break


def test_marks_not_stored_are_found(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that starts again goes on behind its mark; without stored marks it handles everything again."""
    hotline = city.connect(CITY)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    handle(city, 1)
    handle(city, 1)
    assert rules(city) == set()
    monkeypatch.setattr(Loop, "commit", lambda self, positions: None)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    handle(city, 1)
    handle(city, 2)
    assert "handled_twice" in rules(city)


# -- deliver without transaction


class _DiesInTheMiddle:
    """A producer whose process is killed with half of a batch written: inside a transaction, or outside of any."""

    def __init__(self, city: TwinCity, *, transactional: bool) -> None:
        self._city = city
        self._transactional = transactional

    def write(self, records: Sequence[Outgoing], **_: object) -> None:
        half = records[: len(records) // 2]
        if self._transactional:
            self._city.transport.hang(f"deliver-{CITY}-0", half)
        else:
            self._city.transport.producer(client_id="loose").send(half, timeout=1)
        raise RuntimeError("killed in the middle of a batch")

    def close(self) -> None:
        """The process is gone; nothing was given back."""


def killed_in_the_middle(city: TwinCity, *, transactional: bool) -> None:
    """Deliver dies while it writes a batch; its successor takes over and delivers it again."""
    with city.asleep():
        for _ in range(8):
            city.connect(CITY).submit(FILED)
        for shift in city._shifts[::2]:
            shift.pump()
        owner = city._shifts[1].owner
        assert isinstance(owner, DeliverOwner)
        owner._producer = _DiesInTheMiddle(city, transactional=transactional)
        with pytest.raises(RuntimeError):
            owner.process(Partition("ledger", 0), waiting(city, "ledger", 0))
        city.take_over()


def test_deliver_without_transaction_is_found(city: TwinCity) -> None:
    """A batch cut short inside a transaction leaves no trace; outside of one its beginning is delivered twice."""
    killed_in_the_middle(city, transactional=True)
    assert rules(city) == set()
    killed_in_the_middle(city, transactional=False)
    assert "delivered_twice" in rules(city)


# -- signature check off


def forge(city: TwinCity) -> None:
    """An event in the hotline's name with a signature that fits another event."""
    hotline = city.connect(CITY)
    one, two = hotline._signing().sign([hotline.draft(FILED), hotline.draft(FILED)])
    headers = (*one.submission.headers[:-1], two.submission.headers[-1])
    record = one.record()
    city.transport.producer(client_id="forger").send(
        [type(record)(topic=record.topic, key=record.key, value=record.value, headers=headers)], timeout=1
    )
    city.pump()


def test_signature_check_off_is_found(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the check the forgery is refused; without it the checker names the entry nobody signed."""
    city.connect(CITY).submit(FILED)
    forge(city)
    assert rules(city) == set()
    with monkeypatch.context() as broken:
        broken.setattr(Verifier, "verify", lambda self, public_key, signature, fingerprint: None)
        forge(city)
    assert "author" in rules(city)
