"""Reading the rows of an export: a CSV file, the bad rows in their place."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import hutong
from services.exports.mapping import Export
from services.exports.rows import BadRow, Row


def read_rows(path: Path, export: Export) -> Iterator[Row | BadRow]:
    """The rows of a CSV file (``.gz``: compressed), the bad ones in their place.

    Raises:
        SettingsError: the file cannot be read, is damaged, or lacks a column of the mapping.
    """
    line = 1
    try:
        # A byte that is no text is kept as a lone surrogate, so that it spoils its own row and no other.
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding=export.encoding, errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, delimiter=export.delimiter, strict=True)
            header = [name.strip() for name in next(reader, [])]
            if missing := sorted(export.columns() - set(header)):
                raise hutong.SettingsError(f"{path} has no column {', '.join(missing)}, which its mapping names")
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
    except (OSError, EOFError, zlib.error) as error:
        raise hutong.SettingsError(f"{path} cannot be read (line {line}): {error}") from error
    except LookupError as error:
        raise hutong.SettingsError(f"the mapping of {path} is wrong: {error}") from error


def _row(line: int, header: list[str], cells: list[str]) -> Row | BadRow:
    if len(cells) != len(header):
        return BadRow(line, "", "", f"{len(cells)} cells instead of {len(header)}")
    trimmed = [cell.strip() for cell in cells]
    try:
        "".join(trimmed).encode()
    except UnicodeEncodeError:
        return BadRow(line, "", "", "a cell has bytes that are no text in the mapping's encoding")
    return Row(line, dict(zip(header, trimmed, strict=True)))
