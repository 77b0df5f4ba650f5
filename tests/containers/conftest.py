"""``make test-containers``: the compose file, brought up where ``HUTONG_TEST_BROKER=container`` asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.brokers import in_a_container
from tests.containers.deployment import Deployment

collect_ignore_glob = [] if in_a_container() else ["test_*.py"]


@pytest.fixture(scope="module")
def city() -> Iterator[Deployment]:
    """A city as ``docker compose up`` brings it up, from images that are there or can be pulled; new each time."""
    yield from _up(Deployment.of_this_machine("docker-compose.yml"))


@pytest.fixture(scope="module")
def secured() -> Iterator[Deployment]:
    """The same with security on."""
    yield from _up(Deployment.of_this_machine("docker-compose.yml", "docker/secured.yml"))


def _up(city: Deployment) -> Iterator[Deployment]:
    try:
        city.up()
        yield city
    finally:
        city.down()
