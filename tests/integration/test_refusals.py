"""Every reason for a refusal, sent through the real broker and read as its author reads it, or else as the city."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import hutong
from hutong.catalogue import Catalogue
from hutong.event import Event, read_event
from hutong.events.directory import Level, OrganisationEntry
from hutong.keys import make_keys
from hutong.registrar import Registrar
from hutong.settings import read_private_key
from hutong.submitting.outgoing import Submitted
from hutong.transport import Header, Outgoing, Partition
from hutong.transport.partition import partition_of
from hutong.wire.envelope import Submission, format_time
from hutong.wire.identity import derived_id, fresh_id, ticket_id
from hutong.wire.signing import Signer
from services.admit.owner import UNREADABLE
from tests.chaos.memory import resident
from tests.hostile import raw as hostile
from tests.integration.running import RunningCity, running_city

CITY, WATER, HEAT = "110000", "110000.water", "110000.heat"
FILED = hutong.complaint.Filed(
    kind=hutong.complaint.Kind.COMPLAINT, channel="phone", category="public_service/water", area="110105026"
)
LONG_AGO = datetime.now(UTC) - timedelta(days=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A record to send: by default a good filing, signed by the hotline, with one thing wrong."""

    value: bytes
    source: str = CITY
    signer: str | None = CITY
    type: str = "complaint.filed.v1"
    subject: str = ""
    id: str = ""
    time: datetime | None = None
    key: bytes | None = None
    shift: int = 0
    more: tuple[Header, ...] = ()
    without: str = ""
    moved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What went out, and where it stands on the submissions."""

    record: Outgoing
    fingerprint: bytes
    partition: int
    offset: int


class Sender:
    """Writes records to the submissions as anybody with a Kafka client can."""

    def __init__(self, city: RunningCity, signers: Mapping[str, Signer]) -> None:
        self._city = city
        self._signers = signers
        self._producer = city.transport.producer(client_id="anybody")
        self._partitions = city.founded.city.partitions

    def send(self, bad: Bad) -> Sent:
        """Build, sign and send one record."""
        subject = bad.subject or ticket_id(CITY, datetime.now(UTC))
        headers: tuple[Header, ...] = (
            ("ce_id", (bad.id or fresh_id()).encode()),
            ("ce_source", bad.source.encode()),
            ("ce_specversion", b"1.0"),
            ("ce_subject", subject.encode()),
            ("ce_time", format_time(bad.time or datetime.now(UTC)).encode()),
            ("ce_type", bad.type.encode()),
            ("content-type", b"application/vnd.hutong.avro"),
            *bad.more,
        )
        headers = tuple(header for header in headers if header[0] != bad.without)
        key = subject.encode() if bad.key is None else bad.key
        event = Submission(key=key, value=bad.value, headers=headers)
        fingerprint = event.fingerprint("test")
        if bad.signer is not None:
            signed = bytes(32) if bad.moved else fingerprint
            headers = (*headers, ("signature", self._signers[bad.signer].sign([signed])[0]))
        partition = (partition_of(key, self._partitions) + bad.shift) % self._partitions
        record = Outgoing(topic="submissions", key=key, value=bad.value, headers=headers, partition=partition)
        placed = self._producer.send([record], timeout=30)[0]
        return Sent(record=record, fingerprint=fingerprint, partition=partition, offset=placed.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The city, its hotline, a ticket that was dispatched and accepted, and who can sign."""

    city: RunningCity
    hotline: hutong.Bus
    sender: Sender
    ticket: Submitted
    signers: dict[str, Signer]
    former_seal: hutong.Sealed
    """Sealed under the key that the ticket had before its lead changed."""

    def encode(self, data: hutong.EventData) -> bytes:
        """Framed Avro of ``data``."""
        return self.hotline.codec.encode(data)

    def refusal_in_the_city(self, sent: Sent) -> Event:
        """The refusal of ``sent`` as the city keeps it."""
        reader = self.city.transport.consumer(client_id="city")
        place = Partition("refusals", sent.partition)
        reader.assign([place])
        reader.seek(place, 0)
        deadline = time.monotonic() + 100  # bombs take a busy machine long
        while time.monotonic() < deadline:
            for record in reader.poll(0.2).get(place, []):
                event = read_event(record, self.hotline.codec, "test")
                if event.submitted is not None and event.submitted.offset == sent.offset:
                    reader.close()
                    return event
        raise AssertionError(f"no refusal of submission {sent.partition}@{sent.offset} came")

    def refusal_at_the_door(self, organisation: str, sent: Sent) -> Event:
        """The refusal of ``sent`` as its author reads it through his own door."""
        with self.city.connect(organisation, system=f"reads-{fresh_id()}", journal=False) as bus:
            for event in bus.subscribe(refusals=True):
                with event:
                    if event.refusal is not None and event.fingerprint == sent.fingerprint:
                        return event
        raise AssertionError("the subscription ended")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home: Path = tmp_path_factory.mktemp("refusals")
    with running_city(home) as city:
        hotline = city.connect(CITY)
        with city.connect(HEAT) as heat, city.connect(WATER) as water:
            ticket, former_seal = led_twice(hotline, heat, water)
        signers = {
            name: Signer(read_private_key(city.founded.key(name)), "test") for name in city.founded.city.organisations
        }
        signers["stranger"] = Signer(Ed25519PrivateKey.generate(), "test")
        signers["110000.gone"] = revoked(city)
        yield Scene(
            city=city, hotline=hotline, sender=Sender(city, signers), ticket=ticket, signers=signers,
            former_seal=former_seal,
        )  # fmt: skip
        hotline.close()


