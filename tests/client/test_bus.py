"""The client as a department's developer uses it, against real admit and deliver in memory."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import hutong
from hutong import complaint, disposition
from hutong.errors import Gap, HandlingError, InvalidEvent, KeyPending, Refused, SettingsError, Unconfirmed
from hutong.event import Event
from hutong.testing import MemoryTransport
from hutong.transport import Outgoing, Partition
from tests.cities import CITY, TwinCity

WATER = "110000.water"
FILED = complaint.Filed(
    kind=complaint.Kind.COMPLAINT,
    channel="phone",
    category="public_service/water",
    area="110105026",
    narrative=hutong.Clear("没水"),
)
DISPATCHED = disposition.Dispatched(lead=WATER)


def take(events: Iterator[Event], count: int) -> list[Event]:
    """Handle the next ``count`` events."""
    taken = []
    for event in events:
        with event:
            taken.append(event)
        if len(taken) == count:
            break
    return taken


def dispatched(city: TwinCity) -> str:
    """A ticket that was filed and dispatched to the water utility."""
    hotline = city.connect(CITY)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    hotline.submit(DISPATCHED, ticket=ticket, wait="admitted")
    return ticket


def test_a_department_accepts_what_was_dispatched_to_it(city: TwinCity) -> None:
    """The README's program: history first, then the dispatch, answered by an acceptance that names it."""
    ticket = dispatched(city)
    water = city.connect(WATER)
    filed, dispatch = take(water.subscribe(), 2)
    assert (filed.type, dispatch.type) == (complaint.Filed.TYPE, disposition.Dispatched.TYPE)
    accepted = water.submit(disposition.Accepted(), answers=dispatch, wait="admitted")
    last = list(city.connect(CITY).replay(ticket=ticket))[-1]
    assert (last.fingerprint, last.causation) == (accepted.fingerprint, dispatch.fingerprint.hex())
    assert last.ledger == accepted.ledger


def test_a_crash_and_a_retry_make_the_same_event(city: TwinCity) -> None:
    """A handler that dies after its submit and runs again is admitted once: the second is already admitted."""
    ticket = dispatched(city)
    water = city.connect(WATER)
    for event in water.subscribe(types=[disposition.Dispatched]):
        with contextlib.suppress(RuntimeError), event:
            first = water.submit(disposition.Accepted(), answers=event, wait="admitted")
            raise RuntimeError
        break
    again = city.connect(WATER)
    for event in again.subscribe(types=[disposition.Dispatched]):
        with event:
            second = again.submit(disposition.Accepted(), answers=event, wait="admitted")
            break
    assert second.id == first.id
    assert second.refusal is not None
    assert (second.refusal.code, second.refused) == ("already_admitted", False)
    types = [event.type for event in city.connect(CITY).replay(ticket=ticket)]
    assert types.count(disposition.Accepted.TYPE) == 1


def test_a_repeated_wish_makes_a_new_event(city: TwinCity) -> None:
    """Outside a handling, the same data is another event each time; with once= it is one."""
    hotline = city.connect(CITY)
    assert hotline.submit(FILED).ticket != hotline.submit(FILED).ticket
    moment = datetime.now(UTC)
    first, second = (hotline.submit(FILED, once="row-1", time=moment) for _ in range(2))
    assert (first.id, first.ticket) == (second.id, second.ticket)
    assert len([event for event in hotline.replay() if event.id == first.id]) == 1


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


def test_a_failing_handler_stops_and_its_event_comes_again(city: TwinCity) -> None:
    """The error says while handling what; after a restart the event is there again."""
    dispatched(city)
    bus = city.connect(WATER)
    with pytest.raises(ZeroDivisionError) as caught:  # noqa: PT012
        for event in bus.subscribe():
            with event:
                raise ZeroDivisionError
    assert "deliveries.110000.water/0@0" in caught.value.__notes__[0]
    bus.close()
    assert take(city.connect(WATER).subscribe(), 1)[0].type == complaint.Filed.TYPE


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


