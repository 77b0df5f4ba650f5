"""The compose file of this checkout, brought up under a name of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from local.supervisor import ROOT, inherited
from tests.contract.bench import until

PROJECT = "hutong-test"
SETTLED: Mapping[str, str] = {"HUTONG_SATISFIED": "1", "HUTONG_CONTACTED": "1"}
"""Every citizen is reached, and is satisfied."""
SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """``compose``: the command that brings it up, as this machine has it."""

    compose: tuple[str, ...]

    @classmethod
    def of_this_machine(cls) -> Deployment:
        """Skips the test where Docker does not run, or has no compose."""
        if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
            pytest.skip("no Docker runs")
        if not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
            return cls(compose=("docker", "compose", "-p", PROJECT))
        if shutil.which("docker-compose") is None:
            pytest.skip("Docker has no compose")
        return cls(compose=("docker-compose", "-p", PROJECT))

    def up(self) -> None:
        """Bring it up, and wait until every service is healthy."""
        self.down()  # what a run that was killed left
        self.run("up", "-d", seconds=600)
        for service in self.services():
            self.wait_for(service, "healthy")

    def down(self) -> None:
        """Remove it, and everything it kept."""
        self.run("down", "--volumes", "--timeout", "3")

    def services(self) -> Sequence[str]:
        """Those that stay up."""
        return [name for name in self.run("config", "--services").split() if name not in ("founding", *BESIDE)]

    def wait_for(self, service: str, health: str) -> None:
        """Until the service is in this health; shows its log where that does not come."""
        try:
            until(lambda: self.state(service).get("Health", {}).get("Status") == health, f"{service} {health}", SECONDS)
        except AssertionError as error:
            error.add_note(self.run("logs", "--tail", "20", "founding", service))
            raise

    def state(self, service: str) -> Mapping[str, Any]:
        """The state of its container, as Docker tells it."""
        told: Mapping[str, Any] = json.loads(docker("inspect", "--format", "{{json .State}}", self.container(service)))
        return told

    def container(self, service: str) -> str:
        """The id of the service's container."""
        return self.run("ps", "-q", service).strip()

    def signal(self, service: str, name: str) -> None:
        """Send the service's process a signal, as the machine would, not Docker: Docker would not start it again."""
        process = str(self.state(service)["Pid"])
        image = docker("inspect", "--format", "{{.Config.Image}}", self.container(service)).strip()
        docker("run", "--rm", "--pid", "host", "--user", "0", image, "sh", "-c", f"kill -{name} {process}")

    def hutong(self, *words: str) -> dict[str, Any]:
        """A command of the hotline, run inside its container; the JSON it answers with."""
        told: dict[str, Any] = json.loads(self.run("exec", "-T", "dispatch", "hutong", *words, "--json"))
        return told

    def run(self, *words: str, seconds: float = 120.0) -> str:
        """A compose command; what it prints."""
        return _run((*self.compose, *words), seconds)


BESIDE = ("hutong", "kafka-2", "kafka-3")
"""Services of profiles that are not asked for; some composes list them nevertheless."""


def docker(*words: str) -> str:
    """A docker command; what it prints."""
    return _run(("docker", *words), 120.0)


def _run(command: Sequence[str], seconds: float) -> str:
    images = {name: os.environ[name] for name in ("HUTONG_IMAGE",) if name in os.environ}
    done = subprocess.run(
        command, cwd=ROOT, env={**inherited(), **images, **SETTLED}, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout
