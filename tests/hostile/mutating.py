"""Inputs for the fuzzer: right submissions of every type, in the order of real lives, hurt at one of four depths.

Before the signature (value, headers), so that what is hurt is judged and not only its signature; behind it; in the
bytes of the record; in the bytes of the packed batch. Coverage would be no guide here: behind a flipped bit lies only
``bad_signature``, and behind a signed one the structure that is known. So these mutations know it.
"""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import crc32c
import lz4.frame  # type: ignore[import-untyped]

from hutong import complaint, disposition
from hutong.events import EventData
from hutong.transport import Header
from hutong.transport.partition import partition_of
from hutong.wire.envelope import OPTIONAL, REQUIRED, RESERVED, SIGNATURE, Submission
from tests.hostile.forging import CITY, GONE, HEAT, WATER, Wish, fresh_ticket, sign
from tests.hostile.raw import batch, pack, record, varint, zstd_of_zeros
from tests.hostile.test_values import ARRAYS, CATALOGUE, HEAD, STRANGE, TAIL, VALID
from tests.hostile.town import DISPATCHED, FILED, PARTITIONS, Town

MB = 1024 * 1024
AUTHORS = (CITY, CITY, CITY, WATER, WATER, HEAT, GONE, "stranger", "110000.nobody", "120000")
NUMBERS = [
    0,
    1,
    2,
    63,
    64,
    127,
    128,
    255,
    2**15,
    2**20,
    2**31 - 1,
    2**31,
    2**32,
    2**62,
    2**63 - 1,
    -1,
    -2,
    -64,
    -(2**31),
]
LIFE: tuple[tuple[str, EventData], ...] = (
    (CITY, FILED),
    (CITY, DISPATCHED),
    (WATER, disposition.Accepted()),
    (WATER, disposition.Resolved()),
    (CITY, disposition.CalledBack(contacted=True, resolved=True)),
    (CITY, disposition.Closed(reason="done")),
)
OTHERS: tuple[EventData, ...] = (
    complaint.Answered(basis="knowledge_base"),
    disposition.Declined(reason="not_our_duty"),
    disposition.DeclineDecided(decision=disposition.Decision.GRANTED),
    disposition.Reopened(reason="not_solved"),
)


@dataclass(frozen=True, kw_only=True)
class Input:
    """The bytes of a log for one partition, and what was done to them."""

    batches: bytes
    partition: int
    how: str
    records: int = 1


