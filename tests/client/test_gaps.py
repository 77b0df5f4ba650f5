"""Deliveries that are not where they should be: looked for in the door, and loud where they are nowhere."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hutong import disposition
from hutong.errors import Gap, OutOfRange, Unavailable
from hutong.event import Event
from hutong.refusals import Refusals
from hutong.transport import Outgoing, Partition, Position, Record
from hutong.transport.memory.reader import MemoryReader
from hutong.wire.stamps import DeliveryStamp
from tests.cities import CITY, TwinCity
from tests.client.desk import WATER
from tests.client.parked import LIFE, Desk, door, lives, run

pytestmark = pytest.mark.usefixtures("quick")

TOPIC = f"deliveries.{WATER}"


def again(city: TwinCity, records: Sequence[Record]) -> None:
    """Write these deliveries behind what is in the door, as `services.deliver again` does."""
    city.transport.producer(client_id="deliver").send(
        [
            Outgoing(topic=TOPIC, partition=r.partition, key=r.key, value=r.value, headers=r.headers) for r in records
        ],
        timeout=1,
    )  # fmt: skip


def stamp(record: Record) -> DeliveryStamp:
    return DeliveryStamp.from_bytes(dict(record.headers)["delivery"])


def lost(city: TwinCity, count: int) -> list[Record]:
    """All deliveries there were, of which the broker has lost the first ``count``."""
    records = door(city)
    city.transport.truncate(TOPIC, 0, records[count].offset)
    return records


def line(records: Sequence[Record], like: Record) -> list[Record]:
    """Those of the same stream and partition."""
    wanted = stamp(like)
    return [r for r in records if (stamp(r).stream, stamp(r).partition) == (wanted.stream, wanted.partition)]


def test_what_is_missing_is_named_with_the_operators_command(city: TwinCity) -> None:
    """Organisation, stream, numbers, place in the log, and what to run."""
    lives(city, 1)
    records = lost(city, 2)
    where = f"ledger/{stamp(records[0]).partition}"
    with pytest.raises(Gap) as caught:
        run(city, Desk())
    text = str(caught.value)
    assert f"deliveries 1 to 2 of {where} to {WATER} are missing before {TOPIC}/0@{records[2].offset}" in text
    assert f"`python -m services.deliver again {WATER} --of {where} --from 1`" in text


def test_a_gap_that_was_delivered_again_is_passed(city: TwinCity) -> None:
    """The missing ones stand behind the others: they come first, then the rest, each once, in order."""
    one, two = lives(city, 2)
    again(city, lost(city, 3))
    desk = Desk()
    run(city, desk)
    assert (desk.of(one), desk.of(two)) == ([*LIFE], [*LIFE])
    run(city, desk)
    assert len(desk.seen) == 2 * len(LIFE)


def test_an_outage_in_the_middle_of_the_search_is_waited_out(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it looks for missing deliveries, too, a system waits for the broker, at the same place."""
    [one] = lives(city, 1)
    again(city, lost(city, 3))
    desk, poll = Desk(), MemoryReader.poll
    outages = 2

    def away(reader: MemoryReader, timeout: float, limit: int = 500) -> dict[Partition, list[Record]]:
        nonlocal outages
        if reader._self.name.startswith(f"{WATER}.desk.gaps") and outages:
            outages -= 1
            raise Unavailable("the broker is away")
        return poll(reader, timeout, limit)

    monkeypatch.setattr(MemoryReader, "poll", away)
    run(city, desk)
    assert outages == 0
    assert desk.of(one) == [*LIFE]


@pytest.mark.parametrize("order", ["broken off and begun again", "two at once", "the end before the beginning"])
def test_however_deliveries_were_written_again_each_comes_once_and_in_order(city: TwinCity, order: str) -> None:
    """A run that broke off, two runs at once, or parts in another order: the numbers decide."""
    tickets = lives(city, 3)
    records = lost(city, 9)
    if order == "broken off and begun again":
        again(city, records[:5])
        again(city, records)
    elif order == "two at once":
        again(city, [record for pair in zip(records, records, strict=True) for record in pair])
    else:
        again(city, records[5:])
        again(city, records[:5])
    desk = Desk()
    run(city, desk)
    assert [desk.of(ticket) for ticket in tickets] == [[*LIFE]] * 3


