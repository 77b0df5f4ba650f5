"""The command speaks English and 中文, everywhere."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

import hutong.cli
from hutong.cli.app import app
from hutong.cli.texts import commands, help_key
from hutong.cli.texts_help import EXAMPLES, EXIT_CODES, HELP
from hutong.cli.texts_words import WORDS

HAN = re.compile("[一-鿿]")
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in Path(hutong.cli.__file__).parent.glob("*.py"))
OF_EVENTS = ("fault.", "field.", "value.", "task.", "outcome.", "register.wrong.")
FAMILIES = (
    *OF_EVENTS,
    "column.access.",
    "unit.",
    "column.",
    "unknown.",
    "alarm.",
    "advice.",
    "refusals.again.",
    "trace.",
)
TREE = dict(commands(typer.main.get_command(app)))


def test_every_command_and_parameter_has_its_help_and_every_help_its_place() -> None:
    """No help is missing, and none is left over."""
    wanted = {help_key(path, parameter.name) for path, command in TREE.items() for parameter in command.params}
    assert wanted | TREE.keys() == HELP.keys()


def test_every_command_shows_an_example_that_it_takes() -> None:
    """Each command's examples begin with that command."""
    assert EXAMPLES.keys() == TREE.keys()
    for path, examples in EXAMPLES.items():
        assert all(f"hutong {path}" in example for example in examples), path


@pytest.mark.parametrize("texts", [HELP, WORDS, EXIT_CODES], ids=["help", "words", "codes"])
def test_every_text_stands_in_both_languages_with_the_same_blanks(texts: Mapping[str, tuple[str, str]]) -> None:
    """The Chinese side is Chinese, and fills in nothing that the English one does not offer."""
    for key, (english, chinese) in texts.items():
        assert english
        assert HAN.search(chinese), key
        assert _blanks(chinese) <= _blanks(english), key


def test_every_word_is_used() -> None:
    """A text whose key stands nowhere in the code is left over."""
    assert not [key for key in WORDS if f'"{key}"' not in SOURCES.replace("'", '"') and not key.startswith(FAMILIES)]


@pytest.mark.parametrize(("language", "words"), [("en", "Exit codes"), ("zh", "退出码"), ("zh_CN.UTF-8", "退出码")])
@pytest.mark.parametrize("path", TREE)
def test_help_comes_in_the_readers_language(path: str, language: str, words: str) -> None:
    """``--help`` of every command has its examples and the exit codes, says in the language of HUTONG_LANG what it
    does, and cuts nothing off."""
    result = CliRunner().invoke(app, [*path.split(), "--help"], env={"HUTONG_LANG": language, "COLUMNS": "80"})
    assert result.exit_code == 0
    assert words in result.stdout
    assert not re.search("… *│", result.stdout)
    shown = "".join(result.stdout.split())
    for text in (HELP[path][language != "en"].partition("\n")[0], *(f"$ {example}" for example in EXAMPLES[path])):
        assert "".join(text.split()) in shown


def _blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