def led_twice(hotline: hutong.Bus, heat: hutong.Bus, water: hutong.Bus) -> tuple[Submitted, hutong.Sealed]:
    """A ticket that ``heat`` declined and ``water`` accepted, and what was sealed when it was filed."""
    ticket = hotline.submit(FILED.model_copy(update={"narrative": hutong.Clear("no water")}), wait="admitted")
    steps: tuple[tuple[hutong.Bus, hutong.EventData], ...] = (
        (hotline, hutong.disposition.Dispatched(lead=HEAT)),
        (heat, hutong.disposition.Declined(reason="not_our_duty")),
        (hotline, hutong.disposition.DeclineDecided(decision=hutong.disposition.Decision.GRANTED)),
        (hotline, hutong.disposition.Dispatched(lead=WATER)),
        (water, hutong.disposition.Accepted()),
    )
    for bus, data in steps:
        bus.submit(data, ticket=ticket.ticket, wait="admitted")
    (filed,) = (event for event in hotline.replay(ticket=ticket.ticket) if event.id == ticket.id)
    assert isinstance(filed.data, hutong.complaint.Filed)
    assert isinstance(filed.data.narrative, hutong.Sealed)
    return ticket, filed.data.narrative


def revoked(city: RunningCity) -> Signer:
    """Register an organisation and revoke it again."""
    files = make_keys(city.founded.home / "keys", "110000.gone")
    signer = Signer(read_private_key(city.founded.key(CITY)), "test")
    with Registrar(city.transport, Catalogue.load(), signer, city=CITY, environment="test") as registrar:
        entry = OrganisationEntry(
            id="110000.gone", names=(), level=Level.DEPARTMENT, signing_keys=(files.signing_key,), rights=()
        )
        registrar.register(entry, datetime.now(UTC))
        registrar.revoke("110000.gone", "closed", datetime.now(UTC))
    return Signer(read_private_key(files.signing_file), "test")


Make = Callable[[Scene], Bad]


def filed(scene: Scene, **wrong: object) -> Bad:
    return replace(Bad(value=scene.encode(FILED)), **wrong)  # type: ignore[arg-type]


def about(scene: Scene, data: hutong.EventData, **wrong: object) -> Bad:
    return replace(Bad(value=scene.encode(data), type=data.TYPE, subject=scene.ticket.ticket), **wrong)  # type: ignore[arg-type]


