"""Reading the door as a department's developer does it, against real admit and deliver in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

import pytest

import hutong
from hutong import complaint, disposition
from hutong.errors import Gap, HandlingError, InvalidEvent
from hutong.transport import Outgoing, Partition, Position
from hutong.transport.memory.reader import MemoryReader
from tests.cities import CITY, TwinCity
from tests.client.desk import DISPATCHED, FILED, WATER, dispatched, take


def test_what_was_handled_does_not_come_again(city: TwinCity) -> None:
    """A system started again goes on behind its mark, also when its program left the loop in the middle of a batch."""
    dispatched(city)
    [first] = take(city.connect(WATER).subscribe(), 1)
    [second] = take(city.connect(WATER).subscribe(), 1)
    assert (first.type, second.type) == (complaint.Filed.TYPE, disposition.Dispatched.TYPE)


def test_systems_of_one_organisation_have_marks_of_their_own(city: TwinCity) -> None:
    """A second system reads everything from the beginning."""
    dispatched(city)
    assert len(take(city.connect(WATER, system="one").subscribe(), 2)) == 2
    assert len(take(city.connect(WATER, system="two").subscribe(), 2)) == 2


def test_a_broker_outage_inside_the_block_gives_the_same_event_again(city: TwinCity) -> None:
    """A retriable error is waited out in its place; the event is handled once, and what it submitted stands once."""
    ticket = dispatched(city)
    water, tries = city.connect(WATER), 0
    for event in water.subscribe(types=[disposition.Dispatched]):
        with event:
            tries += 1
            water.submit(disposition.Accepted(), answers=event)
            if tries == 1:
                raise hutong.Unavailable("the broker went away behind the submit")
        if tries == 2:
            break
    types = [event.type for event in city.connect(CITY).replay(ticket=ticket)]
    assert types.count(disposition.Accepted.TYPE) == 1
    lines = (city.home / "journal" / f"{WATER}.test.jsonl").read_text().splitlines()
    assert [json.loads(line)["n"] for line in lines if '"handled"' in line] == [1, 2]


def test_a_commit_the_broker_did_not_answer_is_made_again_although_nothing_more_comes(
    city: TwinCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a system at rest would be behind for ever, and be given the same again when it is started anew."""
    commit, answers = MemoryReader.commit, iter([False, False])

    def deaf(self: MemoryReader, positions: Mapping[Partition, Position]) -> bool:
        if next(answers, True):
            return commit(self, positions)
        raise hutong.Unavailable("no answer")

    dispatched(city)
    monkeypatch.setattr(MemoryReader, "commit", deaf)
    water = city.connect(WATER)
    rests = 0
    for event in water.subscribe(idle=0.01):
        if event is not None:
            with event:
                continue
        rests += 1
        if rests == 3:  # an iterator that ends would commit, too
            committed = city.transport.groups(f"{WATER}.test")
            water.stop()
    assert [at.offset for at in committed.values() if at.offset] == [2]


def test_an_event_must_be_taken_by_with(city: TwinCity) -> None:
    """A loop that forgets `with event:` is stopped before it loses anything."""
    dispatched(city)
    with pytest.raises(HandlingError, match="with event"):
        list(city.connect(WATER).subscribe())


def test_own_events_are_receipts_and_come_only_when_asked_for(city: TwinCity) -> None:
    """The hotline sees its own filing with receipts=True, and then the department's answer too."""
    ticket = dispatched(city)
    city.connect(WATER).submit(disposition.Accepted(), ticket=ticket, wait="admitted")
    without = take(city.connect(CITY, system="a").subscribe(), 1)
    assert [event.source for event in without] == [WATER]
    with_receipts = take(city.connect(CITY, system="b").subscribe(receipts=True), 3)
    assert [event.source for event in with_receipts] == [CITY, CITY, WATER]


def test_a_system_that_starts_now_sees_only_what_comes(city: TwinCity) -> None:
    """start="now" leaves out what was delivered before, and stays so after a restart."""
    dispatched(city)
    subscription = city.connect(WATER, system="new").subscribe(start="now")
    with city.asleep():
        second = dispatched_later(city)
    assert [event.ticket for event in take(subscription, 1)] == [second]


def dispatched_later(city: TwinCity) -> str:
    """Put a ticket on the submissions for when the city wakes up."""
    hotline = city.connect(CITY, system="later")
    ticket = hotline.submit(FILED).ticket
    hotline.submit(DISPATCHED, ticket=ticket)
    return ticket


def test_a_lost_delivery_is_a_loud_gap(city: TwinCity) -> None:
    """If the door's record of a delivery is gone, the subscription stops and names what is missing."""
    dispatched(city)
    city.transport.truncate(f"deliveries.{WATER}", 0, 1)
    with pytest.raises(Gap, match="deliveries 1 to 1"):
        take(city.connect(WATER).subscribe(), 1)


def test_a_delivery_that_its_author_did_not_sign_is_not_given_out(city: TwinCity) -> None:
    """Whoever can write into a door cannot forge an event: the subscription stops with bad_signature."""
    dispatched(city)
    record = raw(city, f"deliveries.{WATER}")[0]
    city.register("110000.new")
    forged = Outgoing(
        topic="deliveries.110000.new",
        partition=0,
        key=record.key,
        value=record.value,
        headers=tuple(
            (name, b"2026-01-01T00:00:00.000Z" if name == "ce_time" else raw) for name, raw in record.headers
        ),
    )
    city.transport.producer(client_id="forger").send([forged], timeout=1)
    with pytest.raises(InvalidEvent, match="bad_signature"):
        take(city.connect("110000.new").subscribe(), 1)


def raw(city: TwinCity, topic: str) -> list[hutong.transport.Record]:
    """All records of a topic's first partition."""
    consumer = city.transport.consumer(client_id="raw")
    place = Partition(topic, 0)
    consumer.assign([place])
    consumer.seek(place, 0)
    return consumer.poll(0)[place]


def test_a_replay_is_bounded_by_admitted_time_and_ticket(city: TwinCity) -> None:
    """since is inclusive, until exclusive; a ticket's replay holds only its own events."""
    one, two = dispatched(city), dispatched(city)
    hotline = city.connect(CITY)
    assert {event.ticket for event in hotline.replay()} == {one, two}
    assert {event.ticket for event in hotline.replay(ticket=one)} == {one}
    moments = sorted(event.ledger.admitted for event in hotline.replay() if event.ledger)
    assert len(list(hotline.replay(since=moments[0]))) == 4
    assert list(hotline.replay(until=moments[0])) == []
    assert list(hotline.replay(since=moments[-1] + timedelta(milliseconds=1))) == []


@pytest.mark.parametrize("named", [True, False])
def test_what_was_handled_before_an_end_does_not_come_again(city: TwinCity, named: bool) -> None:
    """Whether the program kept the iterator in a name or not, its marks are kept when the bus closes."""
    dispatched(city)

    def life() -> None:
        with city.connect(WATER) as bus:
            events = bus.subscribe()
            for event in events if named else bus.subscribe():
                with event:
                    if event.type == disposition.Dispatched.TYPE:
                        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        life()
    assert take(city.connect(WATER).subscribe(), 1)[0].type == disposition.Dispatched.TYPE
