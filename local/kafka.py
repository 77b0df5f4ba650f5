"""Real Apache Kafka for one machine: one broker, its data under the city's home folder."""

from __future__ import annotations

import base64
import contextlib
import itertools
import os
import secrets
import signal
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from hutong.errors import SettingsError
from local.java import java, kafka_jars
from local.tether import tethered

HOST = "127.0.0.1"
JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")
LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")

CITY_SIZE: Mapping[str, object] = {
    "auto.create.topics.enable": "false",
    "num.network.threads": 2,
    "num.io.threads": 4,
    "offsets.topic.num.partitions": 4,
    "offsets.topic.replication.factor": 1,
    "offsets.retention.minutes": 365 * 24 * 60,  # longer than any delivery is kept
    "transaction.state.log.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    # an open transaction of a dead owner blocks readers until it is reaped
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    # a broker killed and started again waits until its former life is declared dead
    "broker.heartbeat.interval.ms": 500,
    "broker.session.timeout.ms": 3000,
    "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,  # the default takes 128 MB of the heap
}


@contextlib.contextmanager
def broker(home: Path, *, bootstrap: str | None, say: Callable[[str], None] = lambda _: None) -> Iterator[Broker]:
    """A Kafka: the one at ``bootstrap`` (``HUTONG_BOOTSTRAP``) if given, otherwise an embedded one while inside."""
    if bootstrap:
        yield NamedKafka(bootstrap)
        return
    with EmbeddedKafka(home, say=say) as embedded:
        yield embedded


class Broker(Protocol):
    """A Kafka that somebody keeps running."""

    @property
    def bootstrap(self) -> str:
        """``host:port``."""
        ...

    def start(self) -> None:
        """Start it again if it died. Running: no-op."""
        ...


@dataclass(frozen=True, slots=True)
class NamedKafka:
    """A Kafka that others keep running."""

    bootstrap: str

    def start(self) -> None:
        """Not ours to start."""


class EmbeddedKafka:
    """One real broker (KRaft, combined mode) under ``home/kafka``; a second start finds its data and its port again.

    It runs in a session of its own, so Ctrl-C reaches the services first, and dies with the process (the thread, see
    ``local.tether``) that started it. Whatever was acknowledged survives a SIGKILL of the broker.
    Everything that a person can mend is a SettingsError with one sentence. ``say`` gets a line before long work.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int | None = None,
        start_timeout: float = 60.0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = Path(home).absolute() / "kafka"
        self.log = self.folder / "broker.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._wanted = port
        self._port: int | None = None
        self._start_timeout = start_timeout
        self._say = say

    @property
    def bootstrap(self) -> str:
        """``host:port``, known from the first start on."""
        if self._port is None:
            raise SettingsError("The embedded Kafka has no address before its first start.")
        return f"{HOST}:{self._port}"

    def start(self) -> None:
        """Start and return when the broker answers (about 4 s; the first time also the download). Running: no-op."""
        if self.process is not None and self.process.poll() is None:
            return
        runtime = [str(java()), *JVM, *LOGGING, "-cp", os.pathsep.join(map(str, kafka_jars(say=self._say)))]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._port, controller = self._ports()
            properties = self._configure(self._port, controller)
            if not (self.folder / "data" / "meta.properties").exists():
                self._format(runtime, properties)
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    tethered([*runtime, "kafka.Kafka", str(properties)]),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise SettingsError(
                f"The folder {self.folder} cannot be used ({error.strerror or error}): "
                "make it writable, or name another in HUTONG_HOME."
            ) from error
        try:
            self._wait_until_ready()
        except BaseException:  # nobody will call stop() on a broker that never came up
            self.kill()
            raise

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
        """Stop if it runs, and start on the same port with the same data."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _ports(self) -> tuple[int, int]:
        """Broker's and controller's port: as remembered in ``ports``, as asked for, or free ones."""
        remembered = self.folder / "ports"
        if remembered.exists():
            former, controller = (int(number) for number in remembered.read_text().split())
            port = self._wanted or former
        else:
            port = self._wanted or free_port()
            controller = free_port(but=port)
        for number in (port, controller):
            if is_busy(number):
                raise SettingsError(
                    f"Port {number} of {HOST} is busy: end the program that uses it (perhaps another city that runs "
                    f"from {self.folder.parent}), or name another folder in HUTONG_HOME."
                )
        written = remembered.with_suffix(".new")
        written.write_text(f"{port} {controller}\n")
        written.replace(remembered)
        return port, controller

    def _configure(self, port: int, controller: int) -> Path:
        addresses = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.bootstrap.servers": f"{HOST}:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
            "log.dirs": self.folder / "data",
        }
        properties = self.folder / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in {**addresses, **CITY_SIZE}.items()))
        return properties

    def _format(self, runtime: list[str], properties: Path) -> None:
        # as Kafka makes its own ids: one that began with a dash would be taken for an option
        ids = (base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode() for _ in itertools.count())
        city = next(id_ for id_ in ids if not id_.startswith("-"))
        command = ["kafka.tools.StorageTool", "format", "--standalone", "--cluster-id", city]
        told = subprocess.run(
            tethered([*runtime, *command, "--config", str(properties)]), capture_output=True, text=True, check=False
        )
        if told.returncode != 0:
            raise SettingsError(f"Kafka's storage under {self.folder} could not be made: {last_line(told.stderr)}")

    def _wait_until_ready(self) -> None:
        assert self.process is not None and self._port is not None
        deadline = time.monotonic() + self._start_timeout
        while not answers(self._port):
            if self.process.poll() is not None:
                reason = last_line(self.log.read_text(errors="replace"))
                raise SettingsError(f"Kafka ended while it started ({reason}): see {self.log}.")
            if time.monotonic() > deadline:
                raise SettingsError(f"Kafka did not answer within {self._start_timeout:.0f} s: see {self.log}.")
            time.sleep(0.05)


def answers(port: int, *, timeout: float = 1.0) -> bool:
    """Whether a broker answers an ApiVersions request (key 18, version 0): it does once it takes clients."""
    correlation = secrets.randbits(31)
    request = struct.pack(">hhih", 18, 0, correlation, -1)  # no client id
    try:
        with socket.create_connection((HOST, port), timeout) as connection:
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