RETURNED: Mapping[str, Make] = {
    "too_large": lambda s: filed(s, value=bytes(256 * 1024)),
    "reserved_header": lambda s: filed(s, more=(("ledger", b"mine"),)),
    "unknown_header": lambda s: filed(s, more=(("x-extra", b"1"),)),
    "repeated_header": lambda s: filed(s, more=(("ce_id", b"again"),)),
    "missing_header": lambda s: filed(s, without="ce_time"),
    "bad_header": lambda s: filed(s, more=(("ce_causationid", b"not a fingerprint"),)),
    "wrong_key": lambda s: filed(s, key=b"110000-20260101-0000000000"),
    "wrong_partition": lambda s: filed(s, shift=1),
    "bad_ticket": lambda s: filed(s, subject="120000-20260101-0123456789"),
    "already_admitted": lambda s: filed(s, subject=s.ticket.ticket, id=s.ticket.id),
    "time_ahead": lambda s: filed(s, time=datetime.now(UTC) + timedelta(minutes=6)),
    "time_past": lambda s: filed(s, time=LONG_AGO),
    "unknown_schema": lambda s: filed(s, value=b"\x00" + (999).to_bytes(4, "big") + b"x"),
    "undecodable": lambda s: filed(s, value=s.encode(FILED) + b"\x00"),
    "invalid_data": lambda s: filed(s, value=s.encode(FILED).replace(b"110105026", b"110105\xc3\xa9x")),
    "wrong_type": lambda s: filed(s, type="complaint.answered.v1"),
    "unknown_type": lambda s: filed(
        s,
        type="directory.revoked.v1",
        value=s.encode(hutong.directory.Revoked(number=1, organisation=WATER, reason="x")),
    ),
    "unknown_unit": lambda s: filed(
        s, type="disposition.dispatched.v1", value=s.encode(hutong.disposition.Dispatched(lead="110000.nobody"))
    ),
    "unknown_category": lambda s: filed(s, value=s.encode(FILED.model_copy(update={"category": "housing/castle"}))),
    "unknown_area": lambda s: filed(s, value=s.encode(FILED.model_copy(update={"area": "110199"}))),
    "bad_merge": lambda s: about(s, hutong.complaint.Merged(into=s.ticket.ticket, rule="same_place")),
    "unknown_ticket": lambda s: filed(
        s, type="disposition.dispatched.v1", value=s.encode(hutong.disposition.Dispatched(lead=WATER))
    ),
    "not_allowed": lambda s: about(s, hutong.disposition.Closed(reason="done")),
    "superseded": lambda s: about(s, hutong.complaint.Answered(basis="x")),
    "not_entitled": lambda s: about(s, hutong.disposition.Resolved(), source=HEAT, signer=HEAT),
    "stale_key": lambda s: about(s, hutong.complaint.Amended(narrative=s.former_seal)),
}
"""Signature and source hold, so the author is told."""

KEPT: Mapping[str, Make] = {
    "missing_signature": lambda s: filed(s, signer=None),
    "bad_signature": lambda s: filed(s, moved=True),
    "unknown_key": lambda s: filed(s, signer="stranger"),
    "unknown_organisation": lambda s: filed(s, source="110000.nobody", signer="stranger"),
    "foreign_author": lambda s: filed(s, source="120000", signer="stranger"),
    "revoked_organisation": lambda s: filed(s, source="110000.gone", signer="110000.gone"),
}
"""Nobody stands for these, so the city alone keeps them."""


def kept_whole(refusal: Event, sent: Sent) -> bool:
    """Key, value and all headers of the refused record are as they were sent."""
    whole = refusal.submission
    return (whole.key, whole.value, whole.headers) == (sent.record.key, sent.record.value, sent.record.headers)


@pytest.mark.parametrize("code", RETURNED)
def test_a_refusal_comes_back_to_its_author(scene: Scene, code: str) -> None:
    """The author reads the reason and his own record, whole, through his own door."""
    bad = RETURNED[code](scene)
    sent = scene.sender.send(bad)
    refusal = scene.refusal_at_the_door(bad.source, sent)
    assert refusal.refusal is not None
    assert (refusal.refusal.code, refusal.refusal.returned_to) == (code, bad.source)
    assert refusal.refusal.text
    assert kept_whole(refusal, sent)


@pytest.mark.parametrize("code", KEPT)
def test_a_refusal_that_nobody_stands_for_is_kept_by_the_city(scene: Scene, code: str) -> None:
    """The city keeps it whole and returns it to nobody, whoever it claims to be from."""
    sent = scene.sender.send(KEPT[code](scene))
    refusal = scene.refusal_in_the_city(sent)
    assert refusal.refusal is not None
    assert (refusal.refusal.code, refusal.refusal.returned_to) == (code, "")
    assert not refusal.refusal.binding
    assert kept_whole(refusal, sent)


def test_every_reason_of_the_documentation_is_tested_here() -> None:
    """docs/wire.md lists exactly these reasons."""
    text = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")
    table = text.split("<!-- reasons -->")[1]
    documented = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    assert documented == {*RETURNED, *KEPT, UNREADABLE}


