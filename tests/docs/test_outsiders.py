"""The table of outsiders' tools names tests that there are."""

from __future__ import annotations

import re

from tests.docs.outsiders import rows
from tests.docs.recompute import ROOT


def test_every_row_has_its_test_and_every_test_its_row() -> None:
    text = (ROOT / "tests" / "integration" / "test_outsiders.py").read_text(encoding="utf-8")
    assert sorted(rows()) == sorted(re.findall(r"^def (test_\w+)\(", text, re.MULTILINE))
