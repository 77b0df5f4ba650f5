"""The directory on Kafka, read to its end. The registrar 登记机构 writes it: :mod:`hutong.registrar`."""

from __future__ import annotations

import threading

import structlog

from hutong.codec import Codec
from hutong.errors import BusError, InvalidEvent, SettingsError, Unavailable
from hutong.loop import read_to
from hutong.rules.directory import Directory
from hutong.transport import Consumer, Partition, Record, Transport
from hutong.wire.envelope import SIGNATURE, Environment, Submission
from hutong.wire.signing import Signature, Verifier

_log = structlog.get_logger()

DIRECTORY = Partition("directory", 0)


class DirectoryReader:
    """Keeps a :class:`Directory` up to date. Believes only what the pinned registrar key signed.

    Nothing is connected before the first :meth:`refresh`, which may be called by several threads. ``patience``: the
    seconds for which a broker may send nothing in the middle of the directory before it is Unavailable.
    """

    def __init__(
        self,
        transport: Transport,
        codec: Codec,
        registrar_key: bytes,
        environment: Environment,
        *,
        patience: float = 30.0,
    ) -> None:
        self.directory = Directory()
        self._codec = codec
        self._key = registrar_key
        self._environment: Environment = environment
        self._verifier = Verifier(environment)
        self._transport = transport
        self._lock = threading.RLock()
        self._consumer: Consumer | None = None
        self._patience = patience
        self._passed_over = 0
        self._read = False

    @property
    def known(self) -> Directory:
        """The directory as last read; read now where it never was. Raises as :meth:`refresh`."""
        return self.directory if self._read else self.refresh()

    @property
    def was_read(self) -> bool:
        """Whether :attr:`known` asks no broker."""
        return self._read

    def _open(self) -> Consumer:
        consumer = self._transport.consumer(client_id="directory")
        try:
            consumer.assign([DIRECTORY])
            consumer.seek(DIRECTORY, 0)
        except SettingsError as error:
            consumer.close()
            raise SettingsError(
                f"no city is founded at this broker, or it is closed to this program ({error}): check "
                "HUTONG_BOOTSTRAP, or found it (`hutong org found`)"
            ) from None
        except Unavailable:
            consumer.close()
            raise
        return consumer

    def refresh(self) -> Directory:
        """Read to the directory's end as it is now.

        Raises:
            Gap: a directory event is missing. InvalidEvent: one is not understood. Unavailable: the broker is away.
            SettingsError: there are records, but not one that the pinned key signed.
        """
        with self._lock:
            return self._refresh()

    def _refresh(self) -> Directory:
        if self._consumer is None:
            self._consumer = self._open()
        for record in read_to(self._consumer, {DIRECTORY: self._consumer.end(DIRECTORY)}, patience=self._patience):
            try:
                self._take(record)
            except BusError:
                self._consumer.seek(DIRECTORY, record.offset)  # whoever asks again is told again
                raise
        if self._passed_over and not self.directory.number:
            raise SettingsError(
                f"none of {self._passed_over} directory records is signed by the pinned registrar key "
                f"{self._key.hex()[:8]}… for the environment {self._environment}: check HUTONG_REGISTRAR_KEY and "
                "HUTONG_ENVIRONMENT"
            )
        self._read = True
        return self.directory

    def _take(self, record: Record) -> None:
        submission = Submission(key=record.key, value=record.value, headers=record.headers)
        try:
            signature = Signature.from_bytes(submission.header(SIGNATURE) or b"")
            self._verifier.verify(self._key, signature, submission.fingerprint(self._environment))
        except InvalidEvent as error:
            # Whoever can write here without the registrar's key must not be able to stop the city.
            self._passed_over += 1
            if self.directory.number:  # before the first one it is rather the pinned key that is wrong
                _log.warning("directory record passed over", offset=record.offset, error=str(error))
            return
        try:
            attributes = submission.attributes()
            type_, data = self._codec.decode(record.value or b"")
            if type_ != attributes.type or attributes.subject.encode() != record.key:
                raise InvalidEvent("invalid_data", "key, type and value do not agree")
            self.directory.apply(data)
        except InvalidEvent as error:
            # The registrar did sign it. Whoever passes over what he does not understand judges by a wrong directory.
            raise InvalidEvent(
                error.code,
                f"directory/0@{record.offset} is the registrar's, and not understood here: {error.text}; "
                "is this program older than the city's catalogue?",
            ) from None

    def close(self) -> None:
        """Stop reading."""
        if self._consumer is not None:
            self._consumer.close()
