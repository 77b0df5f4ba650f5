"""Deliver: who gets what, in what order, under which number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hutong import complaint, disposition
from hutong.errors import Fenced
from hutong.transport import Partition, Position, Record
from hutong.wire.stamps import AudienceStamp, DeliveryStamp
from services.deliver.handler import deliver_entry
from services.deliver.store import TABLES, Store
from services.owning.state import Belongs, StateFile
from tests.cities import CITY, TwinCity

DISTRICT, STREET, WATER = "110105", "110105026", "110000.water"
FILED = complaint.Filed(kind=complaint.Kind.HELP, channel="phone", category="public_service/water", area=STREET)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path, partitions=2) as made:
        made.register(DISTRICT, level="district")
        made.register(STREET, level="street", parent=DISTRICT)
        made.register(WATER, partitions=2)
        yield made


def door(city: TwinCity, organisation: str, partitions: int = 1) -> list[Record]:
    """What was delivered to an organisation."""
    consumer = city.transport.consumer(client_id="raw")
    places = [Partition(f"deliveries.{organisation}", number) for number in range(partitions)]
    consumer.assign(places)
    for place in places:
        consumer.seek(place, consumer.beginning(place))
    return [record for some in consumer.poll(0, 10_000).values() for record in some]


def types(records: list[Record]) -> list[str]:
    return [dict(record.headers)["ce_type"].decode().split(".")[1] for record in records]


def stamp(record: Record) -> DeliveryStamp:
    return DeliveryStamp.from_bytes(dict(record.headers)["delivery"])


def test_a_street_that_joins_late_gets_the_earlier_events_first(city: TwinCity) -> None:
    """Filed, dispatched elsewhere, declined, granted, then dispatched to the street: it has all of it, in order."""
    hotline, water = city.connect(CITY), city.connect(WATER)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
    water.submit(disposition.Declined(reason="not_ours"), ticket=ticket, wait="admitted")
    assert door(city, STREET) == []
    granted = disposition.DeclineDecided(decision=disposition.Decision.GRANTED)
    hotline.submit(granted, ticket=ticket, wait="admitted")
    hotline.submit(disposition.Dispatched(lead=STREET), ticket=ticket, wait="admitted")
    story = ["filed", "dispatched", "declined", "decline_decided", "dispatched"]
    assert types(door(city, STREET)) == types(door(city, DISTRICT)) == story
    assert [stamp(record).n for record in door(city, STREET)] == [1, 2, 3, 4, 5]


def test_a_participant_never_leaves(city: TwinCity) -> None:
    """The department whose refusal was granted still sees how the ticket ends; an uninvolved street sees nothing."""
    test_a_street_that_joins_late_gets_the_earlier_events_first(city)
    city.register("110105004", level="street", parent=DISTRICT)
    assert types(door(city, WATER, 2))[-1] == "dispatched"
    assert door(city, "110105004") == []


def test_nobody_learns_who_else_watches(city: TwinCity) -> None:
    """Deliveries carry no audience, only the ledger's salted hash of it."""
    city.connect(CITY).submit(FILED, wait="admitted")
    [record] = door(city, CITY)
    names = [name for name, _ in record.headers]
    assert "audience" not in names
    assert names[-5:] == ["submission", "ledger", "category", "area", "delivery"]


def test_numbers_are_dense_per_stream_and_partition(city: TwinCity) -> None:
    """Many tickets, a refusal among them: each stream's partition counts from 1 without a gap, to its own partition."""
    hotline = city.connect(CITY)
    for _ in range(20):
        ticket = hotline.submit(FILED, wait="admitted").ticket
        hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket, wait="admitted")
        hotline.submit(disposition.Dispatched(lead=WATER), ticket=ticket)
    for organisation, partitions in ((CITY, 1), (WATER, 2)):
        numbers: dict[tuple[str, int], list[int]] = {}
        for record in door(city, organisation, partitions):
            delivery = stamp(record)
            assert record.partition == delivery.partition % partitions
            numbers.setdefault((delivery.stream, delivery.partition), []).append(delivery.n)
        assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
        assert {stream for stream, _ in numbers} == ({"ledger", "refusals"} if organisation == CITY else {"ledger"})


