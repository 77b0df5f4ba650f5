"""What ``hutong status`` says: English, 中文."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, str]] = {
    "status.well": ("all is well", "一切正常"),
    "status.unread": (
        "not running, though something waits: {who}; start what should run",
        "有待处理但未运行：{who}；应运行者请启动",
    ),
    "status.person": ("to be done by a person: {count}", "{count} 处需要处理"),
    "status.none": ("no system has read from this door yet", "尚无系统读取本单位的送达"),
    "status.closed": ("closed to you", "无权读取"),
    "status.ago": ("{span} ago", "{span}前"),
    "status.refusals": ("Refusals", "拒收"),
    "status.no_refusals": ("none", "无"),
    "status.refusals.closed": ("cannot be read from here", "此处无法读取"),
    "status.day": ("{day} in a day, {ever} ever", "一天内 {day}，累计 {ever}"),
    "status.hanging": (
        "{place} has an open transaction for {span}: its readers stand at offset {offset}.",
        "{place} 有未结束的事务，已 {span}：读者停在位点 {offset}。",
    ),
    "status.hanging.next": (
        "Start {owner} of this partition: its start ends the transaction",
        "请启动该分区的 {owner}：启动即结束该事务",
    ),
    "alarm.nobody": ("not running", "未运行"),
    "alarm.behind": ("far behind", "严重落后"),
    "alarm.late": ("about to lose deliveries", "送达即将过期"),
    "alarm.parked": ("parked tickets", "有搁置工单"),
    "advice.nobody": (
        "{who} is not running: start it (`python -m services.{system}`)",
        "{who} 未运行：请启动（`python -m services.{system}`）",
    ),
    "advice.behind": (
        "{who} has work that is {span} old: look at its log",
        "{who} 有已等待 {span} 的工作：请查看其日志",
    ),
    "advice.late": (
        "{who} has not read for {span}: the door keeps deliveries {retention}; start the system",
        "{who} 已有 {span} 未读取：送达仅保留 {retention}；请启动该系统",
    ),
    "advice.parked": (
        "{who} has {count} parked tickets: `hutong --organisation {organisation} deadletters list`",
        "{who} 有 {count} 个搁置工单：`hutong --organisation {organisation} deadletters list`",
    ),
    "column.organisation": ("organisation", "单位"),
    "column.members": ("running", "运行"),
    "column.lag": ("lag", "落后"),
    "column.oldest": ("oldest", "最早等待"),
    "column.parked": ("parked", "搁置"),
    "column.letters": ("letters", "搁置件"),
}

HELP: Mapping[str, tuple[str, str]] = {
    "status": (
        (
            "Show how the city stands: what waits, who runs, what is parked, refused or hanging.\n\n"
            "As the city's own organisation: its services and every organisation's systems. As any other: its own. "
            "Asked of Kafka alone. The exit code is 1 when something needs a person."
        ),
        (
            "显示运行状况：积压、运行、搁置、拒收与未结束的事务。\n\n"
            "以城市本身的身份：各服务与全部单位的系统；以其他单位的身份：仅本单位。只询问 Kafka。需要处理时退出码为 1。"
        ),
    ),
}
