"""What the page of outsiders' tools says a stranger can run."""

from __future__ import annotations

import re

from tests.docs.recompute import ROOT

PAGE = (ROOT / "docs" / "outsiders.md").read_text(encoding="utf-8")
KAFKA, REGISTRY = "127.0.0.1:9092", "http://127.0.0.1:8081"
"""What stands on the page for the reader's own."""


def rows() -> list[str]:
    """The test that each row of the table names."""
    return re.findall(r"^\|.*\| `(test_\w+)` \|$", PAGE, re.MULTILINE)


def block(language: str, word: str) -> str:
    """The one block of code in ``language`` that has ``word`` in it."""
    (found,) = [each for each in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if word in each]
    return str(found)
