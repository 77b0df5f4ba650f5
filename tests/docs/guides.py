"""What the guides tell a reader to do, and what they say he sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.recompute import ROOT

FOLDER = ROOT / "docs" / "guides"
TICKET = r"\d{6}-\d{8}-[0-9A-Z]{10}"
_OWN = re.compile(rf"{TICKET}|(?<![0-9a-f])[0-9a-f]{{64}}(?![0-9a-f])")
"""What is different on every reader's screen, and is typed again later: tickets, keys, fingerprints."""
_FLEETING = re.compile(r"\d+|(?<![0-9a-z])[0-9a-f]{8}(?![0-9a-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of code. ``file``: as what it is to be saved, where the line before it says so."""

    language: str
    text: str
    file: str | None


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    found = re.finditer(
        r"(?:^[^\n]*`([\w.]+)`:\n\n)?^```(\w+)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    for each in found:
        yield Block(file=each[1], language=each[2], text=each[3])


def lines(text: str) -> Iterator[str]:
    """The commands of a shell block; one that goes on over several lines is one."""
    at = iter(text.splitlines())
    for line in at:
        if word := re.search(r"<<'?(\w+)'?", line):
            while not line.endswith(f"\n{word[1]}"):
                line += f"\n{next(at)}"
        while line.endswith("\\"):
            line = f"{line[:-1]}{next(at).lstrip()}"
        if line and not line.startswith("#"):
            yield line


def learn(shown: str, real: str) -> Iterator[tuple[str, str]]:
    """What the page shows, and what it really was: tickets, keys and fingerprints in the order in which they come."""
    yield from zip(dict.fromkeys(_OWN.findall(shown)), dict.fromkeys(_OWN.findall(real)), strict=False)


def missing(shown: str, real: str) -> str | None:
    """The first line of ``shown`` that ``real`` does not have after the one before; None where all are there.

    Numbers and short hashes may differ, and blanks; ``…`` stands for anything.
    """
    said, at = _plain(real), 0
    for line in shown.splitlines():
        for piece in filter(None, map(_plain, line.split("…"))):
            found = said.find(piece, at)
            if found < 0:
                return line
            at = found + len(piece)
    return None


def _plain(text: str) -> str:
    return re.sub(r"[\s─━╭╮╰╯│|]+", " ", _FLEETING.sub("0", _OWN.sub("0", text))).strip()
