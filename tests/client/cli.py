"""Running the command against a city in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hutong.cli import connection
from hutong.cli.app import app
from tests.cities import TwinCity


@dataclass(frozen=True, slots=True)
class Command:
    """``hutong …`` as a person of one organisation runs it."""

    city: TwinCity
    monkeypatch: pytest.MonkeyPatch

    def run(
        self,
        organisation: str,
        *words: str,
        code: int = 0,
        input: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Result:
        """Run it and check its exit code."""
        self.monkeypatch.setattr(connection, "transport", lambda settings: self.city.transport)
        given = {**self.city.environment(organisation), **(variables or {})}
        result = CliRunner().invoke(app, list(words), env=given, input=input)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    def json(self, organisation: str, *words: str, code: int = 0, input: str | None = None) -> list[dict[str, Any]]:
        """The objects it writes to standard output with ``--json``; there is nothing else."""
        result = self.run(organisation, *words, "--json", code=code, input=input)
        return [json.loads(line) for line in result.stdout.splitlines()]
