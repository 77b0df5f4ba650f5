"""Following what a city records, for a :class:`~hutong.board.Board`: read from the beginning, then only what is new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hutong.board import Board
from hutong.codec import Codec
from hutong.errors import InvalidEvent
from hutong.subscribing.marks import Seen, stamp_of
from hutong.topics import absent
from hutong.transport import Partition, Record, Transport
from hutong.wire.envelope import parse_time
from hutong.wire.stamps import LedgerStamp

_BATCH = 2_000


class Progress(NamedTuple):
    """How much of what was there at the beginning is read, in offsets."""

    done: int
    total: int


class Watch:
    """One consumer of ``topics`` (ledger, refusals, or a door), whose events go to ``board``.

    No signature is checked, so that it keeps up with a city. A record that cannot be read is counted, and ends nothing.

    Raises:
        SettingsError: a topic is missing or closed to this client. Unavailable: the broker is away.
    """

    def __init__(
        self, transport: Transport, board: Board, codec: Codec, *, topics: Sequence[str], client_id: str
    ) -> None:
        self.board = board
        self._codec = codec
        self._seen = Seen()
        there = transport.topics()
        if missing := [topic for topic in topics if topic not in there]:
            raise absent(transport, missing[0])
        self._bounds = transport.bounds([Partition(topic, n) for topic in topics for n in range(there[topic])])
        self._consumer = transport.consumer(client_id=client_id)
        self._consumer.assign(list(self._bounds))
        for place, bounds in self._bounds.items():
            self._consumer.seek(place, bounds.begin)

    def read(self, timeout: float) -> int:
        """Take what comes within ``timeout`` seconds, at most one batch; how many records that were."""
        polled = self._consumer.poll(timeout, _BATCH)
        for records in polled.values():
            for record in records:
                try:
                    self._take(record)
                except (InvalidEvent, KeyError, ValueError):  # a type of tomorrow, or nothing that the city wrote
                    self.board.unreadable += 1
        return sum(map(len, polled.values()))

    def progress(self) -> Progress:
        """How far it is through what was there, and could be read, when it began."""
        begun = [(place, bounds) for place, bounds in self._bounds.items()]
        done = sum(min(self._consumer.position(place), bounds.stable) - bounds.begin for place, bounds in begun)
        return Progress(done, sum(bounds.stable - bounds.begin for _, bounds in begun))

    def _take(self, record: Record) -> None:
        if record.topic == "refusals":
            self.board.refused += 1
            return
        headers = dict(record.headers)
        if "delivery" in headers or record.topic != "ledger":
            if not self._seen.first(stamp_of(record)):
                return
            if "refusal" in headers:
                self.board.refused += 1
                return
        area = headers["area"].decode()
        if not self.board.watches(area):
            return
        self.board.take(
            self._codec.decode(record.value or b"")[1],
            ticket=(record.key or b"").decode(),
            author=headers["ce_source"].decode(),
            time=parse_time(headers["ce_time"].decode()),
            at_ms=LedgerStamp.from_bytes(headers["ledger"]).admitted_ms,
            area=area,
        )

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
