"""What ``hutong agreements`` says: English, 中文."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, str]] = {
    "agreements.opened": (
        "agreement {agreement} is directory entry {number}: from now on {recipient} is shown what it reaches",
        "共享协议 {agreement} 为目录第 {number} 条：此后 {recipient} 可见所涉事件",
    ),
    "agreements.same": (
        "agreement {agreement} stands so since directory entry {number}; nothing changed",
        "共享协议 {agreement} 自目录第 {number} 条起即如此；未作更改",
    ),
    "agreements.closed": (
        "agreement {agreement} is closed by directory entry {number}: it reaches nothing that is admitted from now on",
        "共享协议 {agreement} 已由目录第 {number} 条终止：此后入台账的事件不再共享",
    ),
    "agreements.none": ("there are no agreements", "没有共享协议"),
    "agreements.everything": (
        "this would show every event of every ticket: name types, categories or areas, or say --everything",
        "这将共享全部工单的全部事件：请给出类型、类别或区划，或用 --everything",
    ),
    "agreements.not_both": (
        "--everything, or types, categories and areas, not both",
        "--everything 与类型、类别、区划只能取其一",
    ),
    "agreements.wrong.id": ("must be a code, such as heating_study", "须为代码，如 heating_study"),
    "agreements.wrong.recipient": (
        "must be an organisation's id, such as 110000.water",
        "须为单位代码，如 110000.water",
    ),
    "agreements.wrong.types": ("must be types of events", "须为事件类型"),
    "agreements.wrong.categories": (
        "must be codes joined by /, such as public_service/heating",
        "须为以 / 连接的类别代码，如 public_service/heating",
    ),
    "agreements.wrong.areas": ("must be a division's code, such as 110105", "须为区划代码，如 110105"),
    "agreements.wrong.key_classes": ("must be a class of sealed field, such as content", "须为密封类别，如 content"),
    "agreements.wrong.purpose": ("must be a code, such as study", "须为代码，如 study"),
    "agreements.wrong.until": ("is no time that can be kept", "不是可用的时间"),
    "agreements.reason": ("must be a code, such as study_finished", "须为代码，如 study_finished"),
    "agreements.state.open": ("open until {until}", "有效至 {until}"),
    "agreements.state.expired": ("expired {until}", "已于 {until} 到期"),
    "agreements.state.closed": (
        "closed by directory entry {number} ({reason})",
        "已由目录第 {number} 条终止（{reason}）",
    ),
    "agreements.flow": ("{events} events, the last {last}", "共 {events} 个事件，末次 {last}"),
    "agreements.no_flow": ("no event so far", "尚无事件"),
    "agreements.purpose": ("purpose", "用途"),
    "agreements.types": ("types", "类型"),
    "agreements.categories": ("categories", "类别"),
    "agreements.areas": ("areas", "区划"),
    "agreements.key_classes": ("opens", "可解封"),
    "agreements.all": ("all", "全部"),
    "agreements.nothing": ("nothing", "无"),
}

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "agreements": ("hutong agreements list",),
    "agreements open": (
        (
            "hutong agreements open heating_study --recipient 110000.heat --type filed --type resolved "
            "--category public_service/heating --area 110105 --class content --purpose study --until 2027-03-15"
        ),
    ),
    "agreements list": ("hutong agreements list --json",),
    "agreements close": ("hutong agreements close heating_study --reason study_finished",),
}

HELP: Mapping[str, tuple[str, str]] = {
    "agreements": (
        (
            "Standing agreements 共享协议: who is shown events of others' tickets.\n\n"
            "An agreement reaches single events that are admitted while it stands, never a ticket's history."
        ),
        "共享协议：单位可见的、未参与办理的工单事件。\n\n协议只涉及有效期内入台账的单个事件，不含工单的既往。",
    ),
    "agreements open": (
        (
            "Open an agreement, as the registrar.\n\n"
            "It reaches an event whose type, and whose ticket's category and area, are among those named; a category "
            "or area stands for all below it. What is not named is not asked for."
        ),
        "登记机构订立共享协议。\n\n事件类型及其工单的类别、区划均在所列之内即共享；类别、区划含其下级；未列者不限。",
    ),
    "*.agreement": ("The agreement's id; none is ever used twice.", "协议代码；永不重复使用。"),
    "agreements open.recipient": ("The organisation that is shown the events.", "接收单位。"),
    "agreements open.types": ("A type of event, such as filed; may be repeated.", "事件类型，如 filed；可重复。"),
    "agreements open.categories": (
        "A category, such as public_service/heating; may be repeated.",
        "类别，如 public_service/heating；可重复。",
    ),
    "agreements open.areas": ("A division, such as 110105; may be repeated.", "区划，如 110105；可重复。"),
    "agreements open.key_classes": (
        "A class of sealed field it may open: content, identity; may be repeated. Without one it opens none.",
        "可解封的密封类别：content、identity；可重复；缺省为无。",
    ),
    "agreements open.purpose": ("What for, as a code, such as study.", "用途代码，如 study。"),
    "agreements open.until": (
        "When it ends, by the time of admission; without a zone it is the city's time.",
        "终止时间（按入台账时间）；不带时区按城市时间。",
    ),
    "agreements open.everything": (
        "Every event of every ticket: no types, categories or areas are named.",
        "全部工单的全部事件：不限类型、类别、区划。",
    ),
    "agreements list": (
        (
            "Show agreements, and what flowed under each.\n\n"
            "As the city's own organisation: all of them, told from the ledger. As any other: its own, told from its "
            "deliveries. An event that two agreements reach counts under both."
        ),
        (
            "列出共享协议及各协议下的事件。\n\n"
            "以城市本身的身份：全部协议，据台账统计；以其他单位的身份：本单位的协议，据送达统计。"
            "同时属于两个协议的事件分别计入。"
        ),
    ),
    "agreements close": (
        "End an agreement before its time, as the registrar: it reaches nothing that is admitted from now on.",
        "登记机构提前终止共享协议：此后入台账的事件不再共享。",
    ),
    "agreements close.reason": ("Why, as a code, such as study_finished.", "原因代码，如 study_finished。"),
}
