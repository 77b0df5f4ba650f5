"""The outbox: what is stored is sent later, in order, once."""

from __future__ import annotations

import json
import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import hutong
from hutong import disposition
from hutong.errors import SettingsError, Unavailable, Unconfirmed
from hutong.submitting.outbox_rows import look
from hutong.testing import MemoryTransport
from hutong.transport import Outgoing, Partition, Placed, Producer, Record
from hutong.transport.partition import partition_of
from tests.cities import CITY, TwinCity
from tests.client.cli import Command
from tests.client.desk import DISPATCHED, FILED, WATER, dispatched, take


class Link(MemoryTransport):
    """A department's link to a city: while ``down`` nothing passes; ``swallow`` loses so many acknowledgements; the
    next batch is cut off behind ``cut`` records, and not acknowledged; a send is answered once ``answers`` is set."""

    def __init__(self, city: TwinCity) -> None:
        self.city = city
        self.down = False
        self.swallow = 0
        self.cut: int | None = None
        self.answers = threading.Event()
        self.answers.set()
        self.sent: list[list[Outgoing]] = []

    def check(self) -> None:
        if self.down:
            raise Unavailable("the link is down")

    def producer(self, *, client_id: str) -> Any:
        self.check()
        return _Wire(self.city.transport.producer(client_id=client_id), self)

    def consumer(self, **given: Any) -> Any:
        self.check()
        return self.city.transport.consumer(**given)

    def topics(self) -> dict[str, int]:
        self.check()
        return self.city.transport.topics()


class _Wire:
    def __init__(self, inner: Producer, link: Link) -> None:
        self.inner = inner
        self.link = link

    def send(self, records: Sequence[Outgoing], *, timeout: float) -> list[Placed]:
        self.link.check()
        self.link.sent.append(list(records))
        if self.link.cut is not None:
            some, self.link.cut = list(records)[: self.link.cut], None
            self.inner.send(some, timeout=timeout)
            raise Unconfirmed("no answer")
        placed = self.inner.send(records, timeout=timeout)
        assert self.link.answers.wait(20)
        if self.link.swallow:
            self.link.swallow -= 1
            raise Unconfirmed("no answer")
        return placed

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def link(city: TwinCity) -> Link:
    """A link to a city whose services work only when the test's own thread lets them."""
    city.lively = False
    return Link(city)


def connect(city: TwinCity, link: Link, organisation: str = CITY, **given: Any) -> hutong.Bus:
    """A bus with an outbox, over this link."""
    settings = city.settings(organisation, outbox=city.home / f"{organisation}.outbox", **given)
    return hutong.connect("test", settings, transport=link)


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for it, at most so long."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def empty(bus: hutong.Bus) -> None:
    """Wait until nothing waits in the outbox."""
    assert bus.courier is not None
    assert bus.courier.drain(time.monotonic() + 10) == 0


def ledger(city: TwinCity) -> list[hutong.Event]:
    """What is admitted once the services have done all they can."""
    city.pump()
    return list(city.connect(CITY).replay())


def submissions(city: TwinCity) -> list[Record]:
    """Every record on ``submissions``."""
    consumer = city.transport.consumer(client_id="test")
    consumer.assign([Partition("submissions", 0), Partition("submissions", 1)])
    for number in (0, 1):
        consumer.seek(Partition("submissions", number), 0)
    return [record for records in consumer.poll(0.1, 10_000).values() for record in records]


