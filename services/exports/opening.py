"""Opening an export: a file, ``.gz`` or not, or the standard input; its first bytes can be looked at beforehand."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

import hutong

STANDARD_INPUT = Path("-")
HEAD_BYTES = 64 * 1024
"""What is looked at to tell a file's format and encoding."""
TORN = (EOFError, zlib.error, gzip.BadGzipFile)
"""What reading raises where a ``.gz`` breaks off or is damaged."""


class _Source(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class Opened(io.RawIOBase):
    """Bytes of which the first, ``head`` (a whole line, or :data:`HEAD_BYTES`), were read already; reading begins with
    them all the same. What comes through a pipe is given as it comes. ``line`` is where reading stands, from 1.

    Raises:
        EOFError, zlib.error, BadGzipFile: it breaks off (:data:`TORN`); what came before was given.
    """

    def __init__(self, file: _Source) -> None:
        self._file = file
        self._torn: Exception | None = None
        self.line = 1
        self.head = b""
        try:
            while len(self.head) < HEAD_BYTES and b"\n" not in self.head and (more := file.read1(HEAD_BYTES)):
                self.head += more
        except TORN as error:  # told behind the head; asked again, the file might just end
            if not self.head:
                raise
            self._torn = error
        self._left = memoryview(self.head)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if self._left:
            given = self._left[: len(buffer)]
            self._left = self._left[len(given) :]
        elif self._torn is not None:
            raise self._torn
        else:
            given = memoryview(self._file.read1(len(buffer)))
        buffer[: len(given)] = given
        self.line += bytes(given).count(b"\n")
        return len(given)


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """The bytes of ``path``, unpacked if it ends in ``.gz``; of the standard input if it is ``-``.

    Raises:
        SettingsError: it cannot be read, or is damaged; also where that shows only inside the block.
    """
    try:
        if path == STANDARD_INPUT:
            yield Opened(cast(io.BufferedReader, sys.stdin.buffer))
            return
        with gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb") as source:
            file = Opened(source)
            try:
                yield file
            except TORN as error:
                raise hutong.SettingsError(
                    f"{path} breaks off in line {file.line}: is it whole? Fetch it again, then give it again"
                ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise hutong.SettingsError(f"{path} cannot be read: {error}") from error
