"""What ``hutong city`` says, and of pictures of what a command shows: English, 中文."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, str]] = {
    "board.received": ("received", "受理"),
    "board.in_hand": ("in hand", "在办"),
    "board.overdue": ("overdue", "超期"),
    "board.ended": ("ended", "办结"),
    "board.refused": ("refused", "拒收"),
    "board.unreadable": ("unreadable", "无法识别"),
    "board.rate": ("{rate} events/s", "{rate} 件/秒"),
    "board.share_ended": ("{share} ended", "办结 {share}"),
    "board.nothing": ("no tickets yet", "尚无工单"),
    "board.nobody": ("nobody", "无"),
    "board.waiting": ("nothing has happened yet", "尚无事件"),
    "board.in_hand_at": ("in hand at", "在办层级"),
    "board.shares": ("shares", "比率"),
    "board.merged": ("merged", "并单"),
    "board.contested": ("contested", "退单"),
    "board.dissatisfied": ("dissatisfied", "不满意"),
    "board.by.district": ("by district", "各区"),
    "board.by.street": ("by street", "各街道（乡镇）"),
    "board.by.lead": ("by unit", "各承办单位"),
    "board.head.place": ("place", "区域"),
    "board.head.unit": ("unit", "单位"),
    "board.head.received": ("rec'd", "受理"),
    "board.head.in_hand": ("open", "在办"),
    "board.head.overdue": ("late", "超期"),
    "board.head.ended": ("ended", "办结"),
    "board.others": ("{count} others", "其余 {count} 个"),
    "board.itself": ("no finer place", "未定下级"),
    "board.last": ("last events", "最新事件"),
    "board.source.ledger": ("the city's ledger", "全市台账"),
    "board.source.deliveries": ("own deliveries", "本单位送达"),
    "board.catching_up": ("reading what is there", "读取已有事件"),
    "board.no_area": (
        "{area} is no division of the city: write 6 digits for a district, 9 for a street",
        "{area} 不是本市区划：区 6 位代码，街乡镇 9 位代码",
    ),
    "svg.unwritable": (
        "the picture {file} cannot be written ({error}): name another file",
        "无法写入图片 {file}（{error}）：请换一个文件",
    ),
    "level.none": ("not dispatched", "未派单"),
    "level.city": ("city", "市"),
    "level.district": ("district", "区"),
    "level.street": ("street", "街乡镇"),
    "level.community": ("community", "社区村"),
    "level.department": ("department", "部门"),
    "level.utility": ("utility", "公共服务企业"),
    "level.partner": ("partner", "互转城市"),
    "level.other": ("others", "其他"),
}

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "city": ("hutong city", "hutong city --area 110105", "hutong city --json"),
}

HELP: Mapping[str, tuple[str, str]] = {
    "city": (
        (
            "Show the city's live board: tickets by district or street, and what happens right now.\n\n"
            "Whoever holds the right `replay` sees the whole ledger; any other organisation what was delivered to "
            "it, a district or a street its own places. It reads from the beginning, then only what is new; Ctrl-C "
            "ends it. "
            "Signatures are not verified here: `hutong replay` verifies them."
        ),
        (
            "显示全市实时看板：各区、各街道（乡镇）工单及最新事件。\n\n"
            "有 `replay` 权限者看全市台账；其他单位看本单位的送达，区、街道看所辖区域。"
            "先从头读取，其后只读新增；Ctrl-C 结束。此处不验证签名：由 `hutong replay` 验证。"
        ),
    ),
    "city.area": (
        "Only this place: a district by its streets, a street by its units.",
        "只看该区域：区按街道，街道按承办单位。",
    ),
    "city.once": ("Show one picture and end; so it is without a terminal.", "只显示一次后结束；非终端时亦如此。"),
    "*.svg": (
        "Write what would be shown once into this file instead, as an SVG picture, 100 columns wide.",
        "不在终端显示，写入该 SVG 图片文件，宽 100 列。",
    ),
}