def test_stored_while_the_link_is_down_and_sent_in_order_once_it_is_up(city: TwinCity, link: Link) -> None:
    """A whole ticket, stored without a broker, is on the ledger in its order, each event once."""
    link.down = True
    with connect(city, link) as bus:
        filed = bus.submit(FILED, wait="stored")
        bus.submit(DISPATCHED, ticket=filed.ticket, wait="stored")
        last = bus.submit(disposition.Closed(reason="resolved"), ticket=filed.ticket, wait="stored")
        assert (filed.stored, filed.partition, filed.offset) == (True, None, None)
        assert submissions(city) == []
        link.down = False
        empty(bus)
    assert [bytes(record.key or b"").decode() for record in submissions(city)] == [filed.ticket] * 3
    assert [dict(record.headers)["ce_id"].decode() for record in submissions(city)][-1] == last.id
    assert [event.type for event in ledger(city)] == [FILED.TYPE, DISPATCHED.TYPE]  # closing came too early: refused


def test_what_waits_is_sent_by_the_next_start(city: TwinCity, link: Link) -> None:
    """Closed while the link is down, the outbox keeps all; the next bus sends it before what is new."""
    link.down = True
    with connect(city, link) as bus:
        first = bus.submit(FILED, wait="stored")
    assert [row.id for row in look(city.home / f"{CITY}.outbox").waiting] == [first.id]
    link.down = False
    with connect(city, link) as bus:
        second = bus.submit(DISPATCHED, ticket=first.ticket)
        assert not second.stored
        assert second.offset is not None
    assert [event.id for event in ledger(city)] == [first.id, second.id]


def test_a_lost_acknowledgement_makes_no_second_entry(city: TwinCity, link: Link) -> None:
    """The same bytes are sent until they are acknowledged; the ledger has them once."""
    link.swallow = 2
    with connect(city, link) as bus:
        stored = bus.submit(FILED, wait="stored")
        empty(bus)
    assert len({tuple(batch) for batch in link.sent}) == 1 < len(link.sent)
    assert [event.fingerprint for event in ledger(city)] == [stored.fingerprint]


def test_a_tickets_events_stored_back_to_back_go_in_large_batches(city: TwinCity, link: Link) -> None:
    """Hundreds of one ticket and of others cost a handful of sends, not one for each repetition of a ticket."""
    link.down = True
    with connect(city, link) as bus:
        events = [bus.draft(FILED) for _ in range(150)]
        drafts = [each for filed in events for each in (filed, bus.draft(DISPATCHED, ticket=filed.ticket))]
        ids = [each.id for each in bus.submit_batch(drafts, wait="stored")]
        link.down = False
        empty(bus)
    assert len(link.sent) <= 4
    assert [dict(record.headers)["ce_id"].decode() for batch in link.sent for record in batch] == ids


@pytest.mark.parametrize("cut", [0, 1, 2, 5, 6])
def test_a_batch_cut_in_the_middle_and_repeated_keeps_each_tickets_order(city: TwinCity, link: Link, cut: int) -> None:
    """Two tickets' lives in one batch, of which a part was written and nothing acknowledged: the whole is sent again,
    and the ledger has each event once, in the order of storing; a refused step stays refused."""
    link.down = True
    with connect(city, link) as bus:
        wishes: list[hutong.Submitted] = []
        for _ in range(2):
            filed = bus.submit(FILED, wait="stored")
            called = disposition.CalledBack(contacted=True, resolved=True)
            wishes += [filed, *(bus.submit(d, ticket=filed.ticket, wait="stored") for d in (called, DISPATCHED))]
        link.cut = cut
        link.down = False
        empty(bus)
    assert [len(batch) for batch in link.sent] == [6, 6]
    assert link.sent[0] == link.sent[1]
    found = ledger(city)
    for filed, early, dispatched_ in (wishes[:3], wishes[3:]):
        assert [each.id for each in found if each.ticket == filed.ticket] == [filed.id, dispatched_.id]
        assert early.id not in {each.id for each in found}


def test_a_batch_fits_into_one_write_of_each_partition(city: TwinCity, link: Link) -> None:
    """Order within a partition holds because the producer writes what it is given for it at once: so a batch is bounded
    in bytes, and a large event goes alone."""
    link.down = True
    with connect(city, link) as bus:
        ticket = bus.submit(FILED, wait="stored").ticket
        for length in (20_000, 20_000, 60_000, 60_000, 60_000, 80_000):
            bus.submit(reporting(length), ticket=ticket, wait="stored")
        bus.submit(DISPATCHED, ticket=ticket, wait="stored")
        link.down = False
        empty(bus)
    assert [len(batch) for batch in link.sent] == [5, 1, 1, 1]


