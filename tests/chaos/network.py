"""Each broker in a network of its own, so that its cables can be cut and slowed (Linux, as root).

Two bridges: over one the broker's clients reach it, over the other the brokers reach each other. A broker whose second
cable is cut still answers its clients, and does not know what the others decided meanwhile.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from local.cluster import Seat

Cable = Literal["clients", "brokers"]
CABLES: tuple[Cable, ...] = ("clients", "brokers")
_PREFIX = "ht"


class Network:
    """Seats for brokers, each in its namespace. Names carry our process id: leftovers of dead runs are swept away."""

    def __init__(self, count: int) -> None:
        self._run = f"{_PREFIX}{os.getpid()}"
        second = 128 + secrets.randbelow(100)
        third = 2 * secrets.randbelow(120)
        self._nets = {cable: f"10.{second}.{third + n}" for n, cable in enumerate(CABLES)}
        self.seats = tuple(self._seat(number) for number in range(1, count + 1))
        self._slow = _ways_to_slow()

    @property
    def can_slow(self) -> bool:
        """Whether this kernel can slow a cable."""
        return self._slow is not None

    def _seat(self, number: int) -> Seat:
        return Seat(
            number=number,
            host=f"{self._nets['clients']}.{10 + number}",
            inner=f"{self._nets['brokers']}.{10 + number}",
            port=9092,
            broker_port=9093,
            controller_port=9094,
            before=("ip", "netns", "exec", self._space(number)),
        )

    def _space(self, number: int) -> str:
        return f"{self._run}-{number}"

    def _end(self, number: int, cable: Cable) -> str:
        """Our end of a broker's cable; names of interfaces have at most 15 letters."""
        return f"{self._run}{cable[0]}{number}"

    def _bridge(self, cable: Cable) -> str:
        return f"{self._run}{cable[0]}"

    def build(self) -> None:
        """Lay all cables. OSError or CalledProcessError where that is not allowed."""
        for cable in CABLES:
            _ip("link", "add", self._bridge(cable), "type", "bridge")
            _ip("link", "set", self._bridge(cable), "up")
        _ip("addr", "add", f"{self._nets['clients']}.1/24", "dev", self._bridge("clients"))
        for seat in self.seats:
            space = self._space(seat.number)
            _ip("netns", "add", space)
            _ip("-n", space, "link", "set", "lo", "up")
            for cable in CABLES:
                end = self._end(seat.number, cable)
                _ip("link", "add", end, "type", "veth", "peer", "name", cable, "netns", space)
                _ip("link", "set", end, "master", self._bridge(cable), "up")
                host = seat.host if cable == "clients" else seat.inner
                _ip("-n", space, "addr", "add", f"{host}/24", "dev", cable)
                _ip("-n", space, "link", "set", cable, "up")

    def cut(self, number: int, *cables: Cable) -> None:
        """Pull cables of a broker: nothing passes, nobody is told."""
        for cable in cables:
            _ip("link", "set", self._end(number, cable), "down")

    def mend(self, number: int, *cables: Cable) -> None:
        """Plug them in again."""
        for cable in cables:
            _ip("link", "set", self._end(number, cable), "up")

    def slow(self, number: int) -> None:
        """Slow both cables of a broker, towards it and from it."""
        assert self._slow is not None
        for cable in CABLES:
            _tc("qdisc", "replace", "dev", self._end(number, cable), "root", *self._slow)
            _tc("-n", self._space(number), "qdisc", "replace", "dev", cable, "root", *self._slow)

    def quicken(self, number: int) -> None:
        """Undo :meth:`slow`."""
        for cable in CABLES:
            _tc("qdisc", "del", "dev", self._end(number, cable), "root")
            _tc("-n", self._space(number), "qdisc", "del", "dev", cable, "root")

    def remove(self) -> None:
        """Take everything away; what is not there does not matter."""
        _sweep(self._run)


@contextlib.contextmanager
def network(count: int) -> Iterator[Network | str]:
    """A network for so many brokers while inside; where that is not possible, why."""
    _sweep_dead()
    net = Network(count)
    try:
        net.build()
    except (OSError, subprocess.CalledProcessError) as error:
        told = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else str(error)
        net.remove()
        yield told or "not allowed"
        return
    try:
        yield net
    finally:
        net.remove()


_SLOW = (("netem", "delay", "80ms", "40ms"), ("tbf", "rate", "1mbit", "burst", "16kb", "latency", "800ms"))
"""Delay where the kernel can; otherwise a narrow cable, whose queue delays."""


def _ways_to_slow() -> tuple[str, ...] | None:
    probe = f"{_PREFIX}{os.getpid()}-probe"
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        _ip("netns", "add", probe)
        try:
            _ip("-n", probe, "link", "set", "lo", "up")
            for way in _SLOW:
                with contextlib.suppress(subprocess.CalledProcessError):
                    _tc("-n", probe, "qdisc", "replace", "dev", "lo", "root", *way)
                    return way
        finally:
            _ip("netns", "del", probe)
    return None


def _sweep(run: str) -> None:
    with contextlib.suppress(OSError):
        for space in _names("netns", "list"):
            if space.startswith(f"{run}-"):
                _quietly("netns", "del", space)
        for link in _names("-o", "link", "show", "type", "bridge"):
            if link.startswith(run) and link[len(run) :] in {cable[0] for cable in CABLES}:
                for end in _names("-o", "link", "show", "master", link):
                    _quietly("link", "del", end)
                _quietly("link", "del", link)


def _sweep_dead() -> None:
    """Take away what runs left behind that were killed."""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        names = itertools.chain(_names("netns", "list"), _names("-o", "link", "show", "type", "bridge"))
        for pid in {name[len(_PREFIX) :].rstrip("cb").partition("-")[0] for name in names if name.startswith(_PREFIX)}:
            if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                _sweep(_PREFIX + pid)


def _names(*command: str) -> list[str]:
    """Names of what ``ip`` lists."""
    told = subprocess.run(["ip", *command], capture_output=True, text=True, check=False).stdout
    if command[0] == "netns":
        return [line.split()[0] for line in told.splitlines() if line.strip()]
    return [line.split(":")[1].strip().partition("@")[0] for line in told.splitlines() if ":" in line]


def _quietly(*command: str) -> None:
    subprocess.run(["ip", *command], capture_output=True, check=False)


def _ip(*command: str) -> None:
    subprocess.run(["ip", *command], capture_output=True, text=True, check=True)


def _tc(*command: str) -> None:
    subprocess.run(["tc", *command], capture_output=True, text=True, check=True)
