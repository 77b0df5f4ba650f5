"""Reading what is to be filed: CSV or Open311 by a mapping, or JSON lines."""

from __future__ import annotations

import io
from codecs import BOM_UTF8
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import hutong
from services.exports import BadRow, Export, Opened, opened, rows_of
from services.intake.handler import Entry, entry_of_json, entry_of_row

LINE_BYTES = 4 * 1024 * 1024
"""A line of JSON is at most so long: sixteen times the largest event."""


class Format(StrEnum):
    """What a file is."""

    CSV = "csv"
    JSONL = "jsonl"
    OPEN311 = "open311"


def entries(path: Path, mapping: str | None, system: str, format: Format | None = None) -> Iterator[Entry | BadRow]:
    """What the file (``.gz``: compressed; ``-``: the standard input) holds, in order. Its format, where none is given,
    is that of its mapping or is seen from its name and first character. JSON lines come from ``system``.

    Raises:
        SettingsError: the file or its mapping cannot be read, or the mapping is for another format.
    """
    export = None if mapping is None else Export.load(mapping)
    if export is None and (format or _by_name(path)) in (Format.CSV, Format.OPEN311):
        Export.load(None)  # says which there are
    if export is not None and format not in (None, export.format):
        raise hutong.SettingsError(f"mapping {mapping} is for {export.format}, not for {format}: name another one")
    return _entries(path, export, mapping, system, format)


def _entries(
    path: Path, export: Export | None, mapping: str | None, system: str, format: Format | None
) -> Iterator[Entry | BadRow]:
    with opened(path) as file:
        seen = _seen(file.head)
        if export is not None:
            if format is None and seen is not None and seen != export.format:
                raise hutong.SettingsError(
                    f"{path} looks like {seen}, and mapping {mapping} is for {export.format}: name another mapping, "
                    f"or --format {export.format} if it is that all the same"
                )
            yield from _mapped(file, str(path), export)
        elif format is None and seen is Format.OPEN311:
            raise hutong.SettingsError(f"{path} is a JSON array, as Open311 has it: name its mapping with --map")
        else:
            yield from _json(io.BufferedReader(file), system)


def _by_name(path: Path) -> Format | None:
    return Format.CSV if path.name.removesuffix(".gz").endswith(".csv") else None


def _seen(head: bytes) -> Format | None:
    """What the first character shows; a CSV shows nothing."""
    match head.removeprefix(BOM_UTF8).lstrip()[:1]:
        case b"[":
            return Format.OPEN311
        case b"{":
            return Format.JSONL
    return None


def _mapped(file: Opened, name: str, export: Export) -> Iterator[Entry | BadRow]:
    for row in rows_of(file, name, export):
        try:
            found = row if isinstance(row, BadRow) else entry_of_row(row, export)
        except BadRow as error:
            found = error
        yield found


def _json(file: io.BufferedReader, system: str) -> Iterator[Entry | BadRow]:
    number = 0
    while line := file.readline(LINE_BYTES):
        number += 1
        whole = line.endswith(b"\n") or len(line) < LINE_BYTES
        while not whole:  # passed over, not held
            rest = file.readline(LINE_BYTES)
            whole = rest.endswith(b"\n") or len(rest) < LINE_BYTES
            line = b""
        if not line:
            yield BadRow(number, "", "", f"longer than {LINE_BYTES} bytes")
        elif line.strip():
            yield _entry_of_json(number, line, system)


def _entry_of_json(number: int, line: bytes, system: str) -> Entry | BadRow:
    try:
        return entry_of_json(number, line.removeprefix(BOM_UTF8), system)
    except BadRow as error:
        return error
