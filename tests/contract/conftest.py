"""One suite for all transports: what asks for a bench runs on the twin, and on a real broker with each client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.bench import CLIENTS, Bench, Memory, Real


@pytest.fixture(params=["memory", *CLIENTS])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Everything in this suite that takes a bench runs on all three."""
    backend = Memory() if request.param == "memory" else Real(request.getfixturevalue("bootstrap"), request.param)
    bench = Bench(backend)
    yield bench
    bench.close()


@pytest.fixture(params=list(CLIENTS))
def real(request: pytest.FixtureRequest, bootstrap: str) -> Iterator[Bench]:
    """A bench on the real broker, with each client."""
    bench = Bench(Real(bootstrap, request.param))
    yield bench
    bench.close()
