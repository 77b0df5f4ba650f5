"""A wrapped key proves who sent it, opens for its reader alone, and is believed nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from hutong.errors import InvalidEvent
from hutong.events.directory import Changed, Level, OrganisationEntry, Registered
from hutong.rules.directory import Directory
from hutong.sealing import DataKey
from hutong.transport import Record
from hutong.wire.wrapping import KeyName, Letter, Opener, Wrapper

AUTHOR, KEEPER, STRANGER = "110000", "110000.custodian", "110000.heat"
TICKET = "110000-20260131-0123456789"
SIGNING = {name: Ed25519PrivateKey.generate() for name in (AUTHOR, KEEPER, STRANGER)}
SEALING = {name: X25519PrivateKey.generate() for name in SIGNING}
KEY = DataKey.mint()


def directory(**sealing: bytes | None) -> Directory:
    made = Directory()
    for number, name in enumerate(SIGNING, 1):
        entry = OrganisationEntry(
            id=name,
            names=(),
            level=Level.DEPARTMENT,
            signing_keys=(SIGNING[name].public_key().public_bytes_raw(),),
            sealing_key=sealing.get(name.rpartition(".")[2], SEALING[name].public_key().public_bytes_raw()),
            rights=("custody",) if name == KEEPER else (),
        )
        made.apply(Registered(number=number, entry=entry))
    return made


def letter(sender: str = AUTHOR, reader: str = KEEPER, key: DataKey | None = KEY) -> Letter:
    name = KeyName(ticket=TICKET, key_class="identity", key_id=KEY.id)
    return Letter(name=name, sender=sender, reader=reader, key=key, event="e-1", number=7)


def record(sent: Letter, by: str | None = None) -> Record:
    """The record as it lies on the reader's topic; ``by``: who really signed it."""
    wrapper = Wrapper(sent.sender, SIGNING[by or sent.sender], "test")
    (out,) = wrapper.records([sent], directory())
    return Record(
        topic=out.topic, partition=0, offset=0, timestamp_ms=0, key=out.key, value=out.value, headers=out.headers
    )


def opener(reader: str = KEEPER) -> Opener:
    return Opener(reader, SEALING[reader], "test")


@pytest.mark.parametrize("key", [KEY, None], ids=["a key", "an erasure"])
def test_its_reader_opens_it(key: DataKey | None) -> None:
    """Everything it says comes back; an erasure is signed as well."""
    assert opener().open(record(letter(key=key)), directory()) == letter(key=key)


def test_keys_wrapped_together_prove_themselves_alone() -> None:
    """One signature for a batch."""
    letters = [replace(letter(), event=f"e-{number}") for number in range(5)]
    records = Wrapper(AUTHOR, SIGNING[AUTHOR], "test").records(letters, directory())
    assert len({dict(each.headers)["signature"][17:81] for each in records}) == 1
    found = [
        opener().open(
            Record(topic="", partition=0, offset=0, timestamp_ms=0, key=r.key, value=r.value, headers=r.headers),
            directory(),
        )
        for r in records
    ]
    assert found == letters


Harm = Callable[[Record], Record]


def header(name: str, value: bytes) -> Harm:
    return lambda good: replace(good, headers=tuple((n, value if n == name else v) for n, v in good.headers))


OTHER_KEY = KeyName(ticket=TICKET, key_class="identity", key_id=bytes(16)).to_bytes()
OTHER_CLASS = KeyName(ticket=TICKET, key_class="content", key_id=KEY.id).to_bytes()
HARMED: dict[str, Harm] = {
    "another sender": header("sender", STRANGER.encode()),
    "a sender that nobody knows": header("sender", b"110000.nobody"),
    "another number": header("number", bytes(8)),
    "another event": header("event", b"e-2"),
    "no signature": lambda good: replace(good, headers=good.headers[:-1]),
    "half a signature": header("signature", bytes(40)),
    "a header twice": lambda good: replace(good, headers=(*good.headers, good.headers[0])),
    "another key's name": lambda good: replace(good, key=OTHER_KEY),
    "another class": lambda good: replace(good, key=OTHER_CLASS),
    "no name": lambda good: replace(good, key=None),
    "a name that is none": lambda good: replace(good, key=b"\xff/identity/00"),
    "altered": lambda good: replace(good, value=bytes([(good.value or b"")[0] ^ 1]) + (good.value or b"")[1:]),
    "made a tombstone": lambda good: replace(good, value=None),
    "megabytes": lambda good: replace(good, value=bytes(1_000_000)),
}


@pytest.mark.parametrize("harm", HARMED.values(), ids=HARMED)
def test_what_was_changed_on_the_way_proves_nothing(harm: Harm) -> None:
    """Every part is bound; nothing but InvalidEvent comes of it."""
    with pytest.raises(InvalidEvent):
        opener().open(harm(record(letter())), directory())


def test_what_is_forged_is_for_another_or_holds_another_key_proves_nothing() -> None:
    """Signed by somebody else; sent on to another reader; a good signature over a key that is not the one named."""
    with pytest.raises(InvalidEvent, match="unknown_key"):
        opener().open(record(letter(), by=STRANGER), directory())
    with pytest.raises(InvalidEvent, match="bad_signature"):
        opener(STRANGER).open(record(letter()), directory())
    with pytest.raises(InvalidEvent, match="not the one it names"):
        opener().open(record(replace(letter(), key=DataKey.mint())), directory())
    with pytest.raises(InvalidEvent, match="bad_signature"):
        Opener(KEEPER, SEALING[KEEPER], "production").open(record(letter()), directory())


@pytest.mark.parametrize("event", ["e\0", "e 1", "e\n", "e'", "e" * 65], ids=repr)
def test_the_event_it_was_minted_for_has_an_events_id(event: str) -> None:
    """A true author's own record that names no event proves nothing; one that names none at all does."""
    with pytest.raises(InvalidEvent, match="no event's id") as error:
        opener().open(record(replace(letter(), event=event)), directory())
    assert error.value.code == "bad_key"
    assert opener().open(record(replace(letter(), event="")), directory()).event == ""


def test_only_the_custodian_releases() -> None:
    """A participant's own well signed record gives another no key."""
    with pytest.raises(InvalidEvent, match="not_entitled"):
        opener(STRANGER).open(record(letter(AUTHOR, STRANGER)), directory(), right="custody")
    assert opener(STRANGER).open(record(letter(KEEPER, STRANGER)), directory(), right="custody").key == KEY


@pytest.mark.parametrize(
    ("key", "said"),
    [(None, "no sealing key"), (bytes(32), "no X25519 key"), (b"\1" + bytes(31), "no X25519 key")],
    ids=["none", "zero", "one"],
)
def test_nothing_is_wrapped_for_a_reader_without_a_sealing_key(key: bytes | None, said: str) -> None:
    """It has none, or one of low order: it is said, before anything is sent."""
    known = directory()
    entry = known.organisations[KEEPER].entry.model_copy(update={"sealing_key": key})
    known.apply(Changed(number=known.number + 1, entry=entry))
    with pytest.raises(InvalidEvent, match=said):
        Wrapper(AUTHOR, SIGNING[AUTHOR], "test").records([letter()], known)