def test_nothing_of_other_streams_is_passed_over_on_the_way(city: TwinCity) -> None:
    """While one partition's missing deliveries are fetched from behind, those of another keep their turn."""
    tickets: list[str] = []
    while len({stamp(record).partition for record in door(city)}) < 2:
        tickets += lives(city, 1)
        assert len(tickets) < 30
    tickets += lives(city, 2)
    records = door(city)
    mine = line(records, records[0])
    rest = [record for record in records if record not in mine]
    city.transport.truncate(TOPIC, 0, records[-1].offset + 1)
    again(city, [*mine[2:], *rest, *mine[:2]])
    desk = Desk()
    run(city, desk)
    assert {ticket: desk.of(ticket) for ticket in tickets} == {ticket: [*LIFE] for ticket in tickets}


def test_what_was_found_before_the_search_ended_is_handled(city: TwinCity) -> None:
    """Half of the missing ones are there: they are handled and marked, and the gap names the other half."""
    lives(city, 1)
    records = lost(city, 4)
    again(city, records[:2])
    desk = Desk()
    with pytest.raises(Gap, match="deliveries 3 to 4"):
        run(city, desk)
    assert [type_ for _, type_ in desk.seen] == [*LIFE[:2]]
    again(city, records[2:4])
    run(city, desk)
    assert [type_ for _, type_ in desk.seen] == [*LIFE]


def test_a_system_that_was_away_too_long_goes_on_at_the_beginning(city: TwinCity) -> None:
    """Its position is gone: where its mark still fits, nothing is missing; else there is a gap, no silent reset."""
    one, two = lives(city, 2)
    desk = Desk()
    wanted = 4

    def some(event: Event) -> None:
        if len(desk.seen) == wanted:
            raise KeyboardInterrupt
        desk(event)

    with pytest.raises(KeyboardInterrupt):
        run(city, some)
    records = lost(city, 6)
    with pytest.raises(Gap):
        run(city, desk)
    assert len(desk.seen) == wanted
    again(city, records)
    run(city, desk)
    assert (desk.of(one), desk.of(two)) == ([*LIFE], [*LIFE])


def test_a_running_system_that_falls_out_of_the_log_goes_on_at_its_beginning(city: TwinCity) -> None:
    """Retention overtakes it while it works on one event; what it lost is found where it was written again."""
    tickets = lives(city, 12)
    records, desk = door(city), Desk()
    assert len(records) < 100 < 2 * len(records)  # one batch

    def handle(event: Event) -> None:
        if not desk.seen:
            more = lives(city, 12)
            tickets.extend(more)
            now = door(city)
            again(city, now)
            city.transport.truncate(TOPIC, 0, now[-1].offset + 1)
        desk(event)

    run(city, handle)
    assert {ticket: desk.of(ticket) for ticket in tickets} == {ticket: [*LIFE] for ticket in tickets}


def test_a_position_beyond_the_end_stays_an_error(city: TwinCity) -> None:
    """A restored broker has less than was handled: nothing is reset, a person decides."""
    lives(city, 1)
    desk = Desk()
    run(city, desk)
    consumer = city.transport.consumer(client_id="x", group=f"{WATER}.other")
    consumer.commit({Partition(TOPIC, 0): Position(offset=10_000, metadata='{"open":false,"marks":[]}')})
    with pytest.raises(OutOfRange):
        run(city, desk, system="other")


def test_a_replay_gives_what_was_delivered_again_once(city: TwinCity) -> None:
    """Also where the door's beginning is gone and came back behind, and whether one ticket is asked for or all."""
    one, two = lives(city, 2)
    records = door(city)
    again(city, records[2:])
    bus = city.connect(WATER)
    assert len(list(bus.replay(source="deliveries"))) == len(records)
    assert [event.type for event in bus.replay(source="deliveries", ticket=one)] == [*LIFE]
    again(city, lost(city, 5)[:5])
    events = list(bus.replay(source="deliveries"))
    assert len(events) == len(records)
    assert {event.type for event in events if event.ticket == two} == {*LIFE}


def test_refusals_that_were_delivered_again_are_listed_once(city: TwinCity) -> None:
    """By the author through his own door."""
    [one] = lives(city, 1)
    water = city.connect(WATER)
    water.submit(disposition.Accepted(), ticket=one)
    again(city, door(city))
    mine = Refusals(city.transport, water.codec, organisation=WATER, city=CITY, environment="test")
    assert len(list(mine.read())) == len(list(mine.codes())) == 1
