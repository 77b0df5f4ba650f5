"""The custodian on a city in memory: who can read what, before and after each thing that may happen to a ticket."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import pytest

import hutong
from hutong import complaint, disposition
from hutong.sealing import DataKey
from hutong.settings import read_private_key
from hutong.wire.wrapping import KeyName, Letter, Wrapper
from services.desk.answering import answer
from services.desk.habits import Habits
from services.desk.handler import Desk
from services.desk.store import CaseStore
from services.drawing import ALWAYS
from tests.cities import CITY
from tests.services.custodians import (
    AUDITOR,
    CALLERS,
    CUSTODIAN,
    DISTRICT,
    HEAT,
    HELPER,
    OTHER,
    STREET,
    WATER,
    WHAT,
    WHO,
    Town,
    filed,
)
from tests.services.handling import run


def table(town: Town, ticket: str) -> dict[str, tuple[str, str]]:
    """Organisation → what becomes of the identity and of the narrative in its hands."""
    shown = {str(WHO): "open", WHAT: "open"}
    names = (CITY, STREET, HELPER, DISTRICT, CALLERS, AUDITOR, CUSTODIAN, WATER, OTHER)

    def one(name: str, field: str) -> str:
        found = town.opens(name, ticket, field)
        return shown.get(found, found)

    return {name: (one(name, "identity"), one(name, "narrative")) for name in names}


NOBODY = ("not delivered", "not delivered")


@pytest.mark.parametrize("anonymous", [False, True])
def test_a_name_is_for_the_lead_and_the_text_for_whoever_has_a_part(town: Town, anonymous: bool) -> None:
    """The whole table of role × class, before the dispatch, at the lead, and when the citizen is to be called."""
    ticket = town.file(filed(anonymous=anonymous))
    town.keeper()
    named = "sealed" if anonymous else "open"
    before = {
        CITY: ("open", "open"), STREET: NOBODY, HELPER: NOBODY, DISTRICT: NOBODY, WATER: NOBODY, OTHER: NOBODY,
        CALLERS: ("sealed", "sealed"), AUDITOR: ("sealed", "sealed"), CUSTODIAN: ("sealed", "sealed"),
    }  # fmt: skip
    assert table(town, ticket) == before
    town.say(CITY, disposition.Dispatched(lead=STREET, assistants=(HELPER,)), ticket)
    town.keeper()
    dispatched = {**before, STREET: (named, "open"), HELPER: ("sealed", "open"), DISTRICT: ("sealed", "open")}
    assert table(town, ticket) == dispatched
    town.say(STREET, disposition.Accepted(), ticket)
    town.say(STREET, disposition.Resolved(report=hutong.Clear("已修好")), ticket)
    town.keeper()
    assert table(town, ticket) == {**dispatched, CALLERS: ("open", "open")}
    assert sorted(town.notices(ticket)) == sorted(
        [
            (CITY, "identity", "filing"), (CITY, "content", "filing"), (STREET, "content", "handling"),
            (HELPER, "content", "assistance"), (DISTRICT, "content", "supervision"),
            (CALLERS, "identity", "call_back"), (CALLERS, "content", "call_back"),
            *([] if anonymous else [(STREET, "identity", "handling")]),
        ]
    )  # fmt: skip
    assert town.opens(DISTRICT, ticket, "report", disposition.Resolved) == "已修好"


def test_after_a_change_of_lead_the_former_cannot_read_what_is_written_later(town: Town) -> None:
    """The new lead reads what was before and what comes; the former keeps what he had, and gets nothing new."""
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER), ticket)
    town.keeper()
    town.pass_on(ticket, WATER, HEAT)
    town.keeper()
    town.say(HEAT, disposition.Accepted(contact=hutong.Clear("三号窗口")), ticket)
    town.say(CITY, complaint.Amended(narrative=hutong.Clear("今天又停了"), identity=hutong.Clear("邻居王某")), ticket)
    town.keeper()
    assert town.opens(HEAT, ticket, "identity") == town.opens(WATER, ticket, "identity") == str(WHO)
    assert town.opens(HEAT, ticket, "contact", disposition.Accepted) == "三号窗口"
    assert town.opens(HEAT, ticket, "identity", complaint.Amended) == "邻居王某"
    assert town.opens(WATER, ticket, "contact", disposition.Accepted) == "sealed"
    assert town.opens(WATER, ticket, "narrative", complaint.Amended) == "sealed"
    assert town.opens(WATER, ticket, "identity", complaint.Amended) == "sealed"


def test_an_instruction_for_the_next_lead_is_sealed_from_the_former(town: Town) -> None:
    """A dispatch that says something brings a key of its own, which the former lead is never given."""
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER, instruction=hutong.Clear("请速办")), ticket)
    town.keeper()
    assert town.opens(WATER, ticket, "instruction", disposition.Dispatched) == "请速办"
    town.say(WATER, disposition.Declined(reason="not_our_duty", explanation=hutong.Clear("不属我司")), ticket)
    town.hotline.submit(
        disposition.DeclineDecided(decision=disposition.Decision.GRANTED), ticket=ticket, wait="admitted"
    )
    town.say(CITY, disposition.Dispatched(lead=HEAT, instruction=hutong.Clear("供水单位已退单")), ticket)
    town.keeper()
    assert town.opens(HEAT, ticket, "instruction", disposition.Dispatched) == "供水单位已退单"
    assert town.opens(HEAT, ticket, "explanation", disposition.Declined) == "不属我司"
    assert town.opens(WATER, ticket, "instruction", disposition.Dispatched) == "sealed"


def test_a_unit_that_was_relieved_is_given_nothing_new(town: Town) -> None:
    """Between 退单 and the next dispatch nobody leads: a name that is added then is for the next lead."""
    ticket = town.file(filed().model_copy(update={"identity": None}))
    town.say(CITY, disposition.Dispatched(lead=STREET, assistants=(HELPER,)), ticket)
    town.keeper()
    town.say(STREET, disposition.Declined(reason="not_our_duty"), ticket)
    town.say(CITY, disposition.DeclineDecided(decision=disposition.Decision.GRANTED), ticket)
    town.say(CITY, complaint.Amended(identity=hutong.Clear("邻居王某")), ticket)
    town.keeper()
    assert town.opens(STREET, ticket, "identity", complaint.Amended) == "sealed"
    town.say(CITY, disposition.Dispatched(lead=WATER), ticket)
    town.keeper()
    assert town.opens(WATER, ticket, "identity", complaint.Amended) == "邻居王某"
    assert town.opens(STREET, ticket, "identity", complaint.Amended) == "sealed"


def test_a_key_that_an_event_may_not_bring_never_comes_in_force(town: Town) -> None:
    """Else whoever may say anything on a ticket could have all that is written later sealed under a key of his."""
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER, assistants=(HELPER,)), ticket)
    town.keeper()
    helper, key = town.bus(HELPER), DataKey.mint()
    for kind, data in (("identity", disposition.AssistReported()), ("content", disposition.AssistReported())):
        draft = helper.draft(data, ticket=ticket)
        name = KeyName(ticket=ticket, key_class=kind, key_id=key.id)  # type: ignore[arg-type]
        letter = Letter(name=name, sender=HELPER, reader=CUSTODIAN, key=key, event=draft.id)
        wrapper = Wrapper(HELPER, read_private_key(town.city.keys / f"{HELPER}.pem"), "test")
        producer = town.city.transport.producer(client_id="planting")
        producer.send(wrapper.records([letter], helper.directory), timeout=5)
        assert helper.submit_batch([draft], wait="admitted")[0].ledger
        key = DataKey.mint()
    before = town.notices(ticket)
    with town.custodian(town.bus(CUSTODIAN)) as keeper:
        keeper._mailbox.read()  # as it does for another ticket's sake
    town.keeper()
    assert town.notices(ticket) == before
    with town.custodian(town.bus(CUSTODIAN)) as keeper:
        planted = [kept for kept in keeper._store.keys(ticket) if kept.sender == HELPER]
    assert [kept.number for kept in planted] == [None, None]


@pytest.mark.parametrize("anonymous", [False, True])
def test_an_agreement_opens_what_it_promises_of_the_events_it_shows(town: Town, anonymous: bool) -> None:
    """Both classes are promised; one who is not to be named stays unnamed. Another agreement promises nothing."""
    town.city.agree("health", OTHER, types=("complaint.filed.v1",), key_classes=("identity", "content"))
    town.city.agree("numbers", HEAT, types=("complaint.filed.v1",))
    town.city.take_over()
    ticket = town.file(filed(anonymous=anonymous))
    town.keeper()
    assert town.opens(OTHER, ticket, "narrative") == WHAT
    assert town.opens(OTHER, ticket, "identity") == ("sealed" if anonymous else str(WHO))
    assert town.opens(HEAT, ticket, "narrative") == "sealed"
    released = {(who, kind) for who, kind, purpose in town.notices(ticket) if purpose == "study"}
    assert released == {(OTHER, "content")} | (set() if anonymous else {(OTHER, "identity")})


def test_an_agreement_opens_nothing_before_it_nor_after_it(town: Town) -> None:
    """Of a ticket of before it shows no event. Once it is closed, the key of the next lead's time is not released."""
    before = town.file()
    town.keeper()
    town.city.agree("health", OTHER, key_classes=("content",))
    town.city.take_over()
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER), ticket)
    town.keeper()
    assert town.opens(OTHER, before, "narrative") == "not delivered"
    assert town.opens(OTHER, ticket, "narrative") == WHAT
    town.city.registrar.close_agreement("health", "study_finished", datetime.now(UTC))
    town.city.take_over()
    town.pass_on(ticket, WATER, HEAT)
    town.keeper()
    assert (OTHER, "content", "study") in town.notices(ticket)
    assert len([who for who, *_ in town.notices(ticket) if who == OTHER]) == 1
    assert all(who != OTHER for who, *_ in town.notices(before))