def reporting(length: int) -> disposition.Resolved:
    """An event of about so many bytes."""
    return disposition.Resolved(report=hutong.Clear("x" * length))


def test_an_event_that_the_topic_refuses_for_its_size_holds_back_what_follows_until_it_is_taken(
    city: TwinCity, link: Link
) -> None:
    """What stood before it is sent, the error names it and the way out; its ticket's next event is not sent before it;
    when the topic takes it, all goes on by itself."""
    link.down = True
    with connect(city, link) as bus:
        before = [bus.submit(FILED, wait="stored").ticket for _ in range(3)]
        large = bus.submit(reporting(100_000), ticket=before[0], wait="stored")
        bus.submit(DISPATCHED, ticket=before[0], wait="stored")
        city.transport.configure("submissions", max_message_bytes="90000")
        link.down = False
        courier = bus.courier
        assert courier is not None
        until(lambda: isinstance(courier.trouble, hutong.InvalidEvent))
        assert f"event {large.id}" in str(courier.trouble)
        assert f"hutong outbox drop {large.id}" in str(courier.trouble)
        assert [(record.key or b"").decode() for record in submissions(city)] == sorted_by_partition(before)
        city.transport.configure("submissions", max_message_bytes="1000000")
        empty(bus)
    assert len(submissions(city)) == 5


def sorted_by_partition(tickets: list[str]) -> list[str]:
    """As :func:`submissions` reads them."""
    return sorted(tickets, key=lambda ticket: partition_of(ticket.encode(), 2))


def test_one_refused_event_of_a_batch_is_found_and_the_others_before_it_are_sent(city: TwinCity, link: Link) -> None:
    """The broker does not say which of a batch it refuses; alone it is named."""
    link.down = True
    with connect(city, link) as bus:
        for _ in range(5):
            bus.submit(FILED, wait="stored")
        large = bus.submit(reporting(40_000), ticket=bus.submit(FILED, wait="stored").ticket, wait="stored")
        city.transport.configure("submissions", max_message_bytes="30000")
        link.down = False
        courier = bus.courier
        assert courier is not None
        until(lambda: f"event {large.id}" in str(courier.trouble))
        assert courier.waiting == 1
        assert len(submissions(city)) == 6


def test_an_acknowledged_submit_goes_behind_what_waits(city: TwinCity, link: Link) -> None:
    """With the link down it is Unconfirmed in its time, and stored: it is sent later behind the older one."""
    link.down = True
    with connect(city, link) as bus:
        first = bus.submit(FILED, wait="stored")
        began = time.monotonic()
        with pytest.raises(Unconfirmed, match="link is down") as caught:
            bus.submit(DISPATCHED, ticket=first.ticket, timeout=0.5)
        assert time.monotonic() - began < 1.5
        [second] = caught.value.events
        assert isinstance(second, hutong.Signed)
        link.down = False
        empty(bus)
        assert not bus.resend([second])[0].stored
    assert [event.id for event in ledger(city)] == [first.id, second.id]


def test_an_admitted_submit_without_a_broker_stores_nothing(city: TwinCity, link: Link) -> None:
    """Its receipt could not be read: nothing was stored, and trying again is safe."""
    link.down = True
    with connect(city, link) as bus:
        with pytest.raises(Unavailable):
            bus.submit(FILED, wait="admitted", timeout=1)
        assert bus.courier is not None
        assert bus.courier.waiting == 0


