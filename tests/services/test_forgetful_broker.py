"""Kafka 4.3 and 4.4 may forget to write a transaction's end (ADR 0016): the next owner writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hutong.transport import Bounds, Outgoing, Partition
from tests.checker import check, read_history
from tests.cities import CITY, TwinCity
from tests.services.test_again import FILED, WATER, play


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path, partitions=2) as made:
        made.register(WATER, partitions=2)
        made.transport.forgetful = True
        yield made


def copies(city: TwinCity, place: Partition) -> list[Outgoing]:
    """What lies there, to be written there again."""
    consumer = city.transport.consumer(client_id="raw")
    consumer.assign([place])
    consumer.seek(place, 0)
    found = [record for some in consumer.poll(0, 1000).values() for record in some]
    return [Outgoing(topic=r.topic, partition=r.partition, key=r.key, value=r.value, headers=r.headers) for r in found]


@pytest.mark.parametrize(("service", "topic"), [("admit", "ledger"), ("deliver", f"deliveries.{WATER}")])
def test_a_successor_ends_what_the_broker_forgot(city: TwinCity, service: str, topic: str) -> None:
    """Otherwise it would never come to the end of its log, or commit its predecessor's last records with its own."""
    play(city, 12)
    for number in range(2):
        hung = copies(city, Partition(topic, number))
        assert hung
        city.transport.hang(f"{service}-{CITY}-{number}", hung)
    city.take_over()
    play(city, 12)
    places = [Partition(topic, number) for number in range(2)]
    assert all(bounds.stable == bounds.end for bounds in city.transport.bounds(places).values())
    history = read_history(city.transport, city.settings(CITY), journals=city.home / "journal")
    assert check(history, complete=True).violations == ()


def test_without_that_the_twin_does_hang(city: TwinCity) -> None:
    """The twin shows the fault: fenced and not swept, the log has no stable end."""
    city.connect(CITY).submit(FILED)
    place = Partition("ledger", 0)
    begin = city.transport.bounds([place])[place].end
    city.transport.hang(f"admit-{CITY}-0", [Outgoing(topic="ledger", partition=0, key=b"k", value=b"v")])
    city.transport.transactional(client_id="test", transactional_id=f"admit-{CITY}-0")
    assert city.transport.bounds([place])[place] == Bounds(begin=0, stable=begin, end=begin + 1)
