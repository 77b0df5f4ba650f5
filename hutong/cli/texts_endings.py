"""What each exit code means, and the sentences of the library and of the parser of options in 中文."""

from __future__ import annotations

import re
from collections.abc import Mapping

ENDINGS: Mapping[str, tuple[str, str]] = {
    "0": ("done", "完成"),
    "1": (
        "the bus said no, or something on it does not hold: refused, unknown, parked again, an alarm",
        "被拒收，或不成立：拒收、查无此项、再次搁置、有告警",
    ),
    "2": (
        "mend something first: settings, usage, files, rights, or the broker is away; nothing was sent",
        "须先处理：设置、用法、文件、权限有误，或消息服务器不可用；未发送任何内容",
    ),
    "3": (
        "the outcome is unknown, or not all came in time: the same command may be run again",
        "结果未知，或未在时限内全部到达：可重新运行同一命令",
    ),
    "130": ("stopped by Ctrl-C", "按 Ctrl-C 中断"),
    "141": ("whoever read the output has gone, as behind `head`", "读取输出的一方已离开，如 `head` 之后"),
}
"""Under each exit code; ``docs/commands.md`` shows them, a test holds it to that."""

PHRASES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(english, re.DOTALL), chinese)
    for english, chinese in (
        # the parser of options
        (r"Missing argument '(.+?)'\.(.*)", "缺少参数 {0}。{1}"),
        (r"Missing option '(.+?)'\.(.*)", "缺少选项 {0}。{1}"),
        (r" Choose from:(.+)", "可选：{0}"),
        (r"No such option: (\S+)(.*)", "没有选项 {0}{1}"),
        (r" \(Possible options: (.+)\)", "（是否为 {0}？）"),
        (r"No such command '(.+?)'\.(.*)", "没有命令 {0}。{1}"),
        (r" Did you mean (.+)\?", "是否为 {0}？"),
        (r"Option '(.+?)' requires an argument\.", "选项 {0} 需要一个值"),
        (r"Got unexpected extra argument\(s\) \((.+)\)", "多余的参数：{0}"),
        (r"Invalid value for ('[^']+'(?: \(env var: '\w+'\))?|.+?): (.+)", "{0} 的值有误：{1}"),
        (r"Value error, (.+)", "{0}"),
        (r"(.+) is not one of (.+)\.", "{0} 不在 {1} 之中"),
        (r"Input should be a valid (?:number|integer).*", "须为数字"),
        (r"Input should be greater than or equal to (.+)", "须不小于 {0}"),
        (r"file '(.+)' does not exist\.", "文件 {0} 不存在"),
        # settings and keys
        (
            r"(.+) \(set the variable, or put it into the file that HUTONG_CONFIG names\)",
            "{0}（请设置环境变量，或写入 HUTONG_CONFIG 指向的文件）",
        ),
        (r"(HUTONG_\w+ is .+?); (HUTONG_\w+ is .+)", "{0}；{1}"),
        (r"(HUTONG_\w+) is not set", "未设置 {0}"),
        (r"(HUTONG_\w+) is wrong: (.+)", "{0} 有误：{1}"),
        (
            r"HUTONG_KEY is not set: name the PEM file made by `hutong org keygen`",
            "未设置 HUTONG_KEY：请指明 `hutong org keygen` 生成的 PEM 文件",
        ),
        (
            r"key file (.+) cannot be read \((.+)\): make one with `hutong org keygen`",
            "无法读取密钥文件 {0}（{1}）：请用 `hutong org keygen` 生成",
        ),
        # the city
        (
            r"(\S+) is not in the directory: have it registered \(`hutong org register`\)",
            "{0} 不在单位目录中：请先登记（`hutong org register`）",
        ),
        (
            r"no city is founded at this broker: check HUTONG_BOOTSTRAP, or found it \(`hutong org found`\)",
            "此消息服务器上没有城市：请检查 HUTONG_BOOTSTRAP，或建立城市（`hutong org found`）",
        ),
        (
            r"topic (\S+) is not there: was the city founded, the organisation registered\?",
            "没有主题 {0}：城市是否已建立，单位是否已登记？",
        ),
        (
            (
                r"topic (\S+) is closed to you: `hutong org list` shows your rights; what follows from them holds from "
                r"the next `hutong org apply` on"
            ),
            "主题 {0} 对本单位不开放：权限见 `hutong org list`，变更自下一次 `hutong org apply` 起生效",
        ),
        (r"(.+): the broker does not answer \((.+)\); try again later", "消息服务器没有应答（{0}：{1}），请稍后再试"),
        (
            (
                r"(\d+) of (\d+) events are with the broker, but no receipt came within (\S+) s: is the city's admit "
                r"running\? \(first: (\S+) of (\S+)\)(.*)"
            ),
            "{1} 个事件中有 {0} 个已由消息服务器收妥，但 {2} 秒内没有回执：城市的 admit 在运行吗？（首个：{4} {3}）{5}",
        ),
    )
)
"""English as it is raised, and 中文 with its groups filled in, each of which is looked up here again. What stands here
is what is met most; a test provokes it, so that a changed sentence is noticed."""
