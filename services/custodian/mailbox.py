"""The custodian's own topic ``keys.<custodian>``: what authors handed over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import structlog

from hutong.errors import InvalidEvent
from hutong.keyring import begin_at, open_letter
from hutong.loop import read_to
from hutong.registry import DirectoryReader
from hutong.transport import Partition, Record, Transport
from hutong.wire.wrapping import TOPIC, Letter, Opener
from services.custodian.store import Store

_log = structlog.get_logger()

_POSITION = "mailbox"
_SOME = 500


class Mailbox:
    """Reads on into the store, which knows how far it was read."""

    def __init__(
        self, transport: Transport, organisation: str, opener: Opener, directory: DirectoryReader, store: Store
    ) -> None:
        self._place = Partition(f"{TOPIC}{organisation}", 0)
        self._opener = opener
        self._directory = directory
        self._store = store
        self._consumer = transport.consumer(client_id=f"{organisation}.mailbox", strangers=True)
        begin_at(self._consumer, self._place, int(self._store.meta(_POSITION) or b"0"))
        self._read = self._consumer.position(self._place)

    def again(self) -> None:
        """Read everything anew: the store was restored, and may be older."""
        self._read = self._consumer.beginning(self._place)
        self._consumer.seek(self._place, self._read)

    def read(self) -> None:
        """Keep every key that lies there now. Raises Unavailable."""
        end = self._consumer.end(self._place)
        if self._consumer.position(self._place) >= end:
            return
        try:
            self._take(end)
        except BaseException:
            self._consumer.seek(self._place, self._read)  # it may be past what the store took
            raise
        self._read = end

    def _take(self, end: int) -> None:
        part: list[Letter] = []
        for letter in self._letters(end):
            part.append(letter)
            if len(part) == _SOME:
                self._keep(part)
                part = []
        self._keep(part, end)

    def _keep(self, letters: list[Letter], end: int | None = None) -> None:
        with self._store.transaction():
            for letter in letters:
                self._store.hold(letter)
            if end is not None:
                self._store.set_meta(_POSITION, str(end).encode())

    def _letters(self, end: int) -> Iterator[Letter]:
        for record in read_to(self._consumer, {self._place: end}):
            if record.value is None:
                continue  # its own word that a key is erased; the ledger said so before
            try:
                yield self._letter(record)
            except InvalidEvent as error:
                _log.warning(
                    "key record passed over", topic=record.topic, offset=record.offset, key=str(record.key)[:120],
                    error=str(error),
                )  # fmt: skip

    def _letter(self, record: Record) -> Letter:
        """What was handed over, without the number that its sender gave it: only the ledger puts a key in force."""
        return replace(open_letter(self._opener, record, self._directory), number=0)

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
