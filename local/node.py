"""The process of one Kafka broker: formatted once, started, stopped, killed, frozen, started again."""

from __future__ import annotations

import base64
import contextlib
import itertools
import os
import secrets
import signal
import socket
import ssl
import struct
import subprocess
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from hutong.errors import SettingsError
from local.java import java, kafka_jars
from local.tether import tethered

HOST = "127.0.0.1"
JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")
LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")

Address = tuple[str, int]
"""Host and port."""


class BrokerProcess(ABC):
    """One broker (KRaft, combined mode) in ``folder``; a second start finds its data again.

    It runs in a session of its own, so Ctrl-C reaches the services first, and dies with the process (the thread, see
    ``local.tether``) that started it. Whatever was acknowledged survives a SIGKILL of the broker.
    Everything that a person can mend is a SettingsError with one sentence. ``say`` gets a line before long work.
    """

    def __init__(
        self, folder: Path, *, start_timeout: float = 60.0, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.folder = folder
        self.log = folder / "broker.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._start_timeout = start_timeout
        self._say = say

    @abstractmethod
    def _settle(self) -> tuple[Address, Mapping[str, object]]:
        """Decide where the broker listens for clients, and its properties."""

    @abstractmethod
    def _format_options(self) -> Sequence[str]:
        """How Kafka's storage tool is to format an empty folder."""

    def _trust(self) -> ssl.SSLContext | None:
        """How to greet it where clients come by TLS."""
        return None

    def _before(self) -> Sequence[str]:
        """A command to put before Java's, one that becomes what follows it."""
        return ()

    def start(self) -> None:
        """Start and return when the broker answers (about 4 s; the first time also the download). Running: no-op."""
        if self.running():
            return
        self._wait_until_ready(self.launch())

    def launch(self) -> Address:
        """Start it and return at once; where it will answer."""
        runtime = [str(java()), *JVM, *LOGGING, "-cp", os.pathsep.join(map(str, kafka_jars(say=self._say)))]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            address, settings = self._settle()
            properties = self.folder / "server.properties"
            properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
            if not (self.folder / "data" / "meta.properties").exists():
                self._format(runtime, properties)
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    tethered([*self._before(), *runtime, "kafka.Kafka", str(properties)]),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise SettingsError(
                f"The folder {self.folder} cannot be used ({error.strerror or error}): "
                "make it writable, or name another in HUTONG_DEMO_HOME."
            ) from error
        return address

    def running(self) -> bool:
        """Whether the process lives (frozen or not)."""
        return self.process is not None and self.process.poll() is None

    def stop(self, *, timeout: float = 15.0) -> None:
        """End it cleanly; after ``timeout`` seconds by SIGKILL. Stopped already: no-op."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, as a test or a power cut would, and wait until it is gone."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def restart(self) -> None:
        """Stop if it runs, and start at the same address with the same data."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _format(self, runtime: list[str], properties: Path) -> None:
        command = ["kafka.tools.StorageTool", "format", *self._format_options()]
        told = subprocess.run(
            tethered([*runtime, *command, "--config", str(properties)]), capture_output=True, text=True, check=False
        )
        if told.returncode != 0:
            raise SettingsError(f"Kafka's storage under {self.folder} could not be made: {last_line(told.stderr)}")

    def _wait_until_ready(self, address: Address) -> None:
        try:
            self.wait_until_ready(address)
        except BaseException:  # nobody will call stop() on a broker that never came up
            self.kill()
            raise

    def wait_until_ready(self, address: Address) -> None:
        """Return when the broker takes clients. SettingsError when it ends before, or takes too long."""
        assert self.process is not None
        deadline = time.monotonic() + self._start_timeout
        while not answers(address[1], host=address[0], trust=self._trust()):
            if self.process.poll() is not None:
                reason = last_line(self.log.read_text(errors="replace"))
                raise SettingsError(f"Kafka ended while it started ({reason}): see {self.log}.")
            if time.monotonic() > deadline:
                raise SettingsError(f"Kafka did not answer within {self._start_timeout:.0f} s: see {self.log}.")
            time.sleep(0.05)


def cluster_id() -> str:
    """A new cluster's id, as Kafka makes its own: one that began with a dash would be taken for an option."""
    ids = (base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode() for _ in itertools.count())
    return next(id_ for id_ in ids if not id_.startswith("-"))


def answers(port: int, *, host: str = HOST, timeout: float = 1.0, trust: ssl.SSLContext | None = None) -> bool:
    """Whether a broker answers an ApiVersions request (key 18, version 0): it does once it takes clients, and before it
    asks who they are. ``trust``: it is spoken to by TLS."""
    correlation = secrets.randbits(31)
    request = struct.pack(">hhih", 18, 0, correlation, -1)  # no client id
    try:
        with contextlib.ExitStack() as opened:
            connection = opened.enter_context(socket.create_connection((host, port), timeout))
            if trust is not None:
                connection = opened.enter_context(trust.wrap_socket(connection, server_hostname=host))
            connection.settimeout(timeout)
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.makefile("rb").read(10)
    except OSError:
        return False
    return len(answer) == 10 and struct.unpack(">ih", answer[4:]) == (correlation, 0)


def free_port(*, but: int | None = None) -> int:
    """A port that nobody listens on at this moment.

    Below the range from which systems take the near end of connections (Linux 32768, others 49152): otherwise a
    client that waits for the broker to come back may connect to itself, and hold the port.
    """
    return next(
        port for port in iter(lambda: 10_000 + secrets.randbelow(22_000), 0) if port != but and not is_busy(port)
    )


def is_busy(port: int) -> bool:
    """Whether somebody listens on ``port`` (connections of a broker just ended do not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def last_line(text: str) -> str:
    """The last line that says something; tools put their reason there."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it gave no reason"
