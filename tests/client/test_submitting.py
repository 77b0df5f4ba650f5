"""Submitting as a department's developer does it, against real admit and deliver in memory."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime

import pytest

import hutong
from hutong import complaint, disposition
from hutong.errors import InvalidEvent, KeyPending, Refused, SettingsError, Unconfirmed
from hutong.testing import MemoryTransport
from tests.cities import CITY, TwinCity
from tests.client.desk import DISPATCHED, FILED, WATER, dispatched, take


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
