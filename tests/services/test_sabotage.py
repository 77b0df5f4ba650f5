"""Two deliberate bugs on the twin, deliver without a transaction and no signature check: the checker must find each.

Every sabotage stands beside the same story without it, which is found clean: a check that cannot tell them apart would
prove nothing. Eight more, on a real broker, are in ``tests/chaos/test_sabotage.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hutong import complaint
from hutong.transport import Outgoing, Partition, Placed, Record
from hutong.wire.signing import Verifier
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


# -- deliver without transaction


class _DiesInTheMiddle:
    """A producer whose process is killed with half of a batch written: inside a transaction, or outside of any."""

    def __init__(self, city: TwinCity, *, transactional: bool) -> None:
        self._city = city
        self._transactional = transactional

    def write(self, records: Sequence[Outgoing], **_: object) -> list[Placed]:
        half = records[: len(records) // 2]
        if self._transactional:
            self._city.transport.hang(f"deliver-{CITY}-0", half)
        else:
            self._city.transport.producer(client_id="loose").send(half, timeout=1)
        raise RuntimeError("killed in the middle of a batch")

    def sweep(self, *_: object, **__: object) -> dict[Partition, int]:
        raise AssertionError("it dies before it could own anything again")

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
