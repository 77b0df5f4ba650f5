"""Every command ends by one table of exit codes, and tells a failure to programs as to people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hutong import errors
from hutong.cli.app import app
from hutong.cli.endings import OF_ERRORS, Ending
from hutong.cli.texts_endings import ENDINGS
from hutong.cli.texts_help import EXIT_CODES
from tests.cities import TwinCity
from tests.client.cli import Command
from tests.client.test_cli_submit import FILED

CITY, WATER = "110000", "110000.water"
NOBODYS = "110000-20260131-0G7XK2M9QZ"
PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")


def error_of(stdout: str) -> dict[str, object]:
    """The error that stands on the last line, which is the only one where nothing was done."""
    (told,) = [json.loads(line) for line in stdout.splitlines()]
    found: dict[str, object] = told["error"]
    return found


def test_the_page_has_the_table_of_exit_codes() -> None:
    """Each code with its meaning in both languages, and no other."""
    rows = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [(code, *meaning) for code, meaning in ENDINGS.items()]
    assert [int(code) for code in ENDINGS] == list(Ending)
    for help_ in EXIT_CODES["codes"]:
        assert re.findall(r"[:：·] ?(\d+) ", help_) == [code for code in ENDINGS if code != "141"]


def test_the_page_says_how_each_error_ends() -> None:
    """The kinds of error that ``--json`` names, each with its exit code."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE, re.MULTILINE))
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.BusError)]
    expected = {
        kind.__name__: next((end for base, end in OF_ERRORS.items() if issubclass(kind, base)), Ending.SAID_NO)
        for kind in kinds
        if kind is not errors.BusError
    }
    assert {name: int(code) for name, code in rows.items()} == {**expected, "Usage": 2}


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (("submit", "acepted"), 2, "Usage"),
        (("submit",), 2, "Usage"),
        (("subscribe", "--tix", "3"), 2, "Usage"),
        (("replay", "--since", "yesterday"), 2, "Usage"),
        (("replay", "--output", "/no/where.jsonl"), 2, "SettingsError"),
        (("ticket", "show", NOBODYS), 1, "UnknownTicket"),
        (("access", NOBODYS), 1, "UnknownTicket"),
        (("deadletters", "show", NOBODYS), 1, "NotParked"),
        (("refusals", "show", "refusals/0@12"), 1, "UnknownRefusal"),
        (("erase", NOBODYS, "--class", "identity", "--reason", "closed"), 2, "SettingsError"),
        (("outbox", "list"), 2, "SettingsError"),
        (("subscribe", "--count", "1", "--timeout", "0.2"), 3, "Fewer"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else None,
)
def test_a_failure_is_an_object_for_programs(command: Command, words: tuple[str, ...], code: int, kind: str) -> None:
    """With --json standard output has one object that names the exit code and the kind; people read the same."""
    result = command.run(CITY, *words, "--json", code=code)
    error = error_of(result.stdout)
    assert (error["exit"], error["kind"]) == (code, kind)
    assert str(error["text"])[:20] in " ".join(result.stderr.replace("│", "").split())


def test_an_unknown_outcome_is_an_object_too(command: Command, cli_city: TwinCity) -> None:
    """``submit --json`` tells how to run it again, and ends with 3."""
    with cli_city.asleep():
        result = command.run(CITY, *FILED, "--timeout", "0.2", "--json", code=3)
    error = error_of(result.stdout)
    assert error["kind"] == "Unconfirmed"
    assert "--once" in str(error["text"])


def test_without_json_a_failure_leaves_standard_output_empty(command: Command) -> None:
    """A pipe gets nothing that is no result."""
    assert command.run(CITY, "ticket", "show", NOBODYS, code=1).stdout == ""


@pytest.mark.parametrize(
    ("words", "variables", "told"),
    [
        (("submit",), {}, "缺少参数 TYPE"),
        (("erase", NOBODYS, "--reason", "x"), {}, "缺少选项 --class。可选"),
        (("subscribe", "--tix"), {}, "没有选项 --tix"),
        (("subscribe", "--timeout"), {}, "选项 --timeout 需要一个值"),
        (("subscribe", "--timeout", "soon"), {}, "'--timeout' 的值有误：须为数字"),
        (("subscribe", "--timeout", "0"), {}, "须不小于 0.1"),
        (("subscribe", "--start", "x"), {}, "'x' 不在 'earliest', 'now' 之中"),
        (("subscribe", "x"), {}, "多余的参数：x"),
        (("sub",), {}, "没有命令 sub。是否为 'submit'？"),
        (("--config", "/no.toml", "status"), {}, "文件 /no.toml 不存在"),
        (("replay", "--since", "x"), {}, "'x' 不是日期或时间"),
        (("submit", "x"), {}, "没有事件 'x'"),
        (("status",), {"HUTONG_CITY": "", "HUTONG_REGISTRAR_KEY": "x"}, "HUTONG_REGISTRAR_KEY 有误"),
        (FILED, {"HUTONG_KEY": "/no.pem"}, "无法读取密钥文件 /no.pem"),
        (FILED, {"HUTONG_ORGANISATION": "110000.x"}, "110000.x 不在单位目录中：请先登记"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else None,
)
def test_what_is_met_most_is_said_in_chinese(
    command: Command, words: tuple[str, ...], variables: Mapping[str, str], told: str
) -> None:
    """Of the parser of options, of settings, keys and the directory."""
    chinese = {"HUTONG_LANG": "zh", "COLUMNS": "200", **variables}
    text = command.run(CITY, *words, code=2, variables=chinese).stderr
    assert told in " ".join(text.replace("│", "").split())


def test_nothing_set_is_said_in_chinese() -> None:
    """Whoever begins meets this first."""
    bare = {f"HUTONG_{name}": "" for name in ("BOOTSTRAP", "CITY", "ORGANISATION", "REGISTRAR_KEY", "CONFIG")}
    result = CliRunner().invoke(app, ["status"], env={**dict.fromkeys(bare), "HUTONG_LANG": "zh"})
    assert "未设置 HUTONG_BOOTSTRAP；未设置 HUTONG_CITY" in result.stderr
    assert "请设置环境变量" in result.stderr


def test_an_unconfirmed_event_is_said_in_chinese(command: Command, cli_city: TwinCity) -> None:
    """What became of it, what to look at, and how to run it again."""
    with cli_city.asleep():
        told = command.run(CITY, *FILED, "--timeout", "0.2", code=3, variables={"HUTONG_LANG": "zh"}).stderr
    assert "没有回执：城市的 admit 在运行吗" in told
    assert "请以 --once" in told
