"""Admit: one outcome for each submission, one entry for each identity, whatever ends in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import hutong
from hutong import complaint, disposition
from hutong.errors import Fenced, OutOfRange, Refused, SettingsError, Unavailable, UnknownOutcome
from hutong.event import Event, read_event
from hutong.transport import Outgoing, Partition, Position, Record
from hutong.transport.memory.reader import MemoryReader
from hutong.wire.stamps import SubmissionStamp
from services.admit.handler import MAX_TEXT
from tests.cities import CITY, TwinCity

FILED = complaint.Filed(
    kind=complaint.Kind.COMPLAINT, channel="phone", category="public_service/water/quality", area="110105026"
)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TwinCity]:
    with TwinCity(tmp_path) as made:
        made.register("110000.water")
        yield made


def records(city: TwinCity, topic: str) -> list[Record]:
    """All committed records of a topic with two partitions."""
    consumer = city.transport.consumer(client_id="raw")
    places = [Partition(topic, number) for number in range(2)]
    consumer.assign(places)
    for place in places:
        consumer.seek(place, 0)
    return [record for some in consumer.poll(0, 10_000).values() for record in some]


def entries(city: TwinCity) -> list[Event]:
    return [read_event(record, city.connect(CITY).codec, "test") for record in records(city, "ledger")]


def test_the_same_bytes_sent_again_are_admitted_once(city: TwinCity) -> None:
    """Sent twice, or again after a takeover, a signed event is one entry and no refusal."""
    hotline = city.connect(CITY)
    with city.asleep():
        signed = hotline._signing().sign([hotline.draft(FILED)])
        hotline.resend(signed)
        hotline.resend(signed)
    city.take_over()
    hotline.resend(signed)
    assert [event.fingerprint for event in entries(city)] == [signed[0].fingerprint]
    assert records(city, "refusals") == []


def test_an_end_told_by_a_broker_left_behind_admits_nothing_again(
    city: TwinCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who takes over may ask a broker that is cut off from the others: it tells an end of long ago. It is not believed:
    the end of a log is where the new owner's own sweep came to lie."""
    hotline = city.connect(CITY)
    before = [event.fingerprint for event in _some(city, hotline, 3)]
    told = MemoryReader.end

    def stale(reader: MemoryReader, place: Partition) -> int:
        behind = reader._self.name.startswith("admit") and place.topic != "submissions"
        return 0 if behind else told(reader, place)

    with monkeypatch.context() as cut:
        cut.setattr(MemoryReader, "end", stale)
        city.take_over()
        sent = records(city, "submissions")
        again = [
            Outgoing(topic=r.topic, partition=r.partition, key=r.key, value=r.value, headers=r.headers) for r in sent
        ]
        city.transport.producer(client_id="again").send(again, timeout=1)
        city.pump()
    assert len(again) == 3
    assert [event.fingerprint for event in entries(city)] == before
    after = [event.fingerprint for event in _some(city, hotline, 6)]
    assert len(after) == len(set(after)) == 6


def test_an_entry_of_somebody_else_ends_admit(city: TwinCity) -> None:
    """What lies on the ledger between the sweep and the first own entry was not judged with: nothing is committed."""
    hotline = city.connect(CITY)
    _some(city, hotline, 3)
    city.take_over()
    foreign = [Outgoing(topic="ledger", partition=n, key=b"k", value=b"v") for n in range(2)]
    city.transport.hang("somebody", foreign)
    city.transport.transactional(client_id="somebody", transactional_id="somebody")  # aborts it, so deliver goes on
    count = len(records(city, "ledger"))
    with pytest.raises(UnknownOutcome, match="goes on at"):
        hotline.submit(FILED)
    assert len(records(city, "ledger")) == count


def _some(city: TwinCity, hotline: hutong.Bus, count: int) -> list[Event]:
    """The ledger, once it has ``count`` entries."""
    while len(found := entries(city)) < count:
        hotline.submit(FILED)
    return found


def test_the_first_of_an_identity_wins(city: TwinCity) -> None:
    """The same identity with other bytes is refused and names the entry, after a takeover too."""
    hotline = city.connect(CITY)
    moment = datetime.now(UTC)
    first = hotline.submit(FILED, once="row", time=moment, wait="admitted")
    city.take_over()
    second = hotline.submit_batch(
        [hotline.draft(FILED, once="row", time=moment + timedelta(seconds=1))], wait="admitted"
    )
    assert second[0].refusal is not None
    assert second[0].refusal.code == "already_admitted"
    assert "entry 1 of ledger" in second[0].refusal.text
    assert [event.fingerprint for event in entries(city)] == [first.fingerprint]


