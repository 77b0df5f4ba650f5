"""The keys that the custodian released to an organisation: read from ``keys.<org>`` into its key store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from hutong.errors import InvalidEvent, SettingsError, Unavailable, UnknownOutcome
from hutong.loop import read_to
from hutong.registry import DirectoryReader
from hutong.rules.directory import Directory
from hutong.sealing import KeyStore
from hutong.transport import Consumer, Partition, Record, Transport
from hutong.wire.envelope import Environment
from hutong.wire.wrapping import TOPIC, Letter, Opener

_log = structlog.get_logger()

CUSTODY = "custody"
"""The right of the custodian, who alone is believed here."""

FRESH_SECONDS = 0.5
"""How old what was read may be before a key that is held is used to open with: an erasure acts at most this much
later in a program that runs."""


def open_letter(opener: Opener, record: Record, directory: DirectoryReader, *, right: str | None = None) -> Letter:
    """What is in a record of a topic of keys. Raises as :meth:`Opener.open`, by a directory that is read on first."""
    try:
        return opener.open(record, directory.directory, right=right)
    except InvalidEvent:
        directory.refresh()  # its sender may be new there, or have a new key
        return opener.open(record, directory.directory, right=right)


def begin_at(consumer: Consumer, place: Partition, position: int) -> None:
    """Read ``place`` from where a store says, or, where that is not kept there, from its beginning."""
    consumer.assign([place])
    begin, end = consumer.beginning(place), consumer.end(place)
    consumer.seek(place, position if begin <= position <= end else begin)


class KeyRing:
    """Reads on when it is asked to, from where the store says. What proves nothing is passed over with a line in the
    log: whoever can write to the topic cannot stop its reader, nor give him a key."""

    def __init__(
        self,
        transport: Transport,
        organisation: str,
        key: X25519PrivateKey | None,
        keys: KeyStore,
        directory: DirectoryReader,
        environment: Environment,
    ) -> None:
        self._transport = transport
        self._organisation = organisation
        self._place = Partition(f"{TOPIC}{organisation}", 0)
        self._client_id = f"{organisation}.keys"
        self._opener = None if key is None else Opener(organisation, key, environment)
        self._keys = keys
        self._directory = directory
        self._consumer: Consumer | None = None
        self._read_at = float("-inf")

    def look(self) -> None:
        """Read on, unless that was done a moment ago. Raises as :meth:`refresh`."""
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            self.refresh()

    def refresh(self) -> None:
        """Read to the topic's end as it is now; nothing where the city has no custodian, or this program no sealing
        key. What the custodian itself is sent is handed over, not released to it: its programs open nothing.

        Raises:
            Unavailable: the broker is away.
        """
        self._read(self._to_the_end)

    def wait(self, seconds: float) -> None:
        """Take what is released within so many seconds, and return when the first of it came. Raises as
        :meth:`refresh`."""
        began = time.monotonic()
        self._read(lambda consumer, opener: self._what_comes(consumer, opener, seconds))
        if self._consumer is None:  # nothing can be read here
            time.sleep(max(began + seconds - time.monotonic(), 0.0))

    def _read(self, more: Callable[[Consumer, Opener], None]) -> None:
        custodian = None if self._opener is None else self._directory.known.custodian()
        if self._opener is None or custodian in (None, self._organisation):
            return
        try:
            with suppress(SettingsError):  # not registered (yet): nothing can have been released
                self._consumer = self._consumer or self._open()
            if self._consumer is not None:
                more(self._consumer, self._opener)
        except BaseException as error:
            self.close()  # it may be past what the store took: a new reader begins where the store says
            if isinstance(error, UnknownOutcome):  # reading leaves nothing behind
                raise Unavailable(f"released keys cannot be read now ({error})") from error
            raise

    def cause(self) -> str:
        """Why a key does not come, where the directory shows it, as the end of a sentence; else nothing.

        Raises:
            Unavailable: the broker is away.
        """
        reader = self._directory
        if not (reader.was_read and self._out_of_reach(reader.known) and self._out_of_reach(reader.refresh())):
            return ""
        return (
            f"; the directory has no sealing key of {self._organisation}, so nothing can be released to it: have it "
            f"entered (`hutong org register {self._organisation} --sealing-key HEX`)"
        )

    def _out_of_reach(self, directory: Directory) -> bool:
        standing = directory.get(self._organisation)
        return standing is not None and standing.entry.sealing_key is None and directory.custodian() is not None

    def _to_the_end(self, consumer: Consumer, opener: Opener) -> None:
        end = consumer.end(self._place)
        if consumer.position(self._place) < end:
            self._keep(read_to(consumer, {self._place: end}), opener, consumer)
        self._read_at = time.monotonic()

    def _what_comes(self, consumer: Consumer, opener: Opener, seconds: float) -> None:
        if records := consumer.poll(seconds).get(self._place):
            self._keep(records, opener, consumer)

    def _keep(self, records: Iterable[Record], opener: Opener, consumer: Consumer) -> None:
        with self._keys.batch():
            for record in records:
                self._take(record, opener)
            self._keys.move(self._place.topic, consumer.position(self._place))

    def _open(self) -> Consumer:
        consumer = self._transport.consumer(client_id=self._client_id, strangers=True)
        try:
            begin_at(consumer, self._place, self._keys.position(self._place.topic))
        except BaseException:
            consumer.close()
            raise
        return consumer

    def _take(self, record: Record, opener: Opener) -> None:
        try:
            letter = open_letter(opener, record, self._directory, right=CUSTODY)
        except InvalidEvent as error:
            _log.warning("key record passed over", topic=record.topic, offset=record.offset, error=str(error))
            return
        name = letter.name
        if letter.key is None:
            self._keys.erase(name.key_id, name.ticket, name.key_class)
        else:
            self._keys.release(name.ticket, name.key_class, letter.key, letter.number)

    def close(self) -> None:
        """Stop reading."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
