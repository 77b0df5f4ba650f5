"""A city on a secured broker: who may do what, tried cell by cell; what a denial says; a revocation."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest

import hutong
from hutong.transport import Outgoing, Partition
from hutong.transport.access import Acl
from hutong.transport.choice import transport_of
from tests.contract.bench import until
from tests.securing.attempts import PRODUCER_ID, Attempts
from tests.securing.secured import (
    ADMIT,
    AUDIT,
    CITY,
    CLOCK,
    CUSTODIAN,
    DELIVER,
    DISTRICT,
    GAS,
    STREET,
    WATER,
    SecuredCity,
)  # fmt: skip

USERS = (CITY, AUDIT, CLOCK, CUSTODIAN, GAS, WATER, DISTRICT, STREET, ADMIT, DELIVER)

GROUPS = (
    f"{CITY}.callback", f"{CITY}.admit", f"{CITY}.deliver", f"{WATER}.desk", f"{CUSTODIAN}.custodian",
    f"{DISTRICT}.desk", f"{STREET}.desk", "stranger",
)  # fmt: skip
IDS = (PRODUCER_ID, f"admit-{CITY}-99", f"deliver-{CITY}-99", f"{WATER}-0")

# r read (a group: join), w write (an id: own), d only know of it, c know its settings, - nothing
ALLOWED = """
                             city  audit clock cust. gas   water distr street admit deliver
