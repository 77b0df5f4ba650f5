"""What ``hutong trace`` says: English, 中文. See :mod:`hutong.cli.texts` for the keys."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "trace": ("hutong trace 3f9a1c7e", "hutong trace ledger/0@12", "hutong trace 01980c1e-7a52-7c3e-9d41-6f0b2a9c8e17"),
}

HELP: Mapping[str, tuple[str, str]] = {
    "trace": (
        (
            "Show where an event is: submitted, admitted or refused, delivered, handled or parked.\n\n"
            "As the city's own organisation, or with --source ledger, to whom it went; as any other what came through "
            "its own door. Which system handled it is told of the own organisation alone."
        ),
        (
            "查看事件到了哪里：上报、入台账或拒收、送达、处理或搁置。\n\n"
            "以城市本身的身份或用 --source ledger 可见送达了谁；其他单位只见本单位的。由哪个系统处理，只说本单位的。"
        ),
    ),
    "trace.which": (
        "Its id, the beginning of its fingerprint (6 hex digits or more), or where it lies.",
        "事件 id、指纹的开头（至少 6 位十六进制），或所在位置。",
    ),
    "trace.source": (
        "Look on the city's ledger, or among this organisation's deliveries.",
        "在全市台账中查找，或在本单位的送达中查找。",
    ),
}

WORDS: Mapping[str, tuple[str, str]] = {
    "trace.unknown": ("there is no event {which} on {topic}", "{topic} 中没有事件 {which}"),
    "trace.ticket": (
        "{which} is a ticket, not an event: `hutong ticket show {which} --json` has the ids of its events",
        "{which} 是工单，不是事件：其各事件的标识见 `hutong ticket show {which} --json`",
    ),
    "trace.own_side": (
        ": only what came through this door is seen here; with the right replay, --source ledger sees the whole city",
        "：此处只见送达本单位的事件；有 replay 权限的单位用 --source ledger 可见全市",
    ),
    "trace.closed": (
        "the ledger is closed to {organisation}, which has no right replay; its own side is told without --source",
        "{organisation} 无 replay 权限，不能读取台账；不用 --source 可查本单位的一侧",
    ),
    "trace.several": ("{which} names several events: {places}", "{which} 对应多个事件：{places}"),
    "trace.submitted": ("submitted", "上报"),
    "trace.not_judged": (
        "not judged yet: is the city's admit running? `hutong status`",
        "尚未审核：城市的 admit 在运行吗？见 `hutong status`",
    ),
    "trace.receivers": ("goes to", "送达单位"),
    "trace.delivered": ("delivered", "已送达"),
    "trace.underway": ("not delivered yet", "尚未送达"),
    "trace.unseen": ("whether it was delivered cannot be seen from here", "此处无法得知是否送达"),
    "trace.came": ("came through the own door", "已送达本单位"),
    "trace.handled": ("handled", "已处理"),
    "trace.waiting": ("not taken yet", "尚未取走"),
    "trace.parked": ("parked", "搁置"),
    "trace.released": ("released, not taken yet", "已重新交付，尚未取走"),
    "trace.skipped": ("skipped", "已跳过"),
    "trace.nobody": ("no system has read the door", "尚无系统读取"),
}
