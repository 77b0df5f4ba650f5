"""Parking: a failing event stops its ticket, never its system, and its ticket's order is kept whatever crashes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

import hutong
from hutong import disposition
from hutong.event import Event
from hutong.loop import Loop
from hutong.subscribing.deadletters import topic_of
from hutong.subscribing.letters import Failure, letter_record
from hutong.subscribing.marks import Marks
from hutong.transport import Partition, Position
from hutong.transport.memory.reader import MemoryReader
from hutong.wire.stamps import DeliveryStamp
from tests.cities import CITY, TwinCity
from tests.client.cutting import Cut, Wire
from tests.client.desk import WATER
from tests.client.parked import LIFE, Desk, control, door, fold, lives, run, waiting

pytestmark = pytest.mark.usefixtures("quick")


def test_a_failing_event_parks_its_ticket_and_the_others_go_on(city: TwinCity) -> None:
    """It and its ticket's later events wait, in order, byte for byte; every other ticket is handled to its end."""
    one, two, three = lives(city, 3)
    desk = Desk((two, LIFE[2]))
    run(city, desk)
    assert (desk.of(one), desk.of(two), desk.of(three)) == ([*LIFE], [*LIFE[:2]], [*LIFE])
    assert waiting(city) == [(two, type_) for type_ in LIFE[2:]]
    letters = door(city, topic_of(WATER))
    originals = [record for record in door(city) if record.key == two.encode()][2:]
    for letter, original in zip(letters, originals, strict=True):
        assert (letter.partition, letter.key, letter.value) == (original.partition, original.key, original.value)
        assert letter.headers[:-2] == original.headers
        assert [name for name, _ in letter.headers[-2:]] == ["system", "deadletter"]
    assert [json.loads(letter.headers[-1][1]).get("behind", False) for letter in letters] == [False, True, True, True]


def test_a_replayed_ticket_comes_in_its_order_and_each_event_once(city: TwinCity) -> None:
    """Parked in the middle of a ticket, mended, released: the letters first, then what came meanwhile."""
    one, two = lives(city, 2)
    desk = Desk((one, LIFE[2]))
    run(city, desk)
    desk.poison.clear()
    control(city, "release", one)
    run(city, desk)
    assert (desk.of(one), desk.of(two)) == ([*LIFE], [*LIFE])
    assert waiting(city) == []
    run(city, desk)
    assert len(desk.seen) == 2 * len(LIFE)


def test_a_running_system_takes_what_is_released(city: TwinCity) -> None:
    """Nobody has to start it again: the release is read within its loop, and later events follow the letters."""
    one, two = lives(city, 2)
    desk = Desk((one, LIFE[0]))

    def handle(event: Event) -> None:
        desk(event)
        if (event.ticket, event.type) == (two, LIFE[3]):
            desk.poison.clear()
            control(city, "release", one)

    run(city, handle)
    assert (desk.of(one), desk.of(two)) == ([*LIFE], [*LIFE])
    assert waiting(city) == []


def test_a_letter_that_fails_again_waits_again(city: TwinCity) -> None:
    """What is left of its ticket waits behind it; its tries add up, and the first failure is remembered."""
    [one] = lives(city, 1)
    desk = Desk((one, LIFE[2]))
    run(city, desk, retries=2)
    first = next(letter.failure for letter, _ in fold(city).letters())
    desk.poison = {(one, LIFE[4])}
    control(city, "release", one)
    run(city, desk)
    assert desk.of(one) == [*LIFE[:4]]
    assert waiting(city) == [(one, LIFE[4]), (one, LIFE[5])]
    control(city, "release", one)
    run(city, desk, retries=1)
    again = next(letter.failure for letter, _ in fold(city).letters())
    assert first is not None
    assert again is not None
    assert (first.tries, again.tries) == (3, 3)
    assert again.reason == f"ValueError: cannot read {LIFE[4]}"
    assert "parked.py" in again.stack or "test_parking.py" in again.stack
    assert again.first_ms <= again.last_ms


