"""A reader who follows a guide to the letter, in a folder of his own beside a running city."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from typer.testing import CliRunner

from hutong.cli.app import app
from local.supervisor import ROOT, inherited
from tests.docs.guides import Block, learn, lines, missing

SECONDS = 60.0
_PROGRAM = re.compile(r"\.venv/bin/python (\w+\.py)")
"""It runs until Ctrl-C where it connects to the city, else to its end."""
_EXIT = re.compile(r"\s+# exit code (\d+)$")


@dataclass(slots=True)
class Reader:
    """Follows one guide. ``done``: called again and again while a program of his runs that prints nothing, until it is
    true; ``seen``: called with each command and what it printed."""

    folder: Path
    done: Callable[[], bool] = lambda: True
    seen: Callable[[str, str], None] = lambda command, said: None
    variables: dict[str, str] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    """What the guide shows, and what it is here."""
    said: str = ""

    def follow(self, blocks: list[Block]) -> None:
        """Do everything the guide says; its texts must be what is seen, its exit codes those that come."""
        for block, after in zip(blocks, [*blocks[1:], None], strict=True):
            shown = after.text if after and after.language == "text" else ""
            match block.language:
                case "python":
                    assert block.file, f"nothing says as what this is saved:\n{block.text}"
                    (self.folder / block.file).write_text(block.text, encoding="utf-8")
                case "sh":
                    self.said = ""
                    for line in lines(block.text):
                        self._do(line, shown)
                case "text":
                    self.own.update(learn(block.text, self.said))
                    gone = missing(block.text, self.said)
                    assert gone is None, f"no such line, or not there:\n{gone}\nin:\n{self.said}"

    def _do(self, line: str, shown: str) -> None:
        for mine, real in self.own.items():
            line = line.replace(mine, real)
        expected = int(code[1]) if (code := _EXIT.search(line)) else 0
        line = _EXIT.sub("", line)
        if found := re.fullmatch(r"export (HUTONG_\w+)=(\S+)", line):
            self.variables[found[1]] = found[2]
        elif found := re.fullmatch(r"unset (HUTONG_\w+)", line):
            del self.variables[found[1]]
        elif (found := _PROGRAM.fullmatch(line)) and "hutong.connect" in (self.folder / found[1]).read_text("utf-8"):
            self.said += self._until_ctrl_c(self.folder / found[1], shown)
        else:
            told, came = self._hutong(line) if line.startswith(".venv/bin/hutong ") else self._shell(line)
            self.said += told
            assert came == expected, f"{line} ended with {came}:\n{told}"
            self.seen(line, told)

    def _environment(self) -> dict[str, str]:
        return {**inherited(), "PYTHONPATH": str(ROOT), **self.variables}

    def _hutong(self, line: str) -> tuple[str, int]:
        """The command in this process, which saves loading its libraries each time."""
        line, _, file = line.partition(" > ")
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            ran = CliRunner().invoke(app, shlex.split(line)[1:], env=self.variables)
        finally:
            os.chdir(before)
        if file:
            (self.folder / file).write_text(ran.stdout, encoding="utf-8")
        return ran.stderr if file else ran.output, ran.exit_code

    def _shell(self, line: str) -> tuple[str, int]:
        ran = subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=self._environment(), timeout=SECONDS,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        return ran.stdout, ran.returncode

    def _until_ctrl_c(self, program: Path, shown: str) -> str:
        log = program.with_suffix(".log")
        with (
            log.open("wb") as out,
            subprocess.Popen(
                [sys.executable, program],
                cwd=self.folder,
                env=self._environment(),
                stdout=out,
                stderr=out,
                preexec_fn=_hears_ctrl_c,
            ) as process,
        ):
            deadline = time.monotonic() + SECONDS
            while not (missing(shown, log.read_text()) is None if shown else self.done()):
                if process.poll() is not None or time.monotonic() > deadline:
                    break
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            try:
                process.wait(SECONDS)
            finally:
                process.kill()
        return log.read_text()


def _hears_ctrl_c() -> None:
    """Also where the tests themselves were started in the background, and do not hear it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
