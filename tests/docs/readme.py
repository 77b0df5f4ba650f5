"""What the README says a reader can run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.recompute import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
TICKET = "110000-20260131-GYG62AQ1PW"
"""The ticket that stands for one's own in the README's commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A ``hutong`` command of the README, whose settings it is given, and what else is exported above it."""

    organisation: str
    variables: tuple[tuple[str, str], ...]
    words: tuple[str, ...]


def program() -> str:
    """The department's program."""
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    return str(block)


def commands() -> Iterator[Command]:
    """Every ``hutong`` command in a shell block, in order."""
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL):
        organisation = ""
        variables: tuple[tuple[str, str], ...] = ()
        for line in block.splitlines():
            if found := re.fullmatch(r"export HUTONG_CONFIG=\.hutong/demo/settings/(.+)\.toml", line):
                organisation = found[1]
            elif found := re.fullmatch(r"export (HUTONG_\w+)=(\S+)", line):
                variables = (*variables, (found[1], found[2]))
            elif line.startswith(".venv/bin/hutong "):
                yield Command(organisation=organisation, variables=variables, words=tuple(shlex.split(line)[1:]))
