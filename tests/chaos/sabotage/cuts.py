"""Named steps at which a process can be killed or stopped, and signs of how far it is, for the schedules.

All of it goes by files in one folder. A file ``<step>`` holding ``kill`` or ``stop`` arms the step: the first process
that gets there renames the file to ``<step>.fired`` and sends itself the signal. A sign is an empty file.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chaos.sabotage.patching import replace

BEFORE_WRITE = "before_write"
"""A transaction's records are decided, none of them is sent."""
BEFORE_LETTER = "before_letter"
"""A ticket is to be parked, its letter is not sent."""
WRITE = ("self", "records", "positions", "consumer", "begins", "timeout")
"""The parameters of a transaction's write."""
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Cuts:
    """The steps and signs of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def arm(self, step: str, what: str) -> None:
        """The next process that gets to ``step`` is hit: ``kill`` or ``stop``."""
        assert what in _SIGNALS
        self.fired(step).unlink(missing_ok=True)
        (self._folder / f"{step}.new").write_text(what)
        (self._folder / f"{step}.new").rename(self.armed(step))

    def armed(self, step: str) -> Path:
        """There while the step waits for somebody."""
        return self._folder / step

    def fired(self, step: str) -> Path:
        """There once somebody was hit."""
        return self._folder / f"{step}.fired"

    def sign(self, name: str) -> Path:
        """A file that says how far something is."""
        return self._folder / f"{name}.sign"

    def here(self, step: str) -> None:
        """This process is at ``step``."""
        try:
            what = self.armed(step).read_text()
            self.armed(step).rename(self.fired(step))
        except FileNotFoundError:
            return
        os.kill(os.getpid(), _SIGNALS[what])


def install(cuts: Cuts, instance: str) -> None:
    """Put the steps into this process; the sign ``<instance>.took`` says that it owns partitions of its door."""
    from hutong.subscribing.parking import Parking
    from hutong.subscribing.subscription import Subscription
    from hutong.transport.kafka.fencing import FencingProducer

    def write(original: Callable[..., Any]) -> Callable[..., Any]:
        def cut(self: FencingProducer, records: Any, **given: Any) -> Any:
            if records:
                cuts.here(BEFORE_WRITE)
            return original(self, records, **given)

        return cut

    def park(original: Callable[..., Any]) -> Callable[..., Any]:
        def cut(self: Parking, *given: Any) -> Any:
            cuts.here(BEFORE_LETTER)
            return original(self, *given)

        return cut

    def taken(original: Callable[..., Any]) -> Callable[..., Any]:
        def told(self: Subscription, partitions: frozenset[Any]) -> Any:
            starts = original(self, partitions)
            if partitions:
                cuts.sign(f"{instance}.took").touch()
            return starts

        return told

    replace(FencingProducer, "write", *WRITE, by=write)
    replace(Parking, "park", "self", "record", "stamp", "failure", by=park)
    replace(Subscription, "_taken", "self", "partitions", by=taken)