def test_a_field_under_the_former_key_is_refused(town: Town) -> None:
    """Who has not read on seals under the old key, is told so, reads on, and says it again."""
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER), ticket)
    town.keeper()
    town.pass_on(ticket, WATER, HEAT)
    with pytest.raises(hutong.Refused, match="stale_key"):
        town.hotline.submit(complaint.Amended(narrative=hutong.Clear("再补充")), ticket=ticket, wait="admitted")
    town.keeper()
    assert town.hotline.submit(
        complaint.Amended(narrative=hutong.Clear("再补充")), ticket=ticket, wait="admitted"
    ).ledger


def test_a_desk_says_again_what_it_sealed_under_the_former_key(town: Town) -> None:
    """It declined the ticket, and is called to help before the new key has come: its report must not be lost."""

    def desk() -> None:
        with closing(CaseStore(town.city.home, HEAT, {})) as cases:
            habits = Habits(decline=ALWAYS)
            run(town.city, HEAT, "desk", lambda bus: answer(bus, Desk(HEAT, habits, cases=cases)))
        town.city.pump()

    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=HEAT), ticket)
    town.keeper()
    desk()
    town.say(CITY, disposition.DeclineDecided(decision=disposition.Decision.GRANTED), ticket)
    town.say(CITY, disposition.Dispatched(lead=WATER), ticket)
    town.keeper()
    town.say(WATER, disposition.Accepted(), ticket)
    town.say(WATER, disposition.AssistRequested(units=(HEAT,), request=hutong.Clear("请到场")), ticket)
    with pytest.raises(hutong.KeyPending):  # stopped while it waits for the key of now
        desk()
    assert town.opens(WATER, ticket, "report", disposition.AssistReported) == "not delivered"
    town.keeper()
    desk()
    assert town.opens(WATER, ticket, "report", disposition.AssistReported) == "已派人到现场配合。"


