"""A reader to whom no key can be sent holds up no other: it is left out, named in the log, and served later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

import hutong
from hutong import disposition, registrar
from hutong.events.sealed import KeyClass
from hutong.transport import TopicSpec
from services.custodian import handler
from tests.cities import CITY
from tests.services.custodians import CUSTODIAN, HEAT, HELPER, WATER, WHAT, WHO, Town


def dispatched(town: Town) -> str:
    """A ticket that WATER leads, with HELPER's help."""
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER, assistants=(HELPER,)), ticket)
    return ticket


def test_a_missing_topic_holds_up_nobody_else(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are given their keys; once the topic is there its reader is, too, at the ticket's next event."""
    del town.city.transport.logs[f"keys.{WATER}"]
    ticket, later = dispatched(town), town.file()
    town.keeper()
    assert town.opens(CITY, ticket, "identity") == town.opens(CITY, later, "identity") == str(WHO)
    assert town.opens(HELPER, ticket, "narrative") == WHAT
    assert town.opens(WATER, ticket, "identity") == "sealed"
    assert WATER not in {who for who, _, _ in town.notices(ticket)}
    assert f"to={WATER}" in "".join(capsys.readouterr())
    town.city.transport.create([TopicSpec(name=f"keys.{WATER}", partitions=1, replication=1, config={})])
    town.say(WATER, disposition.Accepted(), ticket)
    town.keeper()
    assert town.opens(WATER, ticket, "identity") == str(WHO)
    assert {what for who, what, _ in town.notices(ticket) if who == WATER} == {"identity", "content"}


def test_a_topic_that_goes_while_it_works_holds_up_nobody_else(town: Town) -> None:
    """It had written there a moment before."""
    ticket = dispatched(town)
    bus = town.bus(CUSTODIAN)
    with town.custodian(bus) as keeper:
        keeper.catch_up()
        assert town.opens(WATER, ticket, "identity") == str(WHO)
        del town.city.transport.logs[f"keys.{WATER}"]
        second = dispatched(town)
        for event in bus.replay(source="deliveries", ticket=second):
            keeper.handle(event)
        keeper.settle()
    assert town.opens(HELPER, second, "narrative") == WHAT
    assert {who for who, _, _ in town.notices(second)} == {CITY, HELPER}


def test_an_erasure_needs_no_topic_of_who_is_gone(town: Town) -> None:
    """A holder was revoked and its topics deleted: the others are told, and the custodian's copy goes."""
    ticket = dispatched(town)
    town.keeper()
    town.city.revoke(WATER)
    del town.city.transport.logs[f"keys.{WATER}"]
    key = town.hotline._keys.current(ticket, "content")
    assert key is not None
    data = hutong.notice.Erased(key_ids=(key.id,), key_class=hutong.notice.KeyClass.CONTENT, reason="citizen_request")
    town.say(CUSTODIAN, data, ticket)
    town.keeper()
    assert town.opens(HELPER, ticket, "narrative") == town.opens(CITY, ticket, "narrative") == "erased"
    with town.custodian(town.bus(CUSTODIAN)) as keeper:
        assert {kept.key_class: kept.destroyed for kept in keeper._store.keys(ticket)} == {
            "content": True,
            "identity": False,
        }


def test_a_sealing_key_that_is_none_holds_up_nobody_else(
    town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was registered when nobody looked."""
    standing = town.hotline.directory.get(HEAT)
    assert standing is not None
    with monkeypatch.context() as patched:
        patched.setattr(registrar, "is_sealing_key", lambda key: True)
        town.city.registrar.register(standing.entry.model_copy(update={"sealing_key": bytes(32)}), datetime.now(UTC))
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=HEAT, assistants=(HELPER,)), ticket)
    town.keeper()
    assert town.opens(HELPER, ticket, "narrative") == WHAT
    assert {who for who, _, _ in town.notices(ticket)} == {CITY, HELPER}
    assert f"to={HEAT}" in "".join(capsys.readouterr())


def test_a_ticket_that_cannot_be_settled_holds_up_no_other(
    town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both came together; the log names the one that failed, and once its cause is mended it is settled, too."""
    bad, good = dispatched(town), dispatched(town)
    lacking = handler.lacking

    def fails(case: handler.Case, keys: Sequence[handler.Kept]) -> list[KeyClass]:
        if case.ticket.id == bad:
            raise ZeroDivisionError
        return lacking(case, keys)

    with monkeypatch.context() as patched:
        patched.setattr(handler, "lacking", fails)
        town.keeper()
    assert town.opens(WATER, good, "identity") == str(WHO)
    assert town.opens(WATER, bad, "identity") == "sealed"
    assert f"ticket={bad}" in "".join(capsys.readouterr())
    town.keeper()
    assert town.opens(WATER, bad, "identity") == str(WHO)


def test_what_was_learned_is_settled_after_a_crash(town: Town) -> None:
    """Killed when all that came was learned and nothing was done yet: nothing of it comes again from the door."""
    town.keeper()
    ticket = dispatched(town)
    with town.custodian(town.bus(CUSTODIAN)) as keeper:
        for event in town.bus(CUSTODIAN).replay(source="deliveries", ticket=ticket):
            keeper.handle(event)
    assert town.opens(WATER, ticket, "identity") == "sealed"
    with town.custodian(town.bus(CUSTODIAN)) as keeper:
        keeper.settle()
        assert not keeper._store.due()
    assert town.opens(WATER, ticket, "identity") == str(WHO)


def test_a_ticket_with_a_damaged_key_stays_due(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    """What can be released is; the rest follows once the row is sound again, without another event."""
    ticket = town.file()
    town.keeper()
    key = town.hotline._keys.current(ticket, "identity")
    assert key is not None
    with town.custodian(town.bus(CUSTODIAN)) as keeper:
        database = keeper._store.database
        ((box,),) = database.rows("select box from held where key_id = ?", key.id)
        with database.transaction():
            database.do("update held set box = ? where key_id = ?", bytes(len(box)), key.id)
    town.say(CITY, disposition.Dispatched(lead=WATER, assistants=(HELPER,)), ticket)
    town.keeper()
    assert town.opens(WATER, ticket, "identity") == "sealed"
    assert town.opens(WATER, ticket, "narrative") == WHAT
    assert "restore the latest backup" in "".join(capsys.readouterr())
    with town.custodian(town.bus(CUSTODIAN)) as keeper:
        assert keeper._store.due() == [ticket]
        with keeper._store.database.transaction():
            keeper._store.database.do("update held set box = ? where key_id = ?", box, key.id)
        keeper.settle()
        assert keeper._store.due() == []
    assert town.opens(WATER, ticket, "identity") == str(WHO)