def test_a_takeover_goes_on_where_the_ledger_ends(city: TwinCity) -> None:
    """Sequences, times and states go on without a gap over ten takeovers in the middle of a life."""
    hotline, water = city.connect(CITY), city.connect("110000.water")
    tickets = [hotline.submit(FILED, wait="admitted").ticket for _ in range(5)]
    for ticket in tickets:
        hotline.submit(disposition.Dispatched(lead="110000.water"), ticket=ticket)
        city.take_over()
        water.submit(disposition.Accepted(), ticket=ticket)
        city.take_over()
    for number in range(2):
        stamps = [event.ledger for event in entries(city) if event.ledger and event.ledger.partition == number]
        assert [stamp.sequence for stamp in stamps] == list(range(1, len(stamps) + 1))
        assert [stamp.admitted_ms for stamp in stamps] == sorted(stamp.admitted_ms for stamp in stamps)
    assert len(entries(city)) == 15


def test_a_zombie_is_fenced_before_it_writes(city: TwinCity) -> None:
    """The former owner's next batch raises Fenced, and nothing of it is on the ledger."""
    zombie = city._shifts[0].owner
    hotline = city.connect(CITY)
    with city.asleep():
        for _ in range(8):
            hotline.submit(FILED)
        waiting = [record for record in records(city, "submissions") if record.partition == 0]
        city._shifts[0] = city._admit(0)
        with pytest.raises(Fenced):
            zombie.process(Partition("submissions", 0), waiting)
    assert len([event for event in entries(city) if event.position.partition == 0]) == len(waiting) > 0


def test_submissions_shorter_than_the_ledger_stop_admit(city: TwinCity) -> None:
    """A broker restored from an older copy is an operator's case, not admit's."""
    hotline = city.connect(CITY)
    hotline.submit(FILED)
    with city.asleep():
        owner = city._admit(0).owner
        owner._store.seen(SubmissionStamp(generation=1, partition=0, offset=10**6))  # type: ignore[attr-defined]
        with pytest.raises(SettingsError, match="restored from an older copy"):
            owner._next_offset()  # type: ignore[attr-defined]


def test_a_directory_shorter_than_the_ledger_knows_ends_admit(city: TwinCity) -> None:
    """Nobody is judged by a directory older than the one that entries before were judged by."""
    city.connect(CITY).submit(FILED)
    with city.asleep():
        for owner in (city._admit(0).owner, city._admit(1).owner):
            store = owner._store  # type: ignore[attr-defined]
            owner._refresh()  # type: ignore[attr-defined]
            store._head = replace(store.head, directory=99)
            with pytest.raises(Unavailable, match=r"ends at number 2 here, .* number 99"):
                owner._refresh()  # type: ignore[attr-defined]


def test_submissions_deleted_before_they_had_an_outcome_stop_admit(city: TwinCity) -> None:
    """Retention that overtook admit is said, never skipped over."""
    with city.asleep():
        for _ in range(8):
            city.connect(CITY).submit(FILED)
        for number in range(2):
            city.transport.truncate("submissions", number, 1)
        with pytest.raises(OutOfRange, match="have no outcome yet"):
            city.take_over()


def test_a_revocation_acts_from_its_place_on(city: TwinCity) -> None:
    """What a department sent before stays on the ledger; what it sends afterwards is refused, whatever its ce_time."""
    hotline, water = city.connect(CITY), city.connect("110000.water")
    ticket = hotline.submit(FILED, wait="admitted").ticket
    hotline.submit(disposition.Dispatched(lead="110000.water"), ticket=ticket, wait="admitted")
    water.submit(disposition.Accepted(), ticket=ticket, wait="admitted")
    city.revoke("110000.water")
    city.take_over()
    water.submit(disposition.Resolved(), ticket=ticket, time=datetime.now(UTC) - timedelta(days=1))
    [refused] = [read_event(record, hotline.codec, "test") for record in records(city, "refusals")]
    assert refused.refusal is not None
    assert (refused.refusal.code, refused.refusal.returned_to) == ("revoked_organisation", "")
    assert len(entries(city)) == 3


def test_the_right_to_backfill_opens_the_past(city: TwinCity) -> None:
    """With the right an old time is taken; without it the refusal says which right is missing."""
    old = datetime.now(UTC) - timedelta(days=400)
    city.connect(CITY).submit(FILED, time=old, wait="admitted")
    city.register("110000.shop", rights=("file",))
    with pytest.raises(Refused, match="backfill"):
        city.connect("110000.shop").submit(FILED, time=old, wait="admitted")


