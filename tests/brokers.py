"""The Kafka of the tests: embedded, or a container of ``KAFKA_IMAGE`` where ``HUTONG_TEST_BROKER=container``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hutong.errors import SettingsError
from local.kafka import CITY_SIZE, Broker, broker
from local.node import HOST, answers, cluster_id, free_port
from tests.contract.bench import until

IMAGE = "apache/kafka:4.2.2"
"""The image of docker-compose.yml, unless ``KAFKA_IMAGE`` names another."""


def in_a_container() -> bool:
    """Whether the setting asks for it. Raises SettingsError where it says something else."""
    asked = os.environ.get("HUTONG_TEST_BROKER", "embedded")
    if asked not in ("embedded", "container"):
        raise SettingsError(f"HUTONG_TEST_BROKER is {asked!r}: say embedded or container.")
    return asked == "container"


@contextlib.contextmanager
def a_broker(home: Path, *, bootstrap: str | None = None) -> Iterator[Broker]:
    """A real Kafka while inside: the one at ``bootstrap``, one in a container, or an embedded one under ``home``."""
    if bootstrap is None and in_a_container():
        with contained() as address, broker(home, bootstrap=address) as kafka:
            yield kafka
    else:
        with broker(home, bootstrap=bootstrap) as kafka:
            yield kafka


@contextlib.contextmanager
def contained() -> Iterator[str]:
    """A Kafka in a container: ``host:port``. Skips the test where no Docker runs."""
    containers = pytest.importorskip("testcontainers.core.container")
    docker = pytest.importorskip("docker.errors")
    port = free_port()
    try:
        container: Any = containers.DockerContainer(os.environ.get("KAFKA_IMAGE", IMAGE))
    except docker.DockerException as error:
        pytest.skip(f"no Docker runs: {error}")
    container.with_bind_ports(port, port).with_envs(**_variables(port))
    with container:
        until(lambda: answers(port), "the broker in its container takes clients", seconds=90)
        yield f"{HOST}:{port}"


def _variables(port: int) -> dict[str, str]:
    """The official image's settings for one broker at ``port`` of this machine, and, inside, of its container: it finds
    itself at the address that it tells, where it sends the markers that end transactions."""
    properties = {
        **CITY_SIZE,
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": "1@localhost:9093",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    named = {f"KAFKA_{name.replace('.', '_').upper()}": str(value) for name, value in properties.items()}
    return {**named, "CLUSTER_ID": cluster_id()}
