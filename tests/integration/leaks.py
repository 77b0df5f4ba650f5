"""``python -m tests.integration.leaks HOME``: is any personal text of a run anywhere in clear?

Searches every topic's records (keys, values, names and values of headers, as consumers get them, so unpacked), every
file under HOME (state stores, logs, journals, traces, the broker's own segments; ``.gz`` unpacked too) and the names of
these files, for each string in the ways in which a text may stand somewhere (:func:`spellings`).
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import sys
import time
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from ahocorasick_rs import BytesAhoCorasick

from hutong.errors import Unavailable
from hutong.transport import Partition, Record, Transport
from hutong.transport.kafka import KafkaTransport
from local.generator import Complaint, personal_strings

CHUNK = 8 << 20
_PATIENCE = 30.0


def spellings(text: str) -> dict[str, bytes]:
    """How ``text`` may stand in bytes, by name: as it is in UTF-8, GB18030 and UTF-16, escaped as JSON does, and the
    first two in hexadecimal and in base64, wherever in a longer text they begin."""
    found = {"utf-8": text.encode(), "gb18030": text.encode("gb18030"), "utf-16": text.encode("utf-16-le")}
    found["json"] = json.dumps(text)[1:-1].encode()
    found["json, upper case"] = "".join(
        letter if letter.isascii() else "".join(f"\\u{unit:04X}" for unit in _units(letter)) for letter in text
    ).encode()
    for coding in ("utf-8", "gb18030"):
        raw = found[coding]
        found[f"{coding} in hex"] = raw.hex().encode()
        found[f"{coding} in hex, upper case"] = raw.hex().upper().encode()
        for shift in range(3):
            found[f"{coding} in base64 +{shift}"] = _base64(raw, shift)
            found[f"{coding} in base64url +{shift}"] = _base64(raw, shift).translate(_URL)
    return found


_URL = bytes.maketrans(b"+/", b"-_")


def _units(letter: str) -> Iterator[int]:
    raw = letter.encode("utf-16-be")
    return (int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2))


def _base64(raw: bytes, shift: int) -> bytes:
    """What is the same in the base64 of every text that has ``raw`` at a place that is ``shift`` modulo 3."""
    text = base64.b64encode(bytes(shift) + raw)
    first = -(-shift * 8 // 6)  # the characters before are mixed with what stands before
    return text[first : (shift + len(raw)) * 8 // 6]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """``text`` stands at ``place`` in clear, spelt so."""

    text: str
    spelling: str
    place: str


@dataclass(slots=True)
class Searched:
    """What was looked through, and what was found. Only the first of a text at a place is kept."""

    leaks: list[Leak] = field(default_factory=list)
    records: int = 0
    files: int = 0
    bytes: int = 0


class Search:
    """Looks for all of ``texts`` at once. A text of fewer than four bytes is none that could be told from chance."""

    def __init__(self, texts: Collection[str]) -> None:
        patterns: dict[bytes, tuple[str, str]] = {}
        for text in sorted(texts):
            for spelling, raw in spellings(text).items():
                if len(raw) >= 4:
                    patterns.setdefault(raw, (text, spelling))
        if not patterns:
            raise ValueError("there is nothing to search for")
        self._meanings = list(patterns.values())
        self._overlap = max(map(len, patterns)) - 1
        self._automaton = BytesAhoCorasick(list(patterns))
        self.found = Searched()

    def look(self, content: bytes, place: str) -> None:
        """Search ``content``."""
        self.found.bytes += len(content)
        for number in dict.fromkeys(match[0] for match in self._automaton.find_matches_as_indexes(content)):
            text, spelling = self._meanings[number]
            self.found.leaks.append(Leak(text=text, spelling=spelling, place=place))

    def topics(self, transport: Transport) -> None:
        """Search every record of every topic, aborted ones too. Raises Unavailable where one cannot be read."""
        for topic, count in transport.topics().items():
            places = [Partition(topic, number) for number in range(count)]
            with closing(transport.consumer(client_id="leaks", committed=False)) as consumer:
                consumer.assign(places)
                ends = {place: consumer.end(place) for place in places}
                for place in places:
                    consumer.seek(place, consumer.beginning(place))
                deadline = time.monotonic() + _PATIENCE
                while any(consumer.position(place) < ends[place] for place in places):
                    for records in consumer.poll(0.05, 2000).values():
                        deadline = time.monotonic() + _PATIENCE
                        for record in records:
                            self._record(record)
                    if time.monotonic() > deadline:
                        raise Unavailable(f"{topic} cannot be read to its end: what it holds was not searched")

    def _record(self, record: Record) -> None:
        self.found.records += 1
        headers = b"\0".join(part for name, value in record.headers for part in (name.encode(), value))
        content = b"\0".join((record.key or b"", record.value or b"", headers))
        self.look(content, f"{record.topic}/{record.partition}@{record.offset}")

    def files(self, home: Path, but: Collection[Path] = ()) -> None:
        """Search every file under ``home``, and its name, except those of ``but``: what was given to the city."""
        left_out = {path.resolve() for path in but}
        for folder, _, names in os.walk(home):
            for name in names:
                path = Path(folder) / name
                if path.resolve() in left_out or not path.is_file():
                    continue
                self.found.files += 1
                self.look(str(path.relative_to(home)).encode(), f"the name of {path}")
                with path.open("rb") as file:
                    self._stream(file, str(path))
                if path.suffix == ".gz":
                    self._unpacked(path)

    def _unpacked(self, path: Path) -> None:
        try:
            with gzip.open(path) as file:
                self._stream(file, f"{path}, unpacked")  # type: ignore[arg-type]
        except (OSError, EOFError, zlib.error):
            pass  # it is only called so; its bytes were searched as they are

    def _stream(self, file: BinaryIO, place: str) -> None:
        kept = b""
        while chunk := file.read(CHUNK):
            self.look(kept + chunk, place)
            kept = (kept + chunk)[-self._overlap :]


def search(
    texts: Collection[str], *, home: Path, transport: Transport | None = None, but: Collection[Path] = ()
) -> Searched:
    """Search a city's folder, and its topics where a ``transport`` is given, for each of ``texts``."""
    looking = Search(texts)
    looking.files(home, but)
    if transport is not None:
        looking.topics(transport)
    return looking.found


