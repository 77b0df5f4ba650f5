"""Reading what is to be filed: CSV by a mapping, or JSON lines."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import hutong
from services.exports import BadRow, Export, read_rows
from services.intake.handler import Entry, entry_of_json, entry_of_row

STANDARD_INPUT = Path("-")


def entries(path: Path, mapping: str | None, system: str) -> Iterator[Entry | BadRow]:
    """What the file holds, in order: ``*.csv`` and whatever has a mapping is CSV, all else (and ``-``, the standard
    input) JSON lines of ``system``. ``.gz`` is compressed.

    Raises:
        SettingsError: the file or its mapping cannot be read.
    """
    if mapping is not None or path.name.removesuffix(".gz").endswith(".csv"):
        return _csv(path, Export.load(mapping))
    return _json(_lines(path), system)


def _csv(path: Path, export: Export) -> Iterator[Entry | BadRow]:
    for row in read_rows(path, export):
        try:
            found = row if isinstance(row, BadRow) else entry_of_row(row, export)
        except BadRow as error:
            found = error
        yield found


def _json(lines: Iterator[bytes], system: str) -> Iterator[Entry | BadRow]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found: Entry | BadRow = entry_of_json(number, line, system)
        except BadRow as error:
            found = error
        yield found


def _lines(path: Path) -> Iterator[bytes]:
    if path == STANDARD_INPUT:
        yield from sys.stdin.buffer
        return
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        raise hutong.SettingsError(f"{path} cannot be read: {error}") from error
