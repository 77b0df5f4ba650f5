"""One suite for both transports: a test that asks for a bench runs on the twin and on a real broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.bench import Bench, Memory, Real


@pytest.fixture(params=["memory", "real"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Everything in this suite that takes a bench runs on both."""
    backend = Memory() if request.param == "memory" else Real(request.getfixturevalue("bootstrap"))
    bench = Bench(backend)
    yield bench
    bench.close()
