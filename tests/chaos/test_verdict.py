"""What the chaos run itself counts, beside the checker."""

from __future__ import annotations

from tests.chaos.verdict import repeats
from tests.checker import Handled


def line(system: str, n: int) -> Handled:
    return Handled(
        at_ms=n, system=system, stream="ledger", partition=0, n=n, fingerprint=b"f" * 32, given=True, letter=False
    )


def test_repeats_are_counted_for_each_system() -> None:
    """A delivery told of again counts each time; another system's of the same number does not."""
    again, lines = repeats([line("a", 1), line("a", 2), line("a", 1), line("a", 1), line("b", 1)])
    assert (again, lines) == ({"a": 2, "b": 0}, {"a": 4, "b": 1})