submissions                  rwc   w     w     w     w     w     w     w     r     -
ledger                       rc    r     r     -     -     -     -     -     rw    r
refusals                     rc    -     -     -     -     -     -     -     rw    r
directory                    rwc   r     r     r     r     r     r     r     r     r
_schemas                     rc    r     r     r     r     r     r     r     r     r
checkpoints                  rc    r     -     -     -     -     -     -     -     -
deliveries.110000            rc    -     -     -     -     -     -     -     -     w
deliveries.110000.audit      rc    r     -     -     -     -     -     -     -     w
deliveries.110000.clock      rc    -     r     -     -     -     -     -     -     w
deliveries.110000.custodian  rc    -     -     r     -     -     -     -     -     w
deliveries.110000.gas        rc    -     -     -     r     -     -     -     -     w
deliveries.110000.water      rc    -     -     -     -     r     -     -     -     w
deliveries.110105            rc    -     -     -     -     -     r     -     -     w
deliveries.110105026         rc    -     -     -     -     -     -     r     -     w
deadletters.110000           rwc   -     -     -     -     -     -     -     -     -
deadletters.110000.audit     rc    rw    -     -     -     -     -     -     -     -
deadletters.110000.clock     rc    -     rw    -     -     -     -     -     -     -
deadletters.110000.custodian rc    -     -     rw    -     -     -     -     -     -
deadletters.110000.gas       rc    -     -     -     rw    -     -     -     -     -
deadletters.110000.water     rc    -     -     -     -     rw    -     -     -     -
deadletters.110105           rc    -     -     -     -     -     rw    -     -     -
deadletters.110105026        rc    -     -     -     -     -     -     rw    -     -
keys.110000                  rc    -     -     w     -     -     -     -     -     -
keys.110000.audit            dc    r     -     w     -     -     -     -     -     -
keys.110000.clock            dc    -     r     w     -     -     -     -     -     -
keys.110000.custodian        wc    -     -     rw    -     -     w     -     -     -
keys.110000.gas              dc    -     -     w     r     -     -     -     -     -
keys.110000.water            dc    -     -     w     -     r     -     -     -     -
keys.110105                  dc    -     -     w     -     -     r     -     -     -
keys.110105026               dc    -     -     w     -     -     -     r     -     -
110000.callback              r     -     -     -     -     -     -     -     -     -
110000.admit                 d     -     -     -     -     -     -     -     r     -
110000.deliver               d     -     d     -     -     -     -     -     -     r
110000.water.desk            d     -     -     -     -     r     -     -     -     -
110000.custodian.custodian   d     -     -     r     -     -     -     -     -     -
110105.desk                  d     -     -     -     -     -     r     -     -     -
110105026.desk               d     -     -     -     -     -     -     r     -     -
stranger                     d     -     -     -     -     -     -     -     -     -
a producer's id              w     w     w     w     w     w     w     w     w     w
admit-110000-99              -     -     -     -     -     -     -     -     w     -
deliver-110000-99            -     -     -     -     -     -     -     -     -     w
110000.water-0               -     -     -     -     -     -     -     -     -     -
"""

NEW = ("deliveries.new", "deadletters.new", "keys.new", "ledger2")

CLIENTS = pytest.mark.parametrize("client", ["kafka-python", "confluent"])


@contextlib.contextmanager
def trying(city: SecuredCity, user: str) -> Iterator[Attempts]:
    with contextlib.closing(Attempts(city.settings(user))) as attempts:
        yield attempts


def rows(text: str) -> Mapping[str, list[str]]:
    """What → its cells, in the order of :data:`USERS`."""
    lines = [line.rsplit(None, len(USERS)) for line in text.strip("\n").splitlines()[1:]]
    return {line[0].strip(): line[1:] for line in lines}


@pytest.mark.timeout(300)
def test_everybody_may_do_what_the_table_says_and_nothing_else(secured: SecuredCity) -> None:
    """Every user tries every topic, group and id; only the registrar may make doors, and nobody deletes anything."""
    expected, topics = rows(ALLOWED), secured.transport.topics()
    found: dict[str, list[str]] = {what: [] for what in expected}
    creates = {}
    for user in USERS:
        with trying(secured, user) as attempts:
            table = attempts.table(topics, GROUPS, IDS)
            creates[user] = attempts.creates(NEW)
        assert table.keys() == expected.keys()
        for what, cell in table.items():
            found[what].append(cell)
    wrong = {what: (found[what], cells) for what, cells in expected.items() if found[what] != cells}
    assert not wrong, f"what: (found, expected) of {USERS}: {wrong}"
    assert {user: made for user, made in creates.items() if made} == {CITY: {*NEW} - {"ledger2"}}
    assert secured.transport.topics() == topics


@CLIENTS
@pytest.mark.timeout(300)
def test_what_is_denied_is_said_with_who_and_what_and_what_to_do(secured: SecuredCity, client: str) -> None:
    """Reading, sending, joining a group, owning an id, changing ACLs: a SettingsError each, none of them slow."""
    with contextlib.closing(transport_of(secured.settings(WATER, client=client))) as transport:
        reader = transport.consumer(client_id="test")
        with contextlib.closing(reader), pytest.raises(hutong.SettingsError, match=r"110000\.water may not .* ledger"):
            reader.assign([Partition("ledger", 0)])
        with pytest.raises(hutong.SettingsError, match=r"110000\.water may not .* ledger"):
            transport.bounds([Partition("ledger", 0)])
        with pytest.raises(hutong.SettingsError, match=r"ledger"):
            transport.configs(["ledger"])
        assert transport.closed(["ledger", "submissions", "directory"]) == {"ledger"}
        assert transport.closed([]) == frozenset()
        writable = transport.consumer(client_id="test")
        writable.assign([Partition("submissions", 0)])
        with contextlib.closing(writable), pytest.raises(hutong.SettingsError, match=r"water may not .* submissions"):
            writable.poll(60)
        producer = transport.producer(client_id="test")
        with contextlib.closing(producer), pytest.raises(hutong.SettingsError, match=r"water may not .* directory"):
            producer.send([Outgoing(topic="directory", key=b"k", value=b"v")], timeout=10)
        joiner = transport.consumer(client_id="test", group=f"{STREET}.desk")
        joiner.subscribe([f"deliveries.{WATER}"])
        with contextlib.closing(joiner), pytest.raises(hutong.SettingsError, match=r"water may not .* group 110105026"):
            joiner.poll(60)
        with pytest.raises(hutong.SettingsError, match=r"admit-110000-0: .*water may not use"):
            transport.transactional(client_id="test", transactional_id=f"admit-{CITY}-0")
        with pytest.raises(hutong.SettingsError, match=r"water may not .* platform's operator"):
            transport.access().allow([Acl(user=WATER, resource="topic", name="ledger", operation="read")])
        with pytest.raises(hutong.SettingsError, match=r"water may not .* platform's operator"):
            transport.access().users()
        with pytest.raises(hutong.SettingsError, match=r"does 110000\.water have .* platform's operator"):
            transport.access().admit({WATER: "mine"})


@pytest.mark.timeout(300)
def test_a_revoked_organisation_can_do_nothing(secured: SecuredCity) -> None:
    """Not on the connection that it holds open, and not on a new one; everybody else is as before."""
    topics = secured.transport.topics()
    with trying(secured, GAS) as attempts, trying(secured, WATER) as neighbour:
        before = neighbour.table(topics, GROUPS, IDS)
        assert attempts.writes(["submissions"])
        password = secured.kafka.passwords.have(GAS)
        with secured.registrar() as registrar:
            registrar.revoke(GAS, "closed", datetime.now(UTC))
        secured.apply()
        until(lambda: set(attempts.table(topics, GROUPS, IDS).values()) == {"-"}, "all is closed", seconds=60)
        assert neighbour.table(topics, GROUPS, IDS) == before
    file = secured.kafka.passwords.file(GAS)
    assert not file.exists()
    file.write_text(password)
    for client in ("kafka-python", "confluent"):
        settings = secured.settings(GAS, client=client)
        transport = transport_of(settings)
        for call in (
            transport.topics,
            lambda opened=transport: opened.consumer(client_id="test"),
            lambda opened=transport: opened.producer(client_id="test"),
            lambda given=settings: hutong.connect("desk", given),
        ):
            with pytest.raises(hutong.SettingsError, match=r"does not know 110000\.gas.*HUTONG_PASSWORD_FILE"):
                call()
        transport.close()