def test_before_its_key_is_released_nobody_writes(town: Town) -> None:
    """A lead that would report before it holds the ticket's key is told to wait; afterwards it reports."""
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER), ticket)
    town.say(WATER, disposition.Accepted(), ticket)
    with pytest.raises(hutong.KeyPending, match="does the custodian run"):
        town.say(WATER, disposition.Resolved(report=hutong.Clear("已修好")), ticket)
    town.keeper()
    town.say(WATER, disposition.Resolved(report=hutong.Clear("已修好")), ticket)
    assert town.opens(CITY, ticket, "report", disposition.Resolved) == "已修好"


def test_who_has_no_sealing_key_in_the_directory_is_told_so(town: Town) -> None:
    """Nothing can be released to it. Whoever waits to read or to write learns that, until the registrar enters one."""
    entry = town.hotline.directory.organisations[WATER].entry
    town.city.registrar.register(entry.model_copy(update={"sealing_key": None}), datetime.now(UTC))
    town.city.take_over()
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER), ticket)
    town.keeper()
    town.say(WATER, disposition.Accepted(), ticket)
    water = town.bus(WATER)
    event = next(iter(water.replay(source="deliveries", ticket=ticket)))
    told = f"no sealing key of {WATER}.*--sealing-key"
    with pytest.raises(hutong.KeyPending, match=told):
        water.unseal(event, "narrative")
    with pytest.raises(hutong.KeyPending, match=told):
        town.say(WATER, disposition.Resolved(report=hutong.Clear("已修好")), ticket)
    town.city.registrar.register(entry, datetime.now(UTC))
    with pytest.raises(hutong.KeyPending) as pending:
        water.unseal(event, "narrative")
    assert "no sealing key" not in str(pending.value)


def test_a_key_is_with_the_custodian_before_its_event_is_on_the_submissions(town: Town) -> None:
    """Whatever is on the ledger, the custodian can have its key: handing over comes first, in one call for a batch."""
    calls: list[tuple[str, int]] = []
    transport = _Watched(town.city.transport, calls)
    with hutong.connect("intake", town.city.settings(CITY), transport=transport) as bus:  # type: ignore[arg-type]
        bus.submit_batch([bus.draft(filed()) for _ in range(50)])
    assert calls == [(f"keys.{CUSTODIAN}", 100), ("submissions", 50)]


class _Watched:
    def __init__(self, inner: object, calls: list[tuple[str, int]]) -> None:
        self._inner = inner
        self._calls = calls

    def producer(self, *, client_id: str) -> object:
        inner = self._inner.producer(client_id=client_id)  # type: ignore[attr-defined]
        calls = self._calls

        class Producer:
            def send(self, records: list[hutong.Signed], *, timeout: float) -> object:
                calls.append((records[0].topic, len(records)))  # type: ignore[attr-defined]
                return inner.send(records, timeout=timeout)

            def close(self) -> None:
                inner.close()

        return Producer()

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)
