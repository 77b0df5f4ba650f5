"""Snapshots of a state file: a copy of the database, and the SHA-256 of the copy behind it.

Written beside the work, through a connection of its own, and renamed when whole. Never trusted: whoever takes over
checks the sum, whose state it is, and that the log still holds the last record it knows of. A former owner that
does not know it is over may still write one: it holds less, of the same log, so nothing is wrong with it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import structlog

_log = structlog.get_logger()

LEAST_CHANGES = 4_000
"""Rows. A state that changed by less is not copied: reading it again takes a second."""
LEAST_SECONDS = 30.0
SHARE = 1 / 20
"""Of the time, what copying may take."""

_SUM_BYTES = 32
_CHUNK = 1 << 20


class Unfit(Exception):
    """A snapshot that is damaged, or somebody else's. The text says how that was seen."""


class Snapshots:
    """The snapshots of one live file. ``whose`` names it in logs."""

    def __init__(self, path: Path, live: Path, whose: str) -> None:
        self.path = path
        self._live = live
        self._whose = whose
        self._next = time.monotonic() + LEAST_SECONDS
        self._thread: threading.Thread | None = None

    def due(self, changes: int) -> bool:
        """Whether it is time, ``changes`` rows after the last one."""
        busy = self._thread is not None and self._thread.is_alive()
        return changes >= LEAST_CHANGES and time.monotonic() >= self._next and not busy

    def begin(self) -> None:
        """Take one in the background. That it failed is logged; the former one stands then."""
        self._thread = threading.Thread(target=self._try, name=f"snapshot-{self.path.stem}", daemon=True)
        self._thread.start()

    def _try(self) -> None:
        began = time.monotonic()
        try:
            self.take()
        except (OSError, sqlite3.Error) as error:
            _log.warning("no snapshot, the next takeover reads more", file=str(self.path), error=str(error))
        taken = time.monotonic() - began
        self._next = time.monotonic() + max(LEAST_SECONDS, taken / SHARE)

    def take(self) -> None:
        """Copy what is committed in the live file, sum it, put it in its place. Raises OSError or sqlite3.Error."""
        new = self.path.with_name(f"{self.path.name}.{self._live.parent.name}.new")
        new.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(self._live)) as source, closing(sqlite3.connect(new)) as copy:
                source.backup(copy)
            with new.open("r+b") as file:
                found = sha256()
                while chunk := file.read(_CHUNK):
                    found.update(chunk)
                file.write(found.digest())
            new.replace(self.path)
        finally:
            new.unlink(missing_ok=True)

    def discard(self, why: str) -> None:
        """Throw the snapshot away."""
        _log.warning("snapshot thrown away, rebuilding from the log", file=str(self.path), state=self._whose, why=why)
        self.path.unlink(missing_ok=True)

    def wait(self) -> None:
        """Until none is being taken."""
        if self._thread is not None:
            self._thread.join()


def restore(snapshot: Path, live: Path) -> bool:
    """Copy a snapshot to ``live``; False where there is none.

    Raises:
        Unfit: it cannot be read, or its sum is not that of its content. OSError: the copy cannot be written.
    """
    with live.open("wb") as target:
        try:
            for chunk in _content(snapshot):
                target.write(chunk)
        except FileNotFoundError:
            return False
    return True


def _content(snapshot: Path) -> Iterator[bytes]:
    """A snapshot's content, piece by piece; whether it was sound is known at its end."""
    found = sha256()
    try:
        with snapshot.open("rb") as source:
            left = snapshot.stat().st_size - _SUM_BYTES
            while left > 0 and (chunk := source.read(min(_CHUNK, left))):
                found.update(chunk)
                yield chunk
                left -= len(chunk)
            if source.read() != found.digest():
                raise Unfit("it is damaged: its content does not have its sum")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unfit(f"it cannot be read ({error})") from error
