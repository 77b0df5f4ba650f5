"""A city in memory at whose admit bytes are thrown: what becomes of each, held against what must hold for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hutong import complaint, disposition
from hutong.event import Event, read_event
from hutong.events import EventData
from hutong.settings import read_private_key
from hutong.transport import Partition, Record
from hutong.transport.partition import partition_of
from hutong.wire.envelope import Submission
from hutong.wire.signing import Signature, Signer, Verifier
from tests.cities import TwinCity
from tests.hostile.forging import CITY, GONE, HEAT, WATER, Wish, sign
from tests.hostile.path import read_batches
from tests.hostile.raw import batch, record

PARTITIONS = 2
RIGHTS = ("register", "file", "dispatch", "call_back", "replay")
FILED = complaint.Filed(
    kind=complaint.Kind.COMPLAINT, channel="phone", category="public_service/water/quality", area="110105026"
)
DISPATCHED = disposition.Dispatched(lead=WATER, assistants=(HEAT,))
MAX_TOLD = 700
"""Characters of a refusal's text at most, with what is said of a record that is kept in part."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a record. Neither entry nor refusal: the very bytes were on the ledger before."""

    record: Record
    entry: Event | None = None
    refusal: Event | None = None

    @property
    def code(self) -> str:
        """The reason, or ``admitted`` or ``known``."""
        if self.refusal is not None and self.refusal.refusal is not None:
            return self.refusal.refusal.code
        return "known" if self.entry is None else "admitted"

    @property
    def returned_to(self) -> str:
        """Who is told."""
        told = self.refusal.refusal if self.refusal else None
        return told.returned_to if told else ""


class Town:
    """The city, who signs in it, and its admit. What is thrown is judged at once, and delivered by :meth:`deliver`."""

    def __init__(self, home: Path) -> None:
        self.city = TwinCity(home, partitions=PARTITIONS, lively=False, rights=RIGHTS)
        for organisation in (WATER, HEAT, GONE):
            self.city.register(organisation)
        self.city.revoke(GONE)
        self.signers = {
            name: Signer(read_private_key(self.city.keys / f"{name}.pem"), "test") for name in (CITY, WATER, HEAT, GONE)
        }
        self.signers["stranger"] = Signer(Ed25519PrivateKey.from_private_bytes(b"s" * 32), "test")
        self.codec = self.city.connect(CITY).codec
        self._bound: set[bytes] = set()
        self._reader = self.city.transport.consumer(client_id="town")
        self._reader.assign([Partition(topic, n) for topic in ("ledger", "refusals") for n in range(PARTITIONS)])
        for place in self._reader.assignment():
            self._reader.seek(place, 0)

    def value(self, data: EventData) -> bytes:
        """Framed Avro."""
        return self.codec.encode(data)

    def wish(self, data: EventData = FILED, **parts: object) -> Wish:
        """A good event of these data, with parts replaced."""
        return replace(Wish(value=self.value(data), type=data.TYPE), **parts)  # type: ignore[arg-type]

    def signed(self, wish: Wish) -> Submission:
        """The event alone in its batch."""
        return sign(self.signers[wish.signer], wish.unsigned())[0]

    def throw(self, *events: Wish | Submission, partition: int | None = None) -> list[Outcome]:
        """What becomes of these, sent in one batch to the partition of the first one's key, or to this one."""
        made = [self.signed(event) if isinstance(event, Wish) else event for event in events]
        if partition is None:
            partition = partition_of(made[0].key or b"", PARTITIONS)
        packed = [record(event.key, event.value, event.headers, at) for at, event in enumerate(made)]
        return self.throw_bytes(batch(b"".join(packed), len(packed)), partition)

    def throw_bytes(self, batches: bytes, partition: int = 0) -> list[Outcome]:
        """What becomes of the records in these bytes of a log."""
        log = self.city.transport.logs["submissions"][partition]
        sent = []
        for read in read_batches(batches, partition=partition):
            sent.append(replace(read, offset=log.end, partition=partition))
            log.append(sent[-1], None)
        return self.judge(sent, partition)

    def judge(self, sent: Sequence[Record], partition: int) -> list[Outcome]:
        """Let admit work, and hold its outcomes against what must hold for each."""
        self.city._shifts[2 * partition].pump()
        found: dict[int, list[Event]] = {}
        for records in self._reader.poll(0, 100_000).values():
            for one in records:
                event = read_event(one, self.codec, "test")
                assert event.submitted is not None
                found.setdefault(event.submitted.offset, []).append(event)
        outcomes = [self._outcome(one, found.pop(one.offset, [])) for one in sent]
        assert not found, "an outcome of nothing that was sent"
        return outcomes

    def _outcome(self, sent: Record, events: list[Event]) -> Outcome:
        assert len(events) <= 1, f"{len(events)} outcomes"
        if not events:
            return Outcome(record=sent)
        [event] = events
        if event.refusal is None:
            assert (event.submission.key, event.submission.value, event.submission.headers) == _parts(sent)
            return Outcome(record=sent, entry=event)
        told = event.refusal
        if not told.cut:
            assert (event.submission.key, event.submission.value, event.submission.headers) == _parts(sent)
        assert 0 < len(told.text) <= MAX_TOLD
        assert told.text.isprintable()
        assert not (told.cut and (told.binding or told.returned_to))
        if told.returned_to or (told.binding and event.fingerprint not in self._bound):
            self._proven(sent, told.returned_to or None)
        if told.binding:  # what was bound stays so, however it is signed the next time
            self._bound.add(event.fingerprint)
        return Outcome(record=sent, refusal=event)

    def _proven(self, sent: Record, author: str | None) -> None:
        """One of our signers made this signature over these very bytes, and the first source says his name."""
        event = Submission(key=sent.key, value=sent.value, headers=sent.headers)
        source = (event.header("ce_source") or b"").decode()
        assert author in (None, source)
        signature = Signature.from_bytes(event.header("signature") or b"")
        Verifier("test").verify(self.signers[source].public_key, signature, event.fingerprint("test"))

    def look_up(self) -> None:
        """Let admit read the directory, which it else judges by for half a second."""
        for shift in self.city._shifts[::2]:
            shift.owner._refresh()  # type: ignore[attr-defined]

    def deliver(self) -> None:
        """Let deliver give out everything there is."""
        self.city.pump()

    def close(self) -> None:
        """End everything."""
        self._reader.close()
        self.city.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _parts(sent: Record) -> tuple[object, ...]:
    return sent.key, sent.value, sent.headers