def test_the_same_bytes_are_refused_again_but_told_once(scene: Scene) -> None:
    """A binding refusal holds for its bytes for ever; the second time only the city notes it."""
    sent = scene.sender.send(about(scene, hutong.disposition.Closed(reason="twice")))
    assert scene.refusal_in_the_city(sent).refusal.returned_to == CITY  # type: ignore[union-attr]
    placed = scene.city.transport.producer(client_id="again").send([sent.record], timeout=30)[0]
    again = scene.refusal_in_the_city(replace(sent, offset=placed.offset)).refusal
    assert again is not None
    assert (again.code, again.binding, again.returned_to) == ("not_allowed", True, "")


def test_an_unknown_ticket_may_become_known(scene: Scene) -> None:
    """A reason that passes binds nothing: the same bytes are admitted once the ticket is filed."""
    subject = ticket_id(CITY, datetime.now(UTC))
    early = filed(scene, subject=subject, type="disposition.dispatched.v1")
    early = replace(early, value=scene.encode(hutong.disposition.Dispatched(lead=WATER)))
    sent = scene.sender.send(early)
    assert scene.refusal_in_the_city(sent).refusal.code == "unknown_ticket"  # type: ignore[union-attr]
    scene.hotline.submit(FILED, ticket=subject, wait="admitted")
    scene.city.transport.producer(client_id="again").send([sent.record], timeout=30)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if any(event.fingerprint == sent.fingerprint for event in scene.hotline.replay(ticket=subject)):
            return
    raise AssertionError("the dispatch was not admitted after its ticket was filed")


def test_nobody_can_burn_anothers_id(scene: Scene) -> None:
    """A stranger's forgery under an id is refused; the owner's own event under that id is admitted."""
    id_, subject = derived_id("mine"), ticket_id(CITY, datetime.now(UTC))
    forged = scene.sender.send(filed(scene, id=id_, subject=subject, signer="stranger"))
    assert scene.refusal_in_the_city(forged).refusal.code == "unknown_key"  # type: ignore[union-attr]
    own = scene.sender.send(filed(scene, id=id_, subject=subject))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if any(event.fingerprint == own.fingerprint for event in scene.hotline.replay(ticket=subject)):
            return
    raise AssertionError("the owner's event was not admitted")


def test_a_record_that_decompresses_to_megabytes_does_not_stop_admit(scene: Scene) -> None:
    """Nobody signed it, the broker took it (it is small when compressed): it is kept in part, and the city goes on."""
    producer = scene.city.transport.producer(client_id="bomber")
    bomb = Outgoing(topic="submissions", key=b"x", value=bytes(3 * 1024 * 1024), partition=0)
    placed = producer.send([bomb], timeout=30)[0]
    sent = Sent(record=bomb, fingerprint=b"", partition=0, offset=placed.offset)
    refusal = scene.refusal_in_the_city(sent).refusal
    assert refusal is not None
    assert (refusal.code, refusal.cut, refusal.returned_to, refusal.binding) == ("too_large", True, "", False)
    assert "kept in part" in refusal.text
    scene.hotline.submit(FILED, wait="admitted")


def test_bombs_are_refused_in_bounded_memory(scene: Scene) -> None:
    """Twenty batches that unpack to 6.5 GB in all, in every codec: each gets its reason, admit grows by little."""
    city, place = scene.city, Partition("submissions", 0)
    pid = city.services.pid("admit")
    assert pid is not None
    before = resident(pid)
    zeros = hostile.record(b"k", bytes(200 * 1024 * 1024))
    bombs = [hostile.batch(hostile.pack(zeros, codec), 1, codec) for codec in ("gzip", "lz4")]
    bombs.append(hostile.batch(hostile.zstd_of_zeros(zeros[:20], len(zeros) - 21, zeros[-1:]), 1, "zstd"))
    bombs.append(hostile.batch(hostile.pack(hostile.record(b"k", bytes(3_000_000)), "snappy"), 1, "snappy"))
    answers = [hostile.produce(city.kafka.bootstrap, *place, bomb) for bomb in bombs * 5]
    assert [answer.code for answer in answers] == [0] * 20
    sent = Sent(record=Outgoing(topic="submissions", key=None, value=None), fingerprint=b"", partition=0, offset=0)
    for answer in answers:
        refusal = scene.refusal_in_the_city(replace(sent, offset=answer.offset)).refusal
        assert refusal is not None
        assert (refusal.code, refusal.cut, refusal.returned_to) == (UNREADABLE, True, "")
    after = resident(pid)  # the same process
    if before is not None:
        assert after is not None
        print(f"admit: {before.now:.0f} MiB before, {after.peak:.0f} MiB at most")
        assert after.peak - before.peak < 80
    scene.hotline.submit(FILED, wait="admitted")
