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
WATER = ("kind=help", "channel=phone", "category=public_service/water", "area=110105026")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """``compose``: the command that brings it up, as this machine has it; ``files``: what it is brought up from."""

    compose: tuple[str, ...]
    files: tuple[str, ...]

    @classmethod
    def of_this_machine(cls, *files: str) -> Deployment:
        """Skips the test where Docker does not run, or has no compose."""
        if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
            pytest.skip("no Docker runs")
        if not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
            return cls(compose=("docker", "compose", "-p", PROJECT), files=files)
        if shutil.which("docker-compose") is None:
            pytest.skip("Docker has no compose")
        return cls(compose=("docker-compose", "-p", PROJECT), files=files)

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
        return [name for name in self.run("config", "--services").split() if name not in (*ONCE, *BESIDE)]

    def wait_for(self, service: str, health: str) -> None:
        """Until the service is in this health; shows its log where that does not come."""
        try:
            until(lambda: self.state(service).get("Health", {}).get("Status") == health, f"{service} {health}", SECONDS)
        except AssertionError as error:
            error.add_note(self.run("logs", "--tail", "20", service))
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

    def file(self) -> str:
        """A ticket that the water utility will lead."""
        values = (word for value in WATER for word in ("--set", value))
        ticket: str = self.hutong("submit", "filed", *values)["ticket"]
        return ticket

    def is_closed(self, ticket: str) -> bool:
        return bool(self.hutong("ticket", "show", ticket)["state"] == "closed")

    def refused(self, service: str, *words: str) -> str:
        """What a command in a service's container says that ends with 2."""
        done = _done((*self._command, "exec", "-T", service, "hutong", *words), 120.0)
        assert done.returncode == 2, (done.stdout, done.stderr)
        return done.stderr

    def run(self, *words: str, seconds: float = 120.0) -> str:
        """A compose command; what it prints."""
        return _run((*self._command, *words), seconds)

    @property
    def _command(self) -> tuple[str, ...]:
        return (*self.compose, *(word for file in self.files for word in ("-f", file)))


ONCE = ("founding", "secrets")
"""Services that end."""
BESIDE = ("hutong", "operator", "kafka-2", "kafka-3")
"""Services of profiles that are not asked for; some composes list them nevertheless."""


def docker(*words: str) -> str:
    """A docker command; what it prints."""
    return _run(("docker", *words), 120.0)


def _run(command: Sequence[str], seconds: float) -> str:
    done = _done(command, seconds)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def _done(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    images = {name: os.environ[name] for name in ("HUTONG_IMAGE",) if name in os.environ}
    env = {**inherited(), **images, **SETTLED}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=seconds)
