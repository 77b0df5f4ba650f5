"""Where a component is missing, tests skip and say so. In CI (``-p tests.strictness``) such a skip is a failure.

Only the measurement data that the project does not ship (``../shared/data``) may be absent there too.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

MAY_BE_ABSENT = "../shared/data"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure that names what is missing."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if MAY_BE_ABSENT not in reason:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: not skipped in CI: {reason}"
    return report
