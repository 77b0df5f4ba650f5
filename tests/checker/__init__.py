"""The checker: reads a city's whole history and says whether every promise was kept.

::

    history = read_history(transport, settings, journals=home / "journal", state=home / "state")
    verdict = check(history, complete=True)
    print(verdict.summary())

With admit and deliver it shares codec, wire formats and tables, and nothing that decides: if they and the checker
agree, two programs came to the same end.
"""

from tests.checker.handling import latencies
from tests.checker.history import Acknowledged, Handled, History, Journals, Sent
from tests.checker.judging import check
from tests.checker.reading import read_history, read_journals
from tests.checker.verdict import RULES, Counts, Verdict, Violation

__all__ = [
    "RULES",
    "Acknowledged",
    "Counts",
    "Handled",
    "History",
    "Journals",
    "Sent",
    "Verdict",
    "Violation",
    "check",
    "latencies",
    "read_history",
    "read_journals",
]
