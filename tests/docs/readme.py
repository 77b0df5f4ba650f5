"""What the README says a reader can run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.guides import FOLDER, blocks
from tests.docs.recompute import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
TICKET = "110000-20260131-GYG62AQ1PW"
"""The ticket that stands for one's own in the README's commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A ``hutong`` command of the README, and whose settings it is given."""

    organisation: str
    words: tuple[str, ...]


def program() -> str:
    """The department's program, as short as it can be."""
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    return str(block)


def guides_program() -> str:
    """The department's program as its guide has it."""
    (found,) = [block.text for block in blocks(FOLDER / "department.md") if block.file == "my_desk.py"]
    return found


def commands() -> Iterator[Command]:
    """Every ``hutong`` command in a shell block, in order."""
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL):
        organisation = ""
        for line in block.splitlines():
            if found := re.fullmatch(r"export HUTONG_CONFIG=\.hutong/demo/settings/(.+)\.toml", line):
                organisation = found[1]
            elif line.startswith(".venv/bin/hutong "):
                yield Command(organisation=organisation, words=tuple(shlex.split(line)[1:]))