class Mutator:
    """Makes inputs, the same ones for the same seed and town."""

    def __init__(self, town: Town, seed: int) -> None:
        self._town = town
        self._random = random.Random(seed)
        self._lives: list[tuple[str, int]] = []
        self._sent: list[Submission] = []
        zeros = record(b"k", b"first") + record(b"k", bytes(40 * MB), delta=1)
        self._bombs = [batch(pack(zeros, codec), 2, codec) for codec in ("gzip", "lz4")]
        self._bombs.append(batch(zstd_of_zeros(record(b"k", b"first"), 500 * MB), 2, "zstd"))
        self._bombs.append(batch(pack(record(b"k", bytes(MB)), "snappy"), 1, "snappy"))

    def next(self) -> Input:
        """The next input."""
        dice = self._random
        depth = dice.choices(
            ("right", "value", "header", "signed", "record", "batch", "huge"), (16, 44, 36, 44, 24, 35, 1)
        )[0]
        count = dice.choices((1, 2, 3, 8), (80, 10, 5, 5))[0]
        if depth == "huge":
            return self._huge()
        wishes = [self._wish() for _ in range(count)]
        if depth in ("value", "header"):
            at = dice.randrange(count)
            wishes[at] = self._hurt_value(wishes[at]) if depth == "value" else self._hurt_headers(wishes[at])
        events = self._sign(wishes)
        if depth == "signed":
            at = dice.randrange(count)
            for _ in range(dice.choice((1, 1, 2))):
                events[at] = self._hurt_signed(events[at])
        self._sent = [*self._sent[-200:], *events]
        partition = partition_of(events[0].key or b"", PARTITIONS)
        if dice.random() < 0.03:
            partition = dice.randrange(PARTITIONS)
        packed = b"".join(record(event.key, event.value, event.headers, at) for at, event in enumerate(events))
        if depth == "record":
            packed = self._bytes(packed, dice.choice((1, 1, 2, 5)))
        codec = dice.choices(("none", "gzip", "lz4", "snappy"), (70, 14, 14, 2))[0]
        batches = batch(pack(packed, codec), count, codec)
        if depth == "batch":
            batches = self._hurt_batch(batches)
        return Input(batches=batches, partition=partition, how=depth, records=count)

    def _wish(self) -> Wish:
        """The next step of a life, mostly; else anything by anybody."""
        dice, town = self._random, self._town
        if dice.random() < 0.55:
            at = dice.randrange(len(self._lives)) if self._lives and dice.random() < 0.8 else -1
            ticket, step = self._lives.pop(at) if at >= 0 else (fresh_ticket(), 0)
            author, data = LIFE[step]
            if step + 1 < len(LIFE) and len(self._lives) < 500:
                self._lives.append((ticket, step + 1))
            return town.wish(data, source=author, signer=author, subject=ticket)
        author = dice.choice(AUTHORS)
        signer = author if author in town.signers else "stranger"
        ticket = dice.choice(self._lives)[0] if self._lives and dice.random() < 0.7 else fresh_ticket()
        if dice.random() < 0.3:
            number = dice.choice(sorted(VALID))
            return replace(
                town.wish(source=author, signer=signer, subject=ticket),
                value=VALID[number],
                type=CATALOGUE.schema(number).type,
            )
        return town.wish(dice.choice((*OTHERS, FILED, DISPATCHED)), source=author, signer=signer, subject=ticket)

    def _sign(self, wishes: Sequence[Wish]) -> list[Submission]:
        """Neighbours of one signer share a batch signature."""
        events: list[Submission] = []
        groups: list[list[Wish]] = []
        for wish in wishes:
            if groups and groups[-1][0].signer == wish.signer:
                groups[-1].append(wish)
            else:
                groups.append([wish])
        for group in groups:
            events += sign(self._town.signers[group[0].signer], *(wish.unsigned() for wish in group))
        return events

    def _hurt_value(self, wish: Wish) -> Wish:
        dice = self._random
        value = wish.value or b""
        match dice.randrange(8):
            case 0:
                value = value[: dice.randrange(len(value) + 1)]
            case 1:
                value += dice.randbytes(dice.choice((1, 2, 50, 3000)))
            case 2:
                value = HEAD + dice.choice(list(ARRAYS.values())) + TAIL
                return replace(wish, value=value, type="disposition.dispatched.v1")
            case 3:
                number = dice.choice((0, 1, 5, 12, 18, 99, 2**31, 2**32 - 1))
                value = bytes([dice.choice((0, 0, 0, 1))]) + number.to_bytes(4, "big") + value[5:]
            case 4:
                at = dice.randrange(5, len(value) + 1) if len(value) >= 5 else 0
                value = value[:at] + varint(dice.choice(NUMBERS)) + value[at:]
            case 5:
                text = dice.choice(STRANGE).encode() * dice.choice((1, 3))
                at = dice.randrange(len(value) + 1)
                value = value[:at] + text + value[at + len(text) :]
            case 6:
                return replace(
                    wish, value=dice.choice((None, b"", bytes(5), bytes(dice.choice((300, 262_144, 300_000)))))
                )
            case _:
                value = self._bytes(value, dice.choice((1, 1, 2, 4)))
        return replace(wish, value=value)

    def _hurt_headers(self, wish: Wish) -> Wish:
        dice = self._random
        match dice.randrange(9):
            case 0:
                return replace(wish, subject=self._text(wish.subject))
            case 1:
                return replace(wish, id=self._text(wish.id))
            case 2:
                return replace(wish, key=dice.choice((None, b"", b"\xff", wish.subject.encode()[:-1], bytes(2000))))
            case 3:
                return replace(wish, source=self._text(wish.source))
            case 4:
                return replace(wish, type=self._text(wish.type))
        name = dice.choice((*REQUIRED, *OPTIONAL, *sorted(RESERVED), SIGNATURE, "system", "x", self._text("ce_id")))
        content = dice.choice((b"", b"\xff\xfe", b"1.0", b"2026-01-31T24:00:00.000Z", b"9999-12-31T23:59:59.999Z"))
        if dice.random() < 0.4:
            content = self._text("2026-01-31T00:00:00.000Z").encode("utf-8", "replace")
        return replace(wish, edit=self._edit(name, content))

    def _edit(self, name: str, content: bytes) -> Callable[[tuple[Header, ...]], Sequence[Header]]:
        dice = self._random
        what, at = dice.randrange(4), dice.randrange(8)

        def edit(headers: tuple[Header, ...]) -> Sequence[Header]:
            others = [header for header in headers if header[0] != name]
            match what:
                case 0:
                    return others
                case 1:
                    return [*headers[:at], (name, content), *headers[at:]]
                case 2:
                    return [*others[:at], (name, content), *others[at:]]
                case _:
                    return [*headers, *[(name, content)] * dice.choice((1, 2, 40))]

        return edit

    def _text(self, text: str) -> str:
        """Another text like this one."""
        dice = self._random
        at = dice.randrange(len(text) + 1)
        return dice.choice(
            (
                text[:at] + dice.choice(STRANGE) + text[at:],
                text[:at] + dice.choice("-.:/ 09AZé中") + text[at + 1 :],
                text[:at],
                text.upper(),
                text * dice.choice((2, 50)),
                text[:at] * dice.choice((1, 2000)),
                "",
            )
        )

    def _hurt_signed(self, event: Submission) -> Submission:
        dice = self._random
        headers = list(event.headers)
        at = dice.randrange(len(headers))
        name, content = headers[at]
        match dice.randrange(10):
            case 0:
                other = dice.choice(self._sent or [event])
                headers = [h for h in headers if h[0] != SIGNATURE] + [h for h in other.headers if h[0] == SIGNATURE]
            case 1:
                headers[at] = (name, self._bytes(content, 1))
            case 2:
                del headers[at]
            case 3:
                headers.append(headers[at])
            case 4:
                dice.shuffle(headers)
            case 5:
                headers[at] = (self._text(name), content)
            case 6:
                signature = (event.header(SIGNATURE) or bytes(81))[:81]
                size, index = dice.choice(NUMBERS) % 2**32, dice.choice(NUMBERS) % 2**32
                path = dice.randbytes(dice.choice((0, 31, 32, 64, 512, 20_000)))
                headers = [h for h in headers if h[0] != SIGNATURE]
                headers.append((SIGNATURE, signature[:9] + struct.pack(">II", size, index) + signature[17:] + path))
            case 7:
                return replace(event, value=self._bytes(event.value or b"", 1))
            case 8:
                return replace(event, key=dice.choice((None, b"", self._bytes(event.key or b"", 1))))
            case _:
                return dice.choice(self._sent or [event])  # sent on, as it is
        return replace(event, headers=tuple(headers))

    def _hurt_batch(self, batches: bytes) -> bytes:
        dice = self._random
        if dice.random() < 0.02:
            batches = dice.choice(self._bombs)
        raw = bytearray(batches)
        match dice.randrange(6):
            case 0:  # the count of records, and the last offset
                struct.pack_into(">i", raw, 57, dice.choice(NUMBERS) % 2**32 - 2**31)
            case 1:
                raw = bytearray(self._bytes(bytes(raw), 1))  # anywhere, lengths and all; mostly a wrong sum
                return bytes(raw)
            case 2:
                raw[22] = raw[22] & ~7 | dice.randrange(8)  # another codec than it is packed in
            case 3:
                body = self._bytes(bytes(raw[61:]), dice.choice((1, 2, 8)))
                raw = raw[:61] + body
            case 4:
                body = bytes(raw[61:])
                body = dice.choice((gzip.compress(body), lz4.frame.compress(body), body[: len(body) // 2], body * 2))
                raw = raw[:61] + body
            case _:
                pass
        return _sealed(raw)

    def _huge(self) -> Input:
        dice = self._random
        event = self._sign([self._wish()])[0]
        match dice.randrange(5):
            case 0:
                more: list[tuple[bytes, bytes | None]] = [(b"x%d" % n, b"") for n in range(dice.choice((1000, 50_000)))]
                made = record(event.key, event.value, [*event.headers, *more])
            case 1:
                more = [(b"\xff", None)] * dice.choice((1000, 100_000))
                made = record(event.key, event.value, [*event.headers, *more])
            case 2:
                made = record(event.key, bytes(dice.choice((300_000, MB))), event.headers)
            case 3:
                made = record(event.key, event.value, [*event.headers, ("ce_type", b"x" * 500_000)])
            case _:
                return Input(batches=dice.choice(self._bombs), partition=0, how="bomb", records=2)
        return Input(batches=batch(made, 1), partition=partition_of(event.key or b"", PARTITIONS), how="huge")

    def _bytes(self, data: bytes, times: int) -> bytes:
        """The bytes, hurt so often: flipped, cut out, doubled, put in."""
        dice, out = self._random, bytearray(data)
        for _ in range(times):
            at = dice.randrange(len(out) + 1)
            upto = min(at + dice.choice((1, 1, 2, 8)), len(out))
            match dice.randrange(5):
                case 0 if at < len(out):
                    out[at] ^= 1 << dice.randrange(8)
                case 1:
                    del out[at:upto]
                case 2:
                    out[at:at] = out[at:upto]
                case 3:
                    out[at:upto] = dice.randbytes(upto - at)
                case _:
                    out[at:at] = dice.choice(
                        (b"\x00", b"\xff", b"\x80\x00", b"\xff\xff\xff\xff\x0f", varint(dice.choice(NUMBERS)))
                    )
        return bytes(out)


def _sealed(raw: bytearray) -> bytes:
    """The batch with a right length and sum, so that it is read and not only refused for its sum."""
    if len(raw) < 61:
        return bytes(raw)
    struct.pack_into(">i", raw, 8, len(raw) - 12)
    raw[16] = 2
    struct.pack_into(">I", raw, 17, crc32c.crc32c(bytes(raw[21:])))
    return bytes(raw)