def test_takeovers_change_nothing(city: TwinCity, tmp_path: Path) -> None:
    """The same submissions with a takeover after each give the same deliveries as without one."""
    hotline = city.connect(CITY)
    for _ in range(6):
        ticket = hotline.submit(FILED).ticket
        city.take_over()
        hotline.submit(disposition.Dispatched(lead=STREET), ticket=ticket)
        city.take_over()
    delivered = door(city, STREET)
    assert types(delivered) == ["filed", "dispatched"] * 6
    assert len({(stamp(record).partition, stamp(record).n) for record in delivered}) == 12


def test_lost_positions_are_delivered_again_under_the_same_numbers(city: TwinCity) -> None:
    """Without the group's positions deliver begins anew: the same records with the same numbers, which clients skip."""
    hotline = city.connect(CITY)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    hotline.submit(disposition.Dispatched(lead=STREET), ticket=ticket, wait="admitted")
    before = door(city, STREET)
    consumer = city.transport.consumer(client_id="reset", group=f"{CITY}.deliver")
    for topic in ("ledger", "refusals"):
        for number in range(2):
            consumer.assign([Partition(topic, number)])
            consumer.commit({Partition(topic, number): Position(offset=0)})
    city.take_over()
    city.pump()
    after = door(city, STREET)
    assert [(r.key, r.value, r.headers) for r in after] == [(r.key, r.value, r.headers) for r in before * 2]


def test_a_zombie_is_fenced_before_it_delivers(city: TwinCity) -> None:
    """The former owner's next batch raises Fenced; its deliveries never appear."""
    zombie = city._shifts[1].owner
    with city.asleep():
        for _ in range(8):
            city.connect(CITY).submit(FILED)
        city._shifts[0].pump()
        waiting = [record for record in ledger(city) if record.partition == 0]
        city._shifts[1] = city._deliver(0)
        with pytest.raises(Fenced):
            zombie.process(Partition("ledger", 0), waiting)
        assert door(city, CITY) == []
    assert len(waiting) > 0


def ledger(city: TwinCity) -> list[Record]:
    consumer = city.transport.consumer(client_id="raw")
    consumer.assign([Partition("ledger", 0)])
    consumer.seek(Partition("ledger", 0), 0)
    return [record for some in consumer.poll(0, 1000).values() for record in some]


def test_an_agreement_gets_single_events_and_history_only_by_joining(tmp_path: Path) -> None:
    """A match gets this event alone; when it becomes a participant it gets the others, none twice."""
    belongs = Belongs(service="deliver", city="c", environment="test", partition=0, rules="1")
    store = Store(StateFile(tmp_path, belongs, TABLES, instance="twin"))

    def entry(place: int, participants: tuple[str, ...], matches: tuple[str, ...] = ()) -> list[tuple[str, bytes]]:
        audience = AudienceStamp(salt=bytes(16), participants=participants, matches=matches)
        record = Record(
            topic="ledger",
            partition=0,
            offset=place,
            timestamp_ms=0,
            key=b"t",
            value=bytes([place]),
            headers=(("audience", audience.to_bytes()),),
        )
        return [(d.organisation, d.content.value or b"") for d in deliver_entry(record, store)]

    assert entry(1, ("a",)) == [("a", b"\x01")]
    assert entry(2, ("a",), ("m",)) == [("a", b"\x02"), ("m", b"\x02")]
    assert entry(3, ("a",)) == [("a", b"\x03")]
    assert entry(4, ("a", "m")) == [("a", b"\x04"), ("m", b"\x01"), ("m", b"\x03"), ("m", b"\x04")]