def test_what_a_person_skips_is_not_given_again(city: TwinCity) -> None:
    """The rest of the ticket is, once it is released; the reason and who gave it are kept."""
    [one] = lives(city, 1)
    desk = Desk((one, LIFE[2]))
    run(city, desk)
    [head, *_] = fold(city).letters()
    control(city, "skip", one, letter=head[0].offset)
    control(city, "release", one)
    run(city, desk)
    assert desk.of(one) == [*LIFE[:2], *LIFE[3:]]
    [skipped] = [done for done in fold(city).done if done.how == "skipped"]
    assert (skipped.reason, skipped.by, skipped.letter.type) == ("因", "ann", LIFE[2])


def test_an_event_is_tried_again_before_it_is_parked(city: TwinCity) -> None:
    """Three retries are four tries; one that comes right in between is handled once, and parks nothing."""
    [one] = lives(city, 1)
    desk = Desk((one, LIFE[5]))
    run(city, desk, retries=3)
    assert desk.tries == 5 + 4
    tries = 0

    def second_time(event: Event) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ValueError

    run(city, second_time, system="other", retries=1)
    assert tries == 7
    assert waiting(city, "other") == []


@pytest.mark.parametrize(
    "error",
    [
        hutong.Unavailable("away"),
        hutong.Unconfirmed("who knows"),
        hutong.KeyPending("soon"),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_passes_by_waiting_parks_nothing(city: TwinCity, error: Exception, wrapped: bool) -> None:
    """However long it takes, and also where the program raised an error of its own from it."""
    [one] = lives(city, 1)
    desk, outages = Desk(), 0

    def handle(event: Event) -> None:
        nonlocal outages
        if event.type == LIFE[2] and outages < 8:
            outages += 1
            if wrapped:
                raise RuntimeError("could not answer") from error
            raise error
        desk(event)

    run(city, handle)
    assert (outages, desk.of(one)) == (8, [*LIFE])
    assert door(city, topic_of(WATER)) == []


@pytest.mark.parametrize("error", [hutong.Refused("not_allowed", "no"), hutong.InvalidEvent("wrong_type", "no")])
def test_the_bus_saying_no_is_a_failure_like_any_other(city: TwinCity, error: Exception) -> None:
    """A refused submit, or an invalid event, inside the block parks the ticket; the system goes on."""
    one, _ = lives(city, 2)

    def handle(event: Event) -> None:
        if event.ticket == one:
            raise error

    run(city, handle)
    assert {ticket for ticket, _ in waiting(city)} == {one}


@pytest.mark.parametrize("error", [hutong.UnknownOutcome("?"), hutong.Fenced("?"), KeyboardInterrupt(), SystemExit(3)])
def test_what_ends_the_system_parks_nothing(city: TwinCity, error: BaseException) -> None:
    """The bus's other fates and what is no Exception pass through; the event comes again."""
    [one] = lives(city, 1)

    def handle(event: Event) -> None:
        if event.type == LIFE[2]:
            raise error

    with pytest.raises(type(error)):
        run(city, handle)
    assert door(city, topic_of(WATER)) == []
    desk = Desk()
    run(city, desk)
    assert desk.of(one) == [*LIFE[2:]]


@pytest.mark.parametrize("error", [hutong.Unconfirmed("?"), hutong.Unavailable("?"), hutong.SettingsError("?")])
def test_a_dead_letter_that_cannot_be_written_ends_the_system_without_a_commit(
    city: TwinCity, error: Exception
) -> None:
    """The failing event, and everything since the last commit, comes again; nothing is behind the mark unhandled."""
    one, two = lives(city, 2)
    desk, wire = Desk((one, LIFE[2])), Wire(city.transport)
    wire.refuse = error
    with pytest.raises(type(error)) as caught:
        run(city, desk, wire=wire)
    assert "dead letter" in caught.value.__notes__[0]
    assert wire.late == 0
    assert door(city, topic_of(WATER)) == []
    desk.poison.clear()
    run(city, desk)
    assert (desk.of(one), desk.of(two)) == ([*LIFE], [*LIFE])


def test_more_failures_than_the_share_stop_the_system(city: TwinCity) -> None:
    """With 3 of 100 allowed the fourth failing event stops it, is not parked, and stops every restart, too."""
    tickets = lives(city, 6)
    desk = Desk(*((ticket, LIFE[0]) for ticket in tickets))
    with pytest.raises(hutong.TooManyDeadLetters, match=r"HUTONG_DEADLETTER_SHARE=0\.03"):
        run(city, desk, deadletter_share=0.03)
    parked = {ticket for ticket, _ in waiting(city)}
    assert len(parked) == 3
    for _ in range(2):
        with pytest.raises(hutong.TooManyDeadLetters):
            run(city, desk, deadletter_share=0.03)
    assert {ticket for ticket, _ in waiting(city)} == parked
    desk.poison.clear()
    run(city, desk, deadletter_share=0.03)
    assert all(desk.of(ticket) == [*LIFE] for ticket in set(tickets) - parked)


def test_a_share_of_all_never_stops_the_system(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """HUTONG_DEADLETTER_SHARE=1: also where every one of the last deliveries failed, and the next one does."""
    monkeypatch.setattr("hutong.subscribing.subscription.WINDOW", 2)
    tickets = lives(city, 5)
    run(city, Desk(*((ticket, LIFE[0]) for ticket in tickets)), deadletter_share=1)
    assert {ticket for ticket, _ in waiting(city)} == set(tickets)


def test_a_position_without_marks_is_named(city: TwinCity) -> None:
    """Another tool has set the group's position: the system says which, and what to do."""
    lives(city, 1)
    reader = city.transport.consumer(client_id="tool", group=f"{WATER}.desk")
    reader.assign([Partition(f"deliveries.{WATER}", 0)])
    reader.commit({Partition(f"deliveries.{WATER}", 0): Position(offset=3)})
    with pytest.raises(hutong.SettingsError, match=f"position of group {WATER}.desk on deliveries.{WATER}/0 .* Delete"):
        run(city, Desk())


def test_a_share_of_nothing_parks_nothing(city: TwinCity) -> None:
    """HUTONG_DEADLETTER_SHARE=0: the first failing event stops the system."""
    [one] = lives(city, 1)
    with pytest.raises(hutong.TooManyDeadLetters):
        run(city, Desk((one, LIFE[0])), deadletter_share=0)
    assert door(city, topic_of(WATER)) == []


def test_a_refused_event_is_parked_like_any_other(city: TwinCity) -> None:
    """Its headers may be anything, also those of a letter; released, it comes as it was delivered."""
    water = city.connect(WATER, system="author")
    [signed] = water._signing().sign([water.draft(disposition.Accepted(), ticket=f"{CITY}-20260131-0G7XK2M9QZ")])
    record = signed.record()
    hostile = (("system", b"desk"), ("control", b"{}"), ("\\xff", b""))
    city.transport.producer(client_id="x").send([replace(record, headers=(*record.headers, *hostile))], timeout=1)
    city.transport.producer(client_id="x").send([record], timeout=1)
    city.pump()
    refused: list[Event] = []

    def failing(event: Event) -> None:
        refused.append(event)
        raise ValueError

    run(city, failing)
    assert len(waiting(city)) > 0
    before = len(refused)
    control(city, "release", record.key.decode() if record.key else "")
    run(city, refused.append)
    assert waiting(city) == []
    assert {event.fingerprint for event in refused[before:]} >= {refused[0].fingerprint}
    assert refused[before].refusal == refused[0].refusal


def test_the_journal_says_what_was_parked_and_what_came_out_again(city: TwinCity) -> None:
    """One line for each letter, after it is acknowledged; a letter handled later says so."""
    [one] = lives(city, 1)
    desk = Desk((one, LIFE[4]))
    run(city, desk)
    desk.poison.clear()
    control(city, "release", one)
    run(city, desk)
    path = city.home / "journal" / f"{WATER}.desk.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["what"], line["n"], line.get("letter", False)) for line in lines] == [
        *(("handled", n, False) for n in (1, 2, 3, 4)),
        ("parked", 5, False),
        ("parked", 6, False),
        ("handled", 5, True),
        ("handled", 6, True),
    ]
    assert lines[4]["fingerprint"] == lines[6]["fingerprint"]


# -- crashes --------------------------------------------------------------------------------------------------------


def script(city: TwinCity, system: str, tickets: list[str], cut_at: int | None) -> tuple[Desk, int]:
    """A ticket is parked, released, parked again at a later event, and released; the process is killed at one step of
    all this, and started again. What was handled, and how many steps there were."""
    one = tickets[0]
    desk, steps = Desk(), 0
    for poison in ((one, LIFE[1]), (one, LIFE[3]), None):
        desk.poison = {poison} if poison else set()
        left = None if cut_at is None else cut_at - steps
        wire = Wire(city.transport, cut_at=left if left is not None and left > 0 else None)
        try:
            run(city, desk, wire=wire, system=system)
        except Cut:
            run(city, desk, system=system)
        steps += wire.steps
        control(city, "release", one, system=system)
    return desk, steps


def test_whatever_step_it_is_killed_at_nothing_is_lost_and_order_is_kept(city: TwinCity) -> None:
    """At every step there is: each event handled in its ticket's order, and none again but those not yet committed."""
    tickets = lives(city, 2)
    desk, steps = script(city, "whole", tickets, None)
    assert all(desk.of(ticket) == [*LIFE] for ticket in tickets)
    assert steps > 20
    for cut_at in range(1, steps + 1):
        desk, _ = script(city, f"cut{cut_at}", tickets, cut_at)
        for ticket in tickets:
            handled = desk.of(ticket)
            assert list(dict.fromkeys(handled)) == [*LIFE], f"killed at step {cut_at}"
            assert list(dict.fromkeys(reversed(handled))) == [*reversed(LIFE)], f"killed at step {cut_at}"
        assert waiting(city, f"cut{cut_at}") == []


def test_an_event_handled_before_a_crash_does_not_go_behind_its_successor(city: TwinCity) -> None:
    """Killed right after a letter was written, before the batch's commit: its ticket's earlier events were committed
    before the letter, so they do not come again and queue up behind it."""
    [one] = lives(city, 1)
    desk, wire = Desk((one, LIFE[3])), Wire(city.transport)
    producer = wire.producer

    class Dying:
        def send(self, records: list[hutong.transport.Outgoing], *, timeout: float) -> object:
            placed = producer(client_id="x").send(records, timeout=timeout)
            wire.cut_at = wire.steps
            return placed

        def close(self) -> None:
            pass

    wire.producer = lambda *, client_id: Dying()  # type: ignore[method-assign]
    with pytest.raises(Cut):
        run(city, desk, wire=wire)
    desk.poison.clear()
    run(city, desk)
    assert desk.of(one) == [*LIFE[:3]]
    assert waiting(city) == [(one, type_) for type_ in LIFE[3:]]


def test_a_letter_handled_before_its_mark_was_committed_is_not_given_again(city: TwinCity) -> None:
    """Commits were lost since before the letters, which were released and handled meanwhile: the door brings the events
    again, and their letters, though over, say that they are done."""
    [one] = lives(city, 1)
    desk, place = Desk((one, LIFE[2])), Partition(f"deliveries.{WATER}", 0)
    run(city, desk)
    desk.poison.clear()
    control(city, "release", one)
    run(city, desk)
    assert desk.of(one) == [*LIFE]
    marks, third = Marks(), door(city)[2]
    marks.handled(DeliveryStamp.from_bytes(dict(door(city)[1].headers)["delivery"]))
    operator = city.transport.consumer(client_id="operator", group=f"{WATER}.desk", instance="desk")
    operator.subscribe([place.topic])
    operator.poll(0)
    assert operator.commit({place: Position(offset=third.offset, metadata=marks.encode())})
    run(city, desk)
    assert desk.of(one) == [*LIFE]


# -- several instances ----------------------------------------------------------------------------------------------


@pytest.fixture
def wide(tmp_path: object, city: TwinCity) -> Iterator[TwinCity]:
    """A city whose water utility's door has two partitions."""
    with TwinCity(city.home / "wide") as made:
        made.register(WATER, level="utility", partitions=2)
        yield made


def both_partitions(city: TwinCity) -> dict[int, str]:
    """A ticket on each partition of the door, with its whole life."""
    for _ in range(20):
        lives(city, 1)
        found = {record.partition: (record.key or b"").decode() for record in door(city)}
        if len(found) == 2:
            return found
    raise AssertionError("all tickets on one partition")


def test_the_parked_tickets_are_known_to_whoever_takes_their_partition(wide: TwinCity) -> None:
    """One instance parks, another joins and gets one of its two partitions: it gives nothing of the ticket parked
    there, until that is released; then all of it, and nothing of the other partition."""
    tickets = both_partitions(wide)
    desk, other = Desk(*((ticket, LIFE[0]) for ticket in tickets.values())), Desk()
    run(wide, desk, instance="a")
    assert set(tickets.values()) <= {ticket for ticket, _ in waiting(wide)}
    keeps_its_place = wide.transport.consumer(client_id="a", group=f"{WATER}.desk", instance="a")
    keeps_its_place.subscribe([f"deliveries.{WATER}"])
    keeps_its_place.poll(0)
    run(wide, other, instance="b")
    assert other.seen == []
    for ticket in tickets.values():
        control(wide, "release", ticket)
    run(wide, other, instance="b")
    assert (other.of(tickets[0]), other.of(tickets[1])) == ([], [*LIFE])
    assert tickets[1] not in {ticket for ticket, _ in waiting(wide)}


def test_an_instance_that_lost_its_partition_parks_nothing_there(wide: TwinCity) -> None:
    """Its event fails after another took the partition over: the other one is given it, and no letter is written."""
    tickets = both_partitions(wide)
    other, took = Desk(), False
    desk = Desk()

    def handle(event: Event) -> None:
        nonlocal took
        if event.ticket == tickets[1] and not took:
            took = True
            run(wide, other, instance="b")
            raise ValueError("fails late")
        desk(event)

    run(wide, handle, instance="a")
    assert took
    assert other.of(tickets[1]) == [*LIFE]
    assert desk.of(tickets[1]) == []
    assert door(wide, topic_of(WATER)) == []


def test_a_zombies_letter_counts_for_nothing(city: TwinCity) -> None:
    """Somebody who no longer owns the partition writes a letter after it was taken over: it is marked as overtaken, and
    the owner handles the event."""
    [one] = lives(city, 1)
    desk = Desk()
    originals = door(city)
    failure = Failure(reason="late", stack="", first_ms=1, last_ms=1, tries=1)

    def handle(event: Event) -> None:
        if event.type == LIFE[1]:
            letter = letter_record(originals[3], topic=topic_of(WATER), system="desk", writer="zombie", failure=failure)
            city.transport.producer(client_id="zombie").send([letter], timeout=1)
        desk(event)

    run(city, handle)
    assert desk.of(one) == [*LIFE]
    assert waiting(city) == []
    assert fold(city).done == []
    run(city, desk, system="desk")
    assert desk.of(one) == [*LIFE]


def test_a_zombies_letter_waits_for_the_proof_of_ownership(city: TwinCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes for an event that is still to be given, while commits fail: until one succeeds the letter counts for
    nothing, so the event is given out."""
    [one] = lives(city, 1)
    desk, originals, commits = Desk(), door(city), MemoryReader.commit
    failure = Failure(reason="late", stack="", first_ms=1, last_ms=1, tries=1)
    failing = 0

    def commit(reader: MemoryReader, positions: Mapping[Partition, Position]) -> bool:
        nonlocal failing
        if failing:
            failing -= 1
            raise hutong.Unavailable("the coordinator is away")
        return commits(reader, positions)

    def handle(event: Event) -> None:
        nonlocal failing
        desk(event)
        if event.type == LIFE[2]:
            letter = letter_record(originals[3], topic=topic_of(WATER), system="desk", writer="zombie", failure=failure)
            city.transport.producer(client_id="zombie").send([letter], timeout=1)
            failing = 2  # the batch's own, and the one that is to prove ownership

    monkeypatch.setattr(MemoryReader, "commit", commit)
    monkeypatch.setattr("hutong.subscribing.subscription.Loop", lambda *a, **k: Loop(*a, **{**k, "max_records": 1}))
    run(city, handle)
    run(city, desk)
    assert desk.of(one) == [*LIFE]
    assert waiting(city) == []
