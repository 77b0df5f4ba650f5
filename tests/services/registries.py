"""The registry as a process, for the tests that ask it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from local.supervisor import ROOT


@contextmanager
def registry() -> Iterator[str]:
    """The address of a registry on a free port, once it has said that it serves there."""
    command = [sys.executable, "-m", "services.registry", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = process.stderr.readline()
            found = re.search(r"url=(http://127\.0\.0\.1:\d+)", said)
            assert found is not None, said + process.stderr.read()
            yield found[1]
        finally:
            process.terminate()