def texts_of(lines: Iterable[bytes]) -> set[str]:
    """The personal strings of JSON lines as the generator writes them."""
    return personal_strings(Complaint.model_validate_json(line) for line in lines if line.strip())


def main(
    home: Annotated[Path, typer.Argument(help="The city's folder: all of it is searched.", exists=True)],
    given: Annotated[Path, typer.Option(help="What was filed: JSON lines of `python -m local generate`.")],
    bootstrap: Annotated[str | None, typer.Option(help="host:port of the city's Kafka, to search its topics.")] = None,
) -> None:
    """Search a run for every name, phone number, address and narrative in clear; exit code 1 where one is found.

    Example: python -m tests.integration.leaks .hutong/demo --given .hutong/demo/complaints.jsonl
    """
    with given.open("rb") as lines:
        texts = texts_of(lines)
    transport = KafkaTransport(bootstrap) if bootstrap else None
    began = time.monotonic()
    found = search(texts, home=home, transport=transport, but=[given])
    for leak in islice(found.leaks, 20):
        print(f"in clear ({leak.spelling}): {leak.text!r} at {leak.place}", file=sys.stderr)
    print(
        f"{len(found.leaks)} leaks of {len(texts)} texts in {found.files} files and {found.records} records, "
        f"{found.bytes / 1e6:.0f} MB, {time.monotonic() - began:.1f} s"
    )
    if transport is not None:
        transport.close()
    sys.exit(1 if found.leaks else 0)


if __name__ == "__main__":
    typer.run(main)