def test_a_refused_wish_raises_with_its_reason_and_can_be_read(city: TwinCity) -> None:
    """submit(wait="admitted") raises; subscribe(refusals=True) shows the author's own event and why."""
    ticket = dispatched(city)
    water = city.connect(WATER)
    with pytest.raises(Refused, match="may not come") as caught:
        water.submit(disposition.Resolved(), ticket=ticket, wait="admitted")
    assert caught.value.code == "not_allowed"
    seen = take(city.connect(WATER, system="b").subscribe(refusals=True), 3)
    assert [event.refusal.code for event in seen if event.refusal] == ["not_allowed"]


def test_without_admit_the_receipt_is_unconfirmed_and_the_event_can_be_sent_again(city: TwinCity) -> None:
    """Past its deadline the submit says what is known; resending the same bytes makes one entry."""
    hotline = city.connect(CITY)
    with city.asleep(), pytest.raises(Unconfirmed, match="is the city's admit running") as caught:
        hotline.submit(FILED, wait="admitted", timeout=0.2)
    [event] = caught.value.events
    assert isinstance(event, hutong.Signed)
    hotline.resend([event])
    assert len(list(hotline.replay(ticket=event.ticket))) == 1


def test_bytes_that_were_admitted_long_ago_have_their_receipt(city: TwinCity) -> None:
    """Sent again by another program, the same bytes bring no new entry; the receipt of the first is found."""
    first = city.connect(CITY)
    signed = first._signing().sign([first.draft(FILED)])
    [before] = first.resend(signed, wait="admitted")
    [after] = city.connect(CITY).resend(signed, wait="admitted", timeout=10)
    assert after.ledger == before.ledger is not None


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


def test_a_seal_opens_for_its_author_and_for_nobody_else(city: TwinCity) -> None:
    """The hotline opens its own narrative; the department has no key of it yet."""
    dispatched(city)
    [filed] = take(city.connect(CITY).subscribe(receipts=True), 1)
    assert city.connect(CITY).unseal(filed, "narrative") == "没水"
    assert city.connect(CITY).unseal(filed, "identity") is None
    water = city.connect(WATER)
    [same] = take(water.subscribe(), 1)
    with pytest.raises(KeyPending):
        water.unseal(same, "narrative")


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


def test_a_batch_has_one_signature_and_each_event_proves_itself(city: TwinCity) -> None:
    """Forty complaints in one batch are forty entries, each verified alone by the replay."""
    hotline = city.connect(CITY)
    results = hotline.submit_batch([hotline.draft(FILED) for _ in range(40)], wait="admitted")
    assert len({result.ticket for result in results}) == 40
    replayed = list(hotline.replay())
    assert {event.fingerprint for event in replayed} == {result.fingerprint for result in results}
    assert len({event.submission.header("signature")[17:81] for event in replayed}) == 1  # type: ignore[index]


def test_the_journal_tells_what_was_sent_before_it_was_sent(city: TwinCity) -> None:
    """Sent, acknowledged, handled: one line each, in this order, with the fingerprint."""
    dispatched(city)
    take(city.connect(WATER).subscribe(), 2)
    sent = [json.loads(line) for line in (city.home / "journal" / f"{CITY}.test.jsonl").read_text().splitlines()]
    assert [line["what"] for line in sent] == ["sent", "acknowledged"] * 2
    handled = [json.loads(line) for line in (city.home / "journal" / f"{WATER}.test.jsonl").read_text().splitlines()]
    assert [(line["what"], line["n"], line["given"]) for line in handled] == [
        ("handled", 1, True),
        ("handled", 2, True),
    ]
    assert [line["fingerprint"] for line in handled] == [line["fingerprint"] for line in sent[::2]]


