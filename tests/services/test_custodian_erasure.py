"""Erasure 删除, and what strangers write on the topics of keys."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

import hutong
from hutong import complaint, disposition
from hutong.catalogue import Catalogue
from hutong.loop import read_all
from hutong.sealing import DataKey
from hutong.settings import read_private_key
from hutong.transport import Outgoing, Partition
from hutong.wire.wrapping import TOPIC, KeyName, Letter, Wrapper
from services.custodian import keeping
from services.custodian.databases import SqliteDatabase
from services.custodian.wiring import LOOK_SECONDS, NAME, keep
from services.desk.answering import answer
from services.desk.habits import Habits, Late
from services.desk.handler import Desk
from services.desk.store import CaseStore
from tests.cities import CITY
from tests.client.cli import Command
from tests.services.custodians import CUSTODIAN, HEAT, OTHER, WATER, WHAT, WHO, Town
from tests.services.handling import run


def test_what_is_erased_nobody_reads_and_every_proof_holds(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command orders it on the ledger; the custodian destroys its copy and everybody's; the rest stays."""
    command = Command(town.city, monkeypatch)
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER), ticket)
    town.keeper()
    assert town.opens(WATER, ticket, "identity") == str(WHO)
    assert command.run(
        WATER, "erase", ticket, "--class", "identity", "--reason", "citizen_request", code=2
    ).stderr.startswith("hutong: only the custodian erases")
    unknown = "110000-20260131-0G7XK2M9QZ"
    refused = command.run(CUSTODIAN, "erase", unknown, "--class", "identity", "--reason", "citizen_request", code=1)
    assert f"{unknown} is not known" in refused.stderr
    command.run(CUSTODIAN, "erase", ticket, "--class", "identity", "--reason", "citizen_request")
    refused = command.run(CUSTODIAN, "erase", ticket, "--class", "identity", "--reason", "citizen_request", code=1)
    assert "was erased before" in refused.stderr
    town.keeper()
    for organisation in (CITY, WATER):
        assert town.opens(organisation, ticket, "identity") == "erased"
        assert town.opens(organisation, ticket, "narrative") == WHAT
        files = (town.city.home / organisation / "keys").glob("*.sqlite*")
        assert sum(path.stat().st_size for path in files)
    with pytest.raises(hutong.KeyErased):
        town.say(CITY, complaint.Amended(identity=hutong.Clear("另一人")), ticket)
    replayed = list(town.hotline.replay(ticket=ticket))  # checks every signature
    assert isinstance(replayed[-1].data, hutong.notice.Erased)
    (told,) = command.json(WATER, "ticket", "show", ticket, "--unseal")
    filed = told["steps"][0]["data"]
    assert (filed["identity"].keys(), filed["narrative"]) == ({"erased"}, WHAT)
    assert "erased" in command.run(WATER, "ticket", "show", ticket, "--unseal").stdout

    (said,) = command.json(CITY, "access", ticket)
    rows = {(row["organisation"], row["class"]): (row["purpose"], row["until"] is None) for row in said["access"]}
    assert rows == {
        (CITY, "identity"): ("filing", False),
        (CITY, "content"): ("filing", True),
        (WATER, "identity"): ("handling", False),
        (WATER, "content"): ("handling", True),
    }
    assert "受理" in command.run(CITY, "access", ticket, variables={"HUTONG_LANG": "zh"}).stdout


@pytest.mark.parametrize("late", [0.0, 1.0])
def test_a_ticket_whose_words_were_erased_is_still_resolved(town: Town, late: float) -> None:
    """At once or late: nothing more is written on it, and the step is taken without words."""
    habits = Habits(late=Late(share=late, hours=1))

    def desk() -> None:
        with closing(CaseStore(town.city.home, HEAT, {})) as cases:
            made = Desk(HEAT, habits, cases=cases, hour=timedelta(milliseconds=1))
            run(town.city, HEAT, "desk", lambda bus: answer(bus, made))
        town.city.pump()

    ticket, other = town.file(), town.file()
    for each in (ticket, other):
        town.say(CITY, disposition.Dispatched(lead=HEAT), each)
    town.keeper()
    erase(town, ticket, "content")
    town.keeper()
    for _ in range(3):
        desk()
        town.keeper()
    reports = {
        event.ticket: event.data.report is None
        for event in town.hotline.replay()
        if isinstance(event.data, disposition.Resolved)
    }
    assert reports == {ticket: True, other: False}


def test_nothing_is_left_of_an_erased_key(town: Town) -> None:
    """Neither in the custodian's store nor in a holder's, not in a former state of their files or logs either, while
    both still run."""
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER), ticket)
    town.keeper()
    key = key_of(town, ticket, "identity")
    holders = [town.hotline, town.bus(WATER)]
    for bus in holders:
        bus.refresh()
        assert bus._keys.get(key.id) == key
        assert key.key in files_of(town.city.home / bus.organisation / "keys")
    with town.custodian(town.bus(CUSTODIAN)) as keeper:
        ((box,),) = keeper._store.database.rows("select box from held where key_id = ?", key.id)
    assert box in files_of(town.store.parent)
    erase(town, ticket, "identity")

    def work(bus: hutong.Bus) -> None:
        with town.custodian(bus) as keeper:
            keep(bus, keeper)
            kept = keeper._store.keys(ticket)
            assert {each.key_class: each.destroyed for each in kept} == {"identity": True, "content": False}
            content = files_of(town.store.parent)
            assert len(content) > 4096
            assert box not in content
            assert key.key not in content

    run(town.city, CUSTODIAN, NAME, work)
    for bus in holders:
        bus.refresh()
        assert bus._keys.get(key.id) is None
        assert bus._keys.current(ticket, "content") is not None
        content = files_of(town.city.home / bus.organisation / "keys")
        assert len(content) > 4096
        assert key.key not in content