def test_a_wish_uttered_again_while_it_waits_is_stored_once(city: TwinCity, link: Link) -> None:
    """A crash between store and mark makes the same event again: the one that waits stands for both."""
    ticket = dispatched_quietly(city)
    water = connect(city, link, WATER)
    seen: list[hutong.Submitted] = []
    for event in water.subscribe(types=[disposition.Dispatched]):
        link.down = True
        with event:
            for _ in range(2):
                event.handling.submitted = 0  # type: ignore[union-attr]
                seen.append(water.submit(disposition.Accepted(), answers=event, wait="stored"))
        break
    assert seen[0].fingerprint == seen[1].fingerprint
    link.down = False
    empty(water)
    water.close()
    types = [event.type for event in ledger(city) if event.ticket == ticket]
    assert types.count(disposition.Accepted.TYPE) == 1


def dispatched_quietly(city: TwinCity) -> str:
    """A dispatched ticket, made while the city was lively."""
    city.lively = True
    ticket = dispatched(city)
    city.lively = False
    return ticket


def test_a_full_outbox_says_so_and_stores_nothing(city: TwinCity, link: Link) -> None:
    """All of a batch or none of it; HUTONG_OUTBOX_LIMIT is named."""
    link.down = True
    with connect(city, link, outbox_limit=2) as bus:
        bus.submit(FILED, wait="stored")
        with pytest.raises(Unavailable, match="HUTONG_OUTBOX_LIMIT"):
            bus.submit_batch([bus.draft(FILED), bus.draft(FILED)], wait="stored")
        assert bus.courier is not None
        assert bus.courier.waiting == 1


def test_one_program_at_a_time_sends_from_an_outbox(city: TwinCity, link: Link) -> None:
    """The second is told so; when the first has ended it may."""
    with connect(city, link), pytest.raises(SettingsError, match="in use by another program"):
        connect(city, link)
    connect(city, link).close()


