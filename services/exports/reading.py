"""Reading the rows of an export: CSV, or Open311 service requests; the bad rows in their place."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import hutong
from services.exports.mapping import Export
from services.exports.open311 import read_requests
from services.exports.opening import HEAD_BYTES, Opened, opened
from services.exports.rows import BadRow, Row


def read_rows(path: Path, export: Export) -> Iterator[Row | BadRow]:
    """The rows of a file (``.gz``: compressed; ``-``: the standard input), the bad ones in their place.

    Raises:
        SettingsError: the file cannot be read, is damaged, or lacks a column of the mapping.
    """
    with opened(path) as file:
        yield from rows_of(file, str(path), export)


def rows_of(file: Opened, name: str, export: Export) -> Iterator[Row | BadRow]:
    """The rows of what is open already. Raises SettingsError."""
    return read_requests(file, name, export.columns()) if export.format == "open311" else _csv(file, name, export)


def _csv(file: Opened, name: str, export: Export) -> Iterator[Row | BadRow]:
    encoding = _encoding(file.head, name, export)
    # A byte that is no text is kept as a lone surrogate, so that it spoils its own row and no other.
    text = io.TextIOWrapper(
        io.BufferedReader(file, HEAD_BYTES), encoding=encoding, errors="surrogateescape", newline=""
    )
    reader = csv.reader(text, delimiter=export.delimiter, strict=True)
    header = [cell.strip() for cell in next(reader)]
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            until = reader.line_num
            lost = f"; lines {line} to {until} were not read" if until > line else ""
            yield BadRow(line, "", "", f"no CSV: {error}{lost} (is a quote never closed?)")
            continue
        if cells:
            yield _row(line, header, cells)


def _encoding(head: bytes, name: str, export: Export) -> str:
    """The first of the mapping's encodings in which the header names all columns. Raises SettingsError."""
    if not head:
        raise hutong.SettingsError(f"{name} is empty: it lacks even the line that names its columns")
    missing: list[list[str]] = []
    for encoding in export.encodings:
        text = io.StringIO(head.decode(encoding, errors="replace"), newline="")
        try:
            header = {cell.strip() for cell in next(csv.reader(text, delimiter=export.delimiter), [])}
        except csv.Error:
            header = set()
        missing.append(sorted(export.columns() - header))
        if not missing[-1]:
            return encoding
    least = min(missing, key=lambda columns: len(columns))
    raise hutong.SettingsError(f"{name} has no column {', '.join(least)}, which its mapping names")


def _row(line: int, header: list[str], cells: list[str]) -> Row | BadRow:
    if len(cells) != len(header):
        return BadRow(line, "", "", f"{len(cells)} cells instead of {len(header)}")
    trimmed = [cell.strip() for cell in cells]
    try:
        "".join(trimmed).encode()
    except UnicodeEncodeError:
        return BadRow(line, "", "", "a cell has bytes that are no text in the mapping's encoding")
    return Row(line, dict(zip(header, trimmed, strict=True)))
