"""Everything the command says, in English and 中文 (``HUTONG_LANG=zh``).

Help stands under the command's path (``org register``) and, for a parameter, behind a dot (``org register.level``, or
``*.json_`` where several share it); everything else under a short key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from hutong.cli.texts_endings import PHRASES
from hutong.cli.texts_help import EXAMPLES, EXIT_CODES, HELP
from hutong.cli.texts_words import WORDS


class Panels(NamedTuple):
    """The headings of a help page, and of an error in how the command was called."""

    arguments: str
    options: str
    commands: str
    errors: str
    help: str


_PANELS = {
    "en": Panels("Arguments", "Options", "Commands", "Error", "Try [blue]'{command_path} {help_option}'[/] for help."),
    "zh": Panels("参数", "选项", "命令", "错误", "用法见 [blue]'{command_path} {help_option}'[/]"),
}


def language() -> str:
    """``zh`` where ``HUTONG_LANG`` begins so, else ``en``."""
    return "zh" if os.environ.get("HUTONG_LANG", "").lower().startswith("zh") else "en"


def _in(texts: Mapping[str, tuple[str, str]], key: str) -> str:
    return texts[key][1 if language() == "zh" else 0]


def say(key: str, **values: object) -> str:
    """The words under ``key`` in the reader's language, with ``values`` filled in. Raises KeyError."""
    return _in(WORDS, key).format(**values)


def known(key: str) -> bool:
    """Whether there are words under ``key``."""
    return key in WORDS


def event_word(type_: str) -> str:
    """What an event of this type is called; the type itself where it is not of this catalogue."""
    key = f"event.{type_.rpartition('.v')[0]}"
    return say(key) if known(key) else type_


def localise(root: Any) -> None:
    """Give every command and parameter under ``root`` its help in the reader's language."""
    from typer import rich_utils

    panels = _PANELS[language()]
    rich_utils.ARGUMENTS_PANEL_TITLE = panels.arguments
    rich_utils.OPTIONS_PANEL_TITLE = panels.options
    rich_utils.COMMANDS_PANEL_TITLE = panels.commands
    rich_utils.ERRORS_PANEL_TITLE = panels.errors
    rich_utils.RICH_HELP = panels.help
    for path, command in commands(root):
        command.help = _in(HELP, path)
        command.short_help = command.help.partition("\n")[0]
        examples = "\n\n".join(f"$ [bold]{example}[/]" for example in EXAMPLES.get(path, ()))
        command.epilog = f"{examples}\n\n{_in(EXIT_CODES, 'codes')}" if examples else None
        for parameter in command.params:
            parameter.help = _breakable(_in(HELP, help_key(path, parameter.name)))


def _breakable(text: str) -> str:
    """中文 with places where a narrow column may break; without any, the column cuts it off."""
    return re.sub("(?<=[，、；：。）])(?=.)", " ", text)


def commands(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """``command`` and all below it, each with its path; the root's path is empty."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{path} {name}".strip())


def help_key(path: str, parameter: str) -> str:
    """Where a parameter's help stands: its own, else the shared one."""
    own = f"{path}.{parameter}"
    return own if own in HELP else f"*.{parameter}"


def in_readers_words(text: str) -> str:
    """A sentence of the library, or of the parser of options, in the reader's language; what is not known there stays
    English."""
    if language() != "zh":
        return text
    for english, chinese in PHRASES:
        if (found := english.fullmatch(text)) is not None:
            return chinese.format(*map(in_readers_words, found.groups()))
    return text