def test_a_custodian_killed_before_it_wiped_is_followed_by_one_that_does(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had destroyed stood in its log still."""
    ticket = town.file()
    town.keeper()
    with closing(sqlite3.connect(town.store)) as other:  # as long as it is open, nobody's closing tidies the log away
        ((box,),) = other.execute("select box from held where class = 'identity'").fetchall()
        erase(town, ticket, "identity")
        with monkeypatch.context() as patched:
            patched.setattr(SqliteDatabase, "wipe", lambda database: None)
            town.keeper()
        assert other.execute("select box from held where class = 'identity'").fetchall() == [(None,)]
        assert box in files_of(town.store.parent)
        with town.custodian(town.bus(CUSTODIAN)):
            assert box not in files_of(town.store.parent)


def tombstones(town: Town, organisation: str, key: DataKey) -> int:
    """How often an organisation's topic says that the key is erased."""
    with closing(town.city.transport.consumer(client_id="looking")) as consumer:
        records = list(read_all(consumer, [Partition(f"{TOPIC}{organisation}", 0)]))
    return sum(KeyName.from_bytes(r.key).key_id == key.id for r in records if r.value is None)


def test_a_tombstone_comes_once_more_so_that_a_quiet_topic_compacts(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its segment can be closed by it, to every holder and the custodian itself; not sooner, and not thrice."""
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER), ticket)
    town.keeper()
    key = key_of(town, ticket, "identity")
    erase(town, ticket, "identity")

    def found() -> list[int]:
        return [tombstones(town, name, key) for name in (CITY, WATER, CUSTODIAN)]

    town.keeper()
    assert found() == [1, 1, 1]
    with monkeypatch.context() as patched:
        patched.setattr(keeping, "ROLL_SECONDS", -1.0)
        town.keeper()
        assert found() == [2, 2, 2]
        town.keeper()
    assert found() == [2, 2, 2]
    assert town.opens(WATER, ticket, "identity") == "erased"
    assert town.opens(WATER, ticket, "narrative") == WHAT


def test_a_segment_is_closed_and_compacted_within_a_day() -> None:
    """By the record that comes after :data:`keeping.ROLL_SECONDS`."""
    config = Catalogue.load().topics["keys.<org>"].kafka_config()
    roll, compact = int(config["segment.ms"]) / 1000, int(config["max.compaction.lag.ms"]) / 1000
    assert roll < keeping.ROLL_SECONDS
    assert keeping.ROLL_SECONDS + LOOK_SECONDS + compact < 24 * 3600


def files_of(folder: Path) -> bytes:
    """Everything in the files of a folder: databases, and their logs and indexes beside them."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


def key_of(town: Town, ticket: str, key_class: str) -> DataKey:
    key = town.hotline._keys.current(ticket, key_class)  # type: ignore[arg-type]
    assert key is not None
    return key


def erase(town: Town, ticket: str, key_class: str) -> None:
    data = hutong.notice.Erased(
        key_ids=(key_of(town, ticket, key_class).id,),
        key_class=hutong.notice.KeyClass(key_class),
        reason="citizen_request",
    )
    town.say(CUSTODIAN, data, ticket)


def test_what_strangers_write_on_the_topics_of_keys_changes_nothing(town: Town) -> None:
    """Rubbish, another's tombstone, a key from who is no custodian: passed over; the next true record is read."""
    ticket = town.file()
    town.say(CITY, disposition.Dispatched(lead=WATER), ticket)
    name = KeyName(ticket=ticket, key_class="content", key_id=key_of(town, ticket, "content").id)
    own = DataKey.mint()
    forger = Wrapper(HEAT, read_private_key(town.city.keys / f"{HEAT}.pem"), "test")
    directory = town.hotline.directory

    def forged(reader: str) -> list[Outgoing]:
        gift = KeyName(ticket=ticket, key_class="content", key_id=own.id)
        letters = [
            Letter(name=name, sender=HEAT, reader=reader, key=None, number=99),
            Letter(name=gift, sender=HEAT, reader=reader, key=own, number=99),
        ]
        rubbish = Outgoing(topic=f"keys.{reader}", key=b"x", value=b"y", partition=0)
        return [rubbish, *forger.records(letters, directory)]

    producer = town.city.transport.producer(client_id="forger")
    for reader in (WATER, CUSTODIAN):
        producer.send(forged(reader), timeout=5)
    town.keeper()
    assert town.opens(WATER, ticket, "narrative") == WHAT
    assert town.bus(WATER)._keys.get(own.id) is None
    assert (OTHER, "content", "handling") not in town.notices(ticket)
    with town.custodian(town.bus(CUSTODIAN)) as keeper:
        in_force = {key.key_id for key in keeper._store.keys(ticket) if key.number is not None}
    assert own.id not in in_force


def test_no_key_stands_in_clear_in_the_custodians_files(town: Town) -> None:
    """The store and its journal are searched for every key of a ticket, raw and in hexadecimal."""
    ticket = town.file()
    town.keeper()
    keys = [key_of(town, ticket, kind).key for kind in ("identity", "content")]
    content = files_of(town.store.parent)
    assert len(content) > 4096
    assert not any(form in content for key in keys for form in (key, key.hex().encode(), key.hex().upper().encode()))
    holder = files_of(town.city.home / CITY / "keys")
    assert all(key in holder for key in keys)  # the search finds what is there