def test_an_organisation_that_is_not_registered_is_told_so(city: TwinCity) -> None:
    """Subscribing without an entry names the command that mends it."""
    bus = hutong.connect("x", city.settings("110000.nobody", key=None), transport=city.transport)
    with pytest.raises(SettingsError, match="hutong org register"):
        bus.subscribe()
    with pytest.raises(SettingsError, match="HUTONG_KEY is not set"):
        bus.submit(FILED)
    bus.close()


def test_an_event_without_a_ticket_is_asked_for_it(city: TwinCity) -> None:
    """Only a filing mints a ticket."""
    with pytest.raises(ValueError, match="which ticket is it about"):
        city.connect(CITY).submit(DISPATCHED)


def test_an_event_that_is_too_large_is_not_sent(city: TwinCity) -> None:
    """Over 256 KiB nothing leaves the program."""
    hotline = city.connect(CITY)
    with pytest.raises(InvalidEvent, match="too_large"):
        hotline.submit(FILED.model_copy(update={"narrative": hutong.Clear("水" * 100_000)}))
    assert list(hotline.replay()) == []


def test_a_wrong_pinned_key_is_said_and_not_taken_for_an_empty_city(city: TwinCity) -> None:
    """Nothing in the directory is signed by that key: check the setting."""
    with pytest.raises(SettingsError, match="check HUTONG_REGISTRAR_KEY"):
        hutong.connect("x", city.settings(CITY, registrar_key="0" * 64), transport=city.transport)


def test_a_broker_without_a_city_is_said(city: TwinCity) -> None:
    """The error names the command that founds one."""
    with pytest.raises(SettingsError, match="hutong org found"):
        hutong.connect("x", city.settings(CITY), transport=MemoryTransport())


def test_a_wish_uttered_again_tomorrow_is_the_same_ticket(city: TwinCity) -> None:
    """A complaint with once= needs its time; inside a handling the handled event's day is taken."""
    hotline = city.connect(CITY)
    with pytest.raises(ValueError, match="needs `time=` too"):
        hotline.draft(FILED, once="row")
    dispatched(city)
    for event in hotline.subscribe(types=[disposition.Dispatched], receipts=True):
        with event:
            first = hotline.draft(FILED)
            event.handling.submitted = 0  # type: ignore[union-attr]
            assert hotline.draft(FILED) != first  # dated now, and yet the same event on the same ticket
            event.handling.submitted = 0  # type: ignore[union-attr]
            again = hotline.draft(FILED)
            assert (again.id, again.ticket) == (first.id, first.ticket)
        break


@pytest.mark.parametrize("named", [True, False])
def test_what_was_handled_before_a_failure_does_not_come_again(city: TwinCity, named: bool) -> None:
    """Whether the program kept the iterator in a name or not, its marks are kept when the bus closes."""
    dispatched(city)

    def life() -> None:
        with city.connect(WATER) as bus:
            events = bus.subscribe()
            for event in events if named else bus.subscribe():
                with event:
                    if event.type == disposition.Dispatched.TYPE:
                        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        life()
    assert take(city.connect(WATER).subscribe(), 1)[0].type == disposition.Dispatched.TYPE


def test_a_passing_refusal_of_the_past_is_no_answer_to_bytes_sent_again(city: TwinCity) -> None:
    """Refused as an unknown ticket, then sent again while admit rests: the old refusal does not speak for it."""
    hotline = city.connect(CITY)
    filed, dispatch = hotline.draft(FILED), hotline.draft(DISPATCHED, ticket=hotline.draft(FILED).ticket)
    [signed] = hotline._signing().sign([dispatch])
    [refused] = hotline.resend([signed], wait="admitted")
    assert refused.refusal is not None
    assert refused.refusal.code == "unknown_ticket"
    with city.asleep():
        hotline.submit(filed.data, ticket=dispatch.ticket)
        with pytest.raises(Unconfirmed):
            city.connect(CITY).resend([signed], wait="admitted", timeout=3)
    [late] = city.connect(CITY).resend([signed], wait="admitted", timeout=10)
    assert late.ledger is not None
