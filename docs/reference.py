"""Draws the reference pages from the code: ``python -m docs.reference``. A test holds them equal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer.main
from pydantic.fields import FieldInfo

from hutong.catalogue import Catalogue
from hutong.cli.app import app
from hutong.cli.texts import commands, event_word, help_key
from hutong.cli.texts_help import EXAMPLES, HELP
from hutong.cli.texts_words import WORDS
from hutong.settings import Settings
from services.custodian.wiring import CustodySettings

FOLDER = Path(__file__).parent / "reference"

SETTINGS_HEAD = """\
# Settings 设置

Drawn from `hutong/settings.py` by `python -m docs.reference`. Each is a variable, or stands under its name without
`HUTONG_`, in small letters, in the TOML file that `HUTONG_CONFIG` names; the variable wins.
"""
COMMANDS_HEAD = """\
# The commands 命令

Drawn from the command itself by `python -m docs.reference`. Exit codes and JSON are on
[the command's page](../commands.md).
"""
EVENTS_HEAD = """\
# Events 事件

Drawn from `schemas/` by `python -m docs.reference`: the newest revision of each type. A field with a class (content,
identity) is sealed 密封 with the ticket's key of that class. Kinds of text are those of `schemas/kinds.yaml`.
"""
TOPICS_HEAD = """\
# Topics 主题

Drawn from `schemas/topics/` by `python -m docs.reference`; `hutong topics` holds a city's broker against it.
"""


def settings() -> str:
    """Every setting of a program, and those of the custodian besides."""
    return "\n".join(
        (
            SETTINGS_HEAD,
            *_settings(Settings.model_fields),
            "\n## Of the custodian 密钥保管 besides\n",
            "`python -m services.custodian` reads these as well; variables only.\n",
            *_settings(CustodySettings.model_fields),
            "\n## Of the command\n",
            "`HUTONG_LANG=zh` speaks 中文; `HUTONG_CONFIG` is `--config`. `hutong` itself never serves metrics.\n",
        )
    )


def _settings(fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    yield from ("| Variable | Default | What it says |", "|---|---|---|")
    for name, field in fields.items():
        default = "**needed**" if field.is_required() else "" if field.default is None else f"`{field.default}`"
        yield f"| `HUTONG_{name.upper()}` | {default} | {_cell(field.description or _choice(field))} |"


def _choice(field: FieldInfo) -> str:
    return " or ".join(f"`{one}`" for one in getattr(field.annotation, "__args__", ()))


def command() -> str:
    """Every command of ``hutong``, with its arguments, options and examples, in both languages."""
    parts = [COMMANDS_HEAD]
    for path, each in commands(typer.main.get_command(app)):
        parts.append(f"## {' '.join(('hutong', path)).strip()}\n")
        parts += (f"{text}\n" for text in HELP[path])
        if each.params:
            parts += ("| | | |", "|---|---|---|", *(_parameter(path, each, one) for one in each.params), "")
        if examples := EXAMPLES.get(path):
            parts.append("```\n" + "\n".join(examples) + "\n```\n")
    return "\n".join(parts)


def _parameter(path: str, command: Any, parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = f"`{parameter.metavar}`"
    else:
        value = "" if parameter.is_flag else f" {parameter.metavar or parameter.display_type(typer.Context(command))}"
        name = ", ".join(f"`{one}{value}`" for one in parameter.opts)
    english, chinese = HELP[help_key(path, parameter.name)]
    return f"| {_cell(name)}{' *' if parameter.required else ''} | {_cell(english)} | {_cell(chinese)} |"


def events() -> str:
    """Every event in its newest revision: its fields, and which of them are sealed."""
    catalogue = Catalogue.load()
    parts = [EVENTS_HEAD]
    for type_ in sorted(catalogue.types):
        newest = catalogue.revisions(type_)[-1]
        word = WORDS.get(f"event.{type_.rpartition('.v')[0]}")
        title = f" {word[1]}" if word and event_word(type_) != type_ else ""
        parts.append(f"## {type_}{title}\n")
        parts.append(f"{newest.definition.get('doc', '')} Schema {newest.id}, `{newest.file}`.\n")
        if fields := newest.definition["fields"]:
            parts += ("| Field | Type | Sealed | |", "|---|---|---|---|")
            parts += map(_field, fields)
            parts.append("")
    return "\n".join(parts)


def _field(avro: Any) -> str:
    return (
        f"| `{avro['name']}` | {_cell(_type(avro['type']))} | {avro.get('seal', '')} | {_cell(avro.get('doc', ''))} |"
    )


def _type(avro: Any) -> str:
    if isinstance(avro, list):
        return " or ".join(_type(one) for one in avro)
    if isinstance(avro, str):
        return avro.rpartition(".")[2]
    match avro["type"]:
        case "array":
            return f"list of {_type(avro['items'])}"
        case "record" | "fixed":
            return str(avro["name"])
        case "enum":
            return ", ".join(f"`{symbol}`" for symbol in avro["symbols"])
    return str(avro.get("kind") or avro.get("logicalType") or avro["type"])


def topics() -> str:
    """Every topic: who writes and reads it, and its settings on the broker."""
    parts = [TOPICS_HEAD]
    for name, topic in sorted(Catalogue.load().topics.items()):
        parts.append(f"## {name} {topic.title}\n\n{topic.description}\n")
        rows = {
            "key": topic.key,
            "value": topic.value,
            "written by": ", ".join(topic.producers),
            "read by": ", ".join(topic.consumers),
            "partitions": topic.partitions,
            **{f"`{setting}`": value for setting, value in sorted(topic.kafka_config().items())},
        }
        parts += ("| | |", "|---|---|", *(f"| {what} | {_cell(str(value))} |" for what, value in rows.items()), "")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


PAGES = {"settings.md": settings, "commands.md": command, "events.md": events, "topics.md": topics}


def main() -> None:
    """Write the pages."""
    for name, draw in PAGES.items():
        (FOLDER / name).write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
