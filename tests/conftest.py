"""What every suite shares: one real broker for the whole run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.brokers import a_broker


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Kafka: ``HUTONG_BOOTSTRAP``, or one started for this run (see ``tests.brokers``)."""
    named = os.environ.get("HUTONG_BOOTSTRAP")
    with a_broker(tmp_path_factory.mktemp("broker"), bootstrap=named) as kafka:
        yield kafka.bootstrap