def test_closed_in_the_middle_of_a_send_it_ends_well(
    city: TwinCity, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The send gets no answer until after close() returned: until then the outbox is in use; its answer then counts, in
    the journal too, and nothing is sent again."""
    monkeypatch.setattr("hutong.submitting.courier.CLOSING_SECONDS", -0.9)  # seconds, and one more to join
    link.answers.clear()
    with connect(city, link) as bus:
        bus.submit(FILED, wait="stored")
        until(lambda: bool(link.sent))
    with pytest.raises(SettingsError, match="try again in 10 s"):
        connect(city, link)
    link.answers.set()
    assert bus.courier is not None
    bus.courier._thread.join(10)
    assert look(city.home / f"{CITY}.outbox").waiting == ()
    journal = city.home / "journal" / f"{CITY}.test.jsonl"
    assert [json.loads(text)["what"] for text in journal.read_text().splitlines()] == ["sent", "acknowledged"]
    connect(city, link).close()
    assert len(link.sent) == 1


def test_an_outbox_belongs_to_one_organisation(city: TwinCity, link: Link) -> None:
    """Opened by another it is refused, since its events are signed by the first."""
    connect(city, link).close()
    settings = city.settings(WATER, outbox=city.home / f"{CITY}.outbox")
    with pytest.raises(SettingsError, match="is of organisation 110000"):
        hutong.connect("test", settings, transport=link)


def test_damage_is_noticed_and_nothing_behind_it_is_sent(city: TwinCity, link: Link) -> None:
    """A byte that changed on the disk is no event; the program hears of it at its next submit."""
    link.down = True
    with connect(city, link) as bus:
        bus.submit(FILED, wait="stored")
        bus.submit(FILED, wait="stored")
    path = city.home / f"{CITY}.outbox"
    with sqlite3.connect(path) as database:
        database.execute("update waiting set value = x'00' where place = 1")
    link.down = False
    with connect(city, link) as bus:
        until(lambda: bus.courier is not None and bus.courier.trouble is not None)
        with pytest.raises(SettingsError, match=r"event 1 .* is not as it was stored"):
            bus.submit(FILED, wait="stored")
    assert link.sent == []
    assert [row.damaged for row in look(path).waiting] == [True, False]


def test_storing_on_a_full_disk_says_so_and_nothing_claims_to_be_stored(city: TwinCity, link: Link) -> None:
    """What was returned as stored is there, in order, once; what raised is not; with room again it goes on."""
    link.down = True
    with connect(city, link) as bus:
        stored = [bus.submit(FILED, wait="stored").id]
        ticket = stored_ticket(city)
        with file_limit(256 * 1024), pytest.raises(Unavailable, match=r"disk full\? Nothing was stored"):
            stored += (bus.submit(reporting(2000), ticket=ticket, wait="stored").id for _ in range(500))
        assert bus.courier is not None
        assert bus.courier.waiting == len(stored) < 500
        assert [row.id for row in look(city.home / f"{CITY}.outbox").waiting] == stored
        stored.append(bus.submit(FILED, wait="stored").id)
    assert [row.id for row in look(city.home / f"{CITY}.outbox").waiting] == stored


def stored_ticket(city: TwinCity) -> str:
    """The ticket of the first event that waits."""
    return look(city.home / f"{CITY}.outbox").waiting[0].ticket


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Within the block no file of this process grows beyond ``size``: a full disk. Python ignores the signal."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_while_sending_does_not_end_the_sending(city: TwinCity, link: Link) -> None:
    """What was sent cannot be taken out: it is sent again until it can, and the ledger has it once."""
    link.down = True
    with connect(city, link) as bus:
        courier = bus.courier
        assert courier is not None
        stored = bus.submit(FILED, wait="stored")
        with file_limit(4096):
            link.down = False
            until(lambda: "disk full" in str(courier.trouble))
            assert courier.waiting == 1
        empty(bus)
    assert len(link.sent) > 1
    assert [event.id for event in ledger(city)] == [stored.id]


def test_a_refusal_after_storing_comes_back_through_the_door(city: TwinCity, link: Link) -> None:
    """Storing is no promise of admission; ``subscribe(refusals=True)`` tells, with the event's own id and bytes."""
    link.down = True
    with connect(city, link) as bus:
        filed = bus.submit(FILED, wait="stored")
        early = bus.submit(disposition.CalledBack(contacted=True, resolved=True), ticket=filed.ticket, wait="stored")
        assert (early.stored, early.refused) == (True, False)
        link.down = False
        empty(bus)
        city.pump()
        for event in bus.subscribe(refusals=True, receipts=True):
            with event:
                if event.refusal is not None:
                    break
        assert (event.id, event.fingerprint) == (early.id, early.fingerprint)
        assert event.refusal is not None
        assert event.refusal.code == "not_allowed"


def test_subscribing_while_the_broker_is_away_is_unavailable_and_later_works(city: TwinCity, link: Link) -> None:
    """Connecting and storing need no broker, deliveries do; the same bus subscribes once it is back."""
    ticket = dispatched_quietly(city)
    link.down = True
    with connect(city, link, WATER) as bus:
        with pytest.raises(Unavailable):
            bus.subscribe()
        with pytest.raises(Unavailable):
            _ = bus.directory
        bus.submit(disposition.Accepted(), ticket=ticket, wait="stored")
        link.down = False
        assert [event.ticket for event in take(bus.subscribe(types=[disposition.Dispatched]), 1)] == [ticket]


def test_stored_needs_an_outbox(city: TwinCity) -> None:
    """Without one, nothing is promised."""
    with pytest.raises(SettingsError, match="HUTONG_OUTBOX"):
        city.connect(CITY).submit(FILED, wait="stored")


def test_nothing_turns_while_nothing_waits(city: TwinCity, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the link is down, attempts grow rare; there is no busy loop."""
    link.down = True
    tries: list[float] = []

    def check() -> None:
        tries.append(time.monotonic())
        raise Unavailable("down")

    monkeypatch.setattr(link, "check", check)
    with connect(city, link) as bus:
        threading.Event().wait(0.3)
        assert tries == []
        bus.submit(FILED, wait="stored")
        until(lambda: len(tries) == 4)
        assert tries[-1] - tries[0] >= 1.3  # pauses of 0.2, 0.4 and 0.8 s


def test_the_command_lists_and_sends_what_waits(command: Command, cli_city: TwinCity, tmp_path: Path) -> None:
    """``submit --wait stored``, then ``outbox list`` and ``outbox send``; wrong files end with 2."""
    file = str(tmp_path / "desk.outbox")
    command.run(CITY, "outbox", "list", code=2)
    command.run(CITY, "outbox", "send", "--file", file, code=2)
    cli_city.lively = False
    link = Link(cli_city)
    link.down = True
    variables = {"HUTONG_OUTBOX": file}
    with hutong.connect("x", cli_city.settings(CITY, outbox=file), transport=link) as bus:
        stored = bus.submit(FILED, wait="stored")
        listed = command.json(CITY, "outbox", "list", "--file", file)
        assert [(each["ticket"], each["fingerprint"]) for each in listed] == [(stored.ticket, stored.fingerprint.hex())]
        command.run(CITY, "outbox", "send", code=2, variables=variables)
    assert command.json(CITY, "outbox", "send", "--file", file) == [{"waited": 1, "left": 0, "trouble": None}]
    assert command.json(CITY, "outbox", "list", "--file", file) == []
    assert [event.id for event in ledger(cli_city)] == [stored.id]


def test_the_command_drops_one_event_and_keeps_it_with_the_reason(
    command: Command, cli_city: TwinCity, tmp_path: Path
) -> None:
    """A damaged event is listed as such and dropped by its place or id; the rest is then sent; the list tells why."""
    file, link = str(tmp_path / "desk.outbox"), Link(cli_city)
    cli_city.lively = False
    link.down = True
    with hutong.connect("x", cli_city.settings(CITY, outbox=file), transport=link) as bus:
        first, second, third = (bus.submit(FILED, wait="stored") for _ in range(3))
        command.run(CITY, "outbox", "drop", first.id, "--file", file, "--reason", "x", code=2)  # it is in use
    with sqlite3.connect(file) as database:
        database.execute("update waiting set value = x'00' where place = 1")
    listed = command.json(CITY, "outbox", "list", "--file", file)
    assert [(each["id"], each["state"]) for each in listed] == [
        (first.id, "damaged"),
        (second.id, "waiting"),
        (third.id, "waiting"),
    ]
    assert "DAMAGED" in command.run(CITY, "outbox", "list", "--file", file).stdout
    failed = command.run(CITY, "outbox", "send", "--file", file, code=2)
    assert "hutong outbox drop 1" in " ".join(failed.output.split())
    command.run(CITY, "outbox", "drop", first.id, "--file", file, code=2)  # no reason
    command.run(CITY, "outbox", "drop", first.id, "--file", file, "--reason", " ", code=2)
    command.run(CITY, "outbox", "drop", "17", "--file", file, "--reason", "x", code=2)
    command.run(CITY, "outbox", "drop", "1", "--file", file, "--reason", "disk fault")
    [dropped] = command.json(CITY, "outbox", "drop", second.id, "--file", file, "--reason", "said wrongly")
    assert (dropped["place"], dropped["state"]) == (2, "dropped")
    assert command.json(CITY, "outbox", "send", "--file", file) == [{"waited": 1, "left": 0, "trouble": None}]
    listed = command.json(CITY, "outbox", "list", "--file", file)
    assert [(each["id"], each["state"], each["reason"]) for each in listed] == [
        (first.id, "dropped", "disk fault"),
        (second.id, "dropped", "said wrongly"),
    ]
    assert "disk fault" in command.run(CITY, "outbox", "list", "--file", file).stdout
    assert [event.id for event in ledger(cli_city)] == [third.id]
