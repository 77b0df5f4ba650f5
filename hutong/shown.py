"""What is safe to show: strangers' texts on a terminal or in a log, where some characters act and are not read."""

from __future__ import annotations

import json
from unicodedata import category

# Controls, formats (they change the direction of text, join or hide), halves of characters, breaks of line and
# paragraph. A private character is somebody's name in an older encoding, and stays.
_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def clean(text: str) -> str:
    """``text`` on one line, without what would move a cursor, colour a screen or turn the reading direction."""
    if text.isprintable():
        return text
    text = text.replace("\n", " ").replace("\t", " ")
    return "".join("\N{REPLACEMENT CHARACTER}" if category(c) in _ACTING else c for c in text)


def escaped(text: str) -> str:
    """``text`` that is JSON, with everything that acts written as ``\\uXXXX``; it means the same."""
    if text.isprintable():
        return text
    return "".join(json.dumps(c)[1:-1] if category(c) in _ACTING else c for c in text)