def test_the_category_is_shown_no_finer_than_agreed(city: TwinCity) -> None:
    """At most two of its levels, and the area, on every entry of the ticket."""
    hotline = city.connect(CITY)
    ticket = hotline.submit(FILED, wait="admitted").ticket
    hotline.submit(disposition.Dispatched(lead="110000.water"), ticket=ticket, wait="admitted")
    assert {(event.category, event.area) for event in entries(city)} == {("public_service/water", "110105026")}


def test_the_audience_is_committed_to_by_a_salted_hash(city: TwinCity) -> None:
    """The hash in the ledger stamp is that of the audience header; equal audiences have different hashes."""
    hotline = city.connect(CITY)
    for _ in range(3):
        hotline.submit(FILED, wait="admitted")
    found = [(event.audience, event.ledger) for event in entries(city)]
    assert all(audience and ledger and audience.hash() == ledger.audience_hash for audience, ledger in found)
    assert len({ledger.audience_hash for _, ledger in found if ledger}) == 3


def test_headers_of_an_entry_are_the_authors_in_their_order_and_then_the_citys(city: TwinCity) -> None:
    """Nothing re-encodes an event: key, value and author's headers stand on the ledger as they were sent."""
    city.connect(CITY).submit(FILED)
    [entry], [sent] = records(city, "ledger"), records(city, "submissions")
    assert (entry.key, entry.value, entry.headers[: len(sent.headers)]) == (sent.key, sent.value, sent.headers)
    names = [name for name, _ in entry.headers[len(sent.headers) :]]
    assert names == ["submission", "ledger", "audience", "category", "area"]


def test_a_strangers_words_do_not_make_a_refusal_long(city: TwinCity) -> None:
    """Names, times and data of 70,000 characters, signed or not, are refused in a short text; admit goes on."""
    hotline = city.connect(CITY)
    [good] = hotline._signing().sign([hotline.draft(FILED)])
    long = b"x" * 70_000
    headers = good.submission.headers
    hostile = [
        (*headers, (long.decode(), b"")),
        tuple((name, long if name == "ce_time" else value) for name, value in headers),
        tuple((name, long if name == "ce_source" else value) for name, value in headers),
        tuple((name, long if name == "ce_type" else value) for name, value in headers),
    ]
    producer = city.transport.producer(client_id="stranger")
    record = good.record()
    producer.send(
        [Outgoing(topic="submissions", key=record.key, value=record.value, headers=some) for some in hostile], timeout=1
    )
    city.pump()
    texts = [read_event(record, hotline.codec, "test").refusal for record in records(city, "refusals")]
    assert len(texts) == len(hostile)
    assert all(refusal and 0 < len(refusal.text) <= MAX_TEXT for refusal in texts)
    hotline.resend([good], wait="admitted")


def test_a_right_granted_just_before_counts(city: TwinCity) -> None:
    """Before admit refuses for a missing right it reads the directory to its end: nothing is burnt by a late reader."""
    hotline = city.connect(CITY)
    hotline.submit(FILED, wait="admitted")  # the directory was read at this moment
    city.register("110000.shop", rights=())
    shop = city.connect("110000.shop")
    with pytest.raises(Refused, match="not_entitled"):
        shop.submit(FILED, wait="admitted")
    standing = hotline.refresh().get("110000.shop")
    assert standing is not None
    city.registrar.register(standing.entry.model_copy(update={"rights": ("file",)}), datetime.now(UTC))
    shop.submit(FILED, wait="admitted")


def test_repeats_that_were_deleted_do_not_stop_admit(city: TwinCity) -> None:
    """When only repeats of admitted events were deleted, the group's position says that nothing is missing."""
    hotline = city.connect(CITY)
    signed = hotline._signing().sign([hotline.draft(FILED)])
    hotline.resend(signed)
    for _ in range(3):
        hotline.resend(signed)
    [entry] = entries(city)
    number = entry.position.partition
    city.transport.truncate("submissions", number, 4)
    place, group = Partition("submissions", number), city.transport.consumer(client_id="x", group=f"{CITY}.admit")
    group.commit({place: Position(offset=1)})
    with pytest.raises(OutOfRange):
        city.take_over()
    group.commit({place: Position(offset=4)})
    city.take_over()
    hotline.submit(FILED, wait="admitted")


def test_an_organisation_needs_a_registered_parent_and_fitting_partitions(city: TwinCity) -> None:
    """What would stop deliver later is refused when it is registered."""
    with pytest.raises(SettingsError, match=r"the parent 110199 of 110000\.x is not registered"):
        city.register("110000.x", parent="110199")
    with pytest.raises(SettingsError, match="do not divide the ledger's 2"):
        city.register("110000.y", partitions=3)
