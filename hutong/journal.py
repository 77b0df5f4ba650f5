"""An organisation's own append-only log of what it sent and handled, for whoever later checks the city's promises.

One JSON object a line. A line is with the operating system before the step that follows it, so a killed process
leaves a true record: *sent* stands before the broker sees the event, *acknowledged* after it answered, *handled*
after the program left the event's block, *parked* after the broker has the event's dead letter. Whether or not it is
written down, it is counted here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from hutong.errors import SettingsError
from hutong.event import city_part_removed
from hutong.observing.metrics import HANDLE_EVENTS, SUBMIT_EVENTS, Meter
from hutong.submitting.outgoing import Signed
from hutong.transport import Record
from hutong.wire.envelope import Environment
from hutong.wire.stamps import DeliveryStamp

TORN = b"\x18\n"
"""Ends a line that a killed process left unfinished (CAN, "ignore what came before"): it counts for nothing."""


class Journal:
    """Appends to ``<folder>/<organisation>.<system>.jsonl``; without a folder it keeps nothing.

    Raises:
        SettingsError: the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path | None,
        organisation: str,
        system: str,
        environment: Environment,
        meter: Meter | None = None,
    ) -> None:
        self._meter = meter or Meter()
        self._source = organisation
        self._environment: Environment = environment
        self._system = f"{organisation}.{system}"
        self._file = None
        if folder is not None:
            path = folder / f"{self._system}.jsonl"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._file = path.open("ab", buffering=0)
                if _torn(path):
                    self._file.write(TORN)
            except OSError as error:
                raise SettingsError(f"journal {path} cannot be written ({error}): name another folder") from error

    def sent(self, events: Sequence[Signed]) -> None:
        """The events are about to be sent."""
        self._write(
            [
                {
                    "what": "sent",
                    "fingerprint": event.fingerprint.hex(),
                    "ticket": event.ticket,
                    "id": event.id,
                    "type": event.type,
                    "source": self._source,
                }
                for event in events
            ]
        )

    def acknowledged(self, events: Sequence[Signed]) -> None:
        """All in-sync replicas have the events."""
        self._meter.add(SUBMIT_EVENTS, amount=len(events))
        self._write([{"what": "acknowledged", "fingerprint": event.fingerprint.hex()} for event in events])

    def handled(self, stamp: DeliveryStamp, record: Record, *, given: bool, letter: bool = False) -> None:
        """The delivery is behind the system's mark: its block was left without an exception, or (``given`` false)
        the subscription did not ask for it. ``letter``: it came out of the dead letters."""
        if given:
            self._meter.add(HANDLE_EVENTS, "handled")
        self._delivery("handled", stamp, record, {"given": given, **({"letter": True} if letter else {})})

    def parked(self, stamp: DeliveryStamp, record: Record, *, behind: bool) -> None:
        """The delivery's dead letter is with all in-sync replicas. It failed, or waits ``behind`` one of its ticket."""
        self._meter.add(HANDLE_EVENTS, "behind" if behind else "parked")
        self._delivery("parked", stamp, record, {})

    def _delivery(self, what: str, stamp: DeliveryStamp, record: Record, more: dict[str, object]) -> None:
        if self._file is not None:
            line: dict[str, object] = {
                "what": what,
                "system": self._system,
                "stream": stamp.stream,
                **more,
                "partition": stamp.partition,
                "n": stamp.n,
                "fingerprint": city_part_removed(record).fingerprint(self._environment).hex(),
            }
            self._write([line])

    def _write(self, lines: Sequence[dict[str, object]]) -> None:
        if self._file is not None:
            now = time.time_ns() // 1_000_000
            self._file.write(b"".join(json.dumps({"at": now, **line}).encode() + b"\n" for line in lines))

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()


def _torn(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        return file.read(1) not in (b"", b"\n")
