"""The help of every command and parameter: English, 中文. See :mod:`hutong.cli.texts` for the keys."""

from __future__ import annotations

from collections.abc import Mapping

from hutong.cli import (
    texts_agreements,
    texts_board,
    texts_custody,
    texts_replay,
    texts_schemas,
    texts_securing,
    texts_status,
    texts_ticket,
    texts_trace,
)

EXIT_CODES: Mapping[str, tuple[str, str]] = {
    "codes": (
        (
            "Exit codes: 0 done · 1 the bus said no, or something does not hold · 2 settings, usage, files or the "
            "broker is away · 3 unconfirmed, may be run again · 130 Ctrl-C"
        ),
        "退出码：0 完成 · 1 被拒收或数据有误 · 2 设置、用法、文件或服务器有误 · 3 未确认，可重新运行 · 130 Ctrl-C",
    ),
}

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    **texts_agreements.EXAMPLES,
    **texts_board.EXAMPLES,
    **texts_ticket.EXAMPLES,
    **texts_custody.EXAMPLES,
    **texts_trace.EXAMPLES,
    **texts_replay.EXAMPLES,
    **texts_schemas.EXAMPLES,
    **texts_securing.EXAMPLES,
    "": ("HUTONG_CONFIG=water.toml hutong subscribe --system desk",),
    "submit": (
        (
            "hutong submit complaint.filed --set kind=complaint --set channel=phone --set area=110105026 "
            "--set category=public_service/water --set narrative=三天没水"
        ),
        "hutong submit accepted --ticket 110000-20260131-0G7XK2M9QZ",
    ),
    "subscribe": ("hutong subscribe --system desk --type dispatched --json",),
    "deadletters": ("hutong deadletters list",),
    "deadletters list": ("hutong deadletters list --system desk",),
    "deadletters show": ("hutong deadletters show 110000-20260131-0G7XK2M9QZ",),
    "deadletters replay": (
        "hutong deadletters replay 110000-20260131-0G7XK2M9QZ --wait 30",
        "hutong deadletters replay --all --system desk",
    ),
    "deadletters skip": ("hutong deadletters skip 110000-20260131-0G7XK2M9QZ --reason 测试件",),
    "org": ("hutong org list",),
    "outbox": ("hutong outbox list",),
    "outbox list": ("hutong outbox list --file desk.outbox --json",),
    "outbox send": ("hutong outbox send --timeout 600",),
    "refusals": ("hutong refusals list",),
    "refusals list": ("hutong refusals list --code unknown_organisation --since 2026-01-31",),
    "refusals show": ("hutong refusals show refusals/0@12", "hutong refusals show 3f9a1c7e"),
    "refusals resubmit": (
        "hutong refusals resubmit refusals/0@12",
        "hutong refusals resubmit --all --code unknown_key --source 110000.water",
    ),
    "outbox drop": ("hutong outbox drop 17 --reason damaged",),
    "org keygen": ("hutong org keygen 110000.water",),
    "org found": ("hutong org found --partitions 4 --name zh=北京12345 --right file --right dispatch",),
    "org register": (
        (
            "hutong org register 110000.water --name zh=市供水单位 --level utility --parent 110000 "
            "--signing-key 6f1c… --sealing-key 9b42…"
        ),
    ),
    "org list": ("hutong org list --json",),
    "org revoke": ("hutong org revoke 110000.water --reason key_lost",),
    "status": ("hutong status", "watch -n 5 hutong status"),
}

HELP: Mapping[str, tuple[str, str]] = {
    **texts_agreements.HELP,
    **texts_status.HELP,
    **texts_board.HELP,
    **texts_ticket.HELP,
    **texts_custody.HELP,
    **texts_trace.HELP,
    **texts_replay.HELP,
    **texts_schemas.HELP,
    **texts_securing.HELP,
    "": (
        (
            "Hutong 互通: the bus between a city's hotline, its departments, its partners and its auditors.\n\n"
            "Every setting is a variable HUTONG_BOOTSTRAP, _CITY, _ORGANISATION, _REGISTRAR_KEY, _KEY, _HOME …, "
            "or stands in a TOML file. HUTONG_LANG=zh speaks Chinese."
        ),
        (
            "Hutong 互通：连接城市热线、承办单位、互转城市与审计的总线。\n\n"
            "设置取自环境变量 HUTONG_BOOTSTRAP、_CITY、_ORGANISATION、_REGISTRAR_KEY、_KEY、_HOME 等，或 TOML 文件。"
            "HUTONG_LANG=en 显示英文。"
        ),
    ),
    ".config": ("A TOML file with the settings.", "设置文件 (TOML)。"),
    ".organisation": ("Act as this organisation.", "以该单位的身份操作。"),
    ".version": ("Say the version and end.", "显示版本。"),
    "*.json_": ("JSON, one object a line, and nothing else on standard output.", "标准输出只含 JSON，每行一个对象。"),
    "*.system": (
        "The system of the organisation that this is; each has its own place and marks.",
        "本单位的系统名；各系统的读取位置互不影响。",
    ),
    "*.unseal": ("Open sealed fields whose key is held here.", "解开本单位持有密钥的密封字段。"),
    "*.source": ("Read the city's ledger, or this organisation's deliveries.", "读取全市台账，或本单位的送达。"),
    "*.ticket": ("The ticket.", "工单号。"),
    "*.organisation": ("The organisation's id, such as 110000.water.", "单位代码，如 110000.water。"),
    "*.names": (
        "Its name in one language, such as zh=市供水单位; may be repeated.",
        "某语言的名称：zh=市供水单位；可重复。",
    ),
    "*.rights": (
        (
            "A right: file, dispatch, call_back, clock, custody, register, backfill, replay, see_all; may be repeated; "
            "'none' for none."
        ),
        "权限：file、dispatch、call_back、clock、custody、register、backfill、replay、see_all，可多次给出；none 为无。",
    ),
    "*.sealing_key": ("Its X25519 public key, 64 hex digits.", "X25519 公钥，64 位十六进制。"),
    "submit": (
        "Submit one event, and wait until the city admitted it.",
        "上报一个事件，并等待其进入台账。",
    ),
    "submit.type_": (
        "The event: accepted, disposition.accepted or disposition.accepted.v1.",
        "事件类型：accepted、disposition.accepted 或 disposition.accepted.v1。",
    ),
    "submit.ticket": ("The ticket it is about; a new complaint makes its own.", "所属工单；新诉求自动生成工单号。"),
    "submit.data": (
        "Its data: a JSON object, @FILE, or - for standard input.",
        "事件内容：JSON 对象、@文件，或 - 读标准输入。",
    ),
    "submit.values": ("One field of its data; may be repeated; wins over --data.", "单个字段；可重复；优先于 --data。"),
    "submit.answers": ("Fingerprint of the event it answers.", "所答复事件的指纹。"),
    "submit.once": (
        "The same key makes the same event, however often it is run.",
        "同一键值，运行几次都是同一事件。",
    ),
    "submit.time": (
        "When it happened, if not now; without a zone it is the city's time.",
        "发生时间，缺省为现在；不带时区按城市时间。",
    ),
    "submit.wait": (
        "Until it is on the ledger, or only until the broker has it, or HUTONG_OUTBOX (sent later).",
        "等到进入台账，或仅等到消息服务器收妥，或仅存入发件箱（稍后发送）。",
    ),
    "submit.timeout": ("How long to wait.", "最长等待秒数。"),
    "subscribe": (
        "Print this organisation's deliveries as they come, each marked as handled once it was written.",
        "输出本单位的送达；每条写出后即标记为已处理。",
    ),
    "subscribe.types": ("Only this type; may be repeated.", "只要该类型；可重复。"),
    "subscribe.receipts": ("Also this organisation's own events.", "也包含本单位自己的事件。"),
    "subscribe.refusals": ("Also this organisation's refused events.", "也包含被拒收的事件。"),
    "subscribe.start": (
        "Where a system begins that was never here before.",
        "新系统的起点：最早 (earliest) 或现在 (now)。",
    ),
    "subscribe.count": ("End after so many.", "收到若干条后结束。"),
    "subscribe.timeout": (
        "End when nothing came for so long; with --count and fewer, the exit code is 3.",
        "若干秒无新送达则结束；未满 --count 时退出码为 3。",
    ),
    "deadletters": (
        (
            "Dead letters 搁置: events that a system of this organisation could not handle, and the tickets that wait "
            "for them.\n\n"
            "When a system's program fails on an event again and again, the event's ticket is parked: this and all its "
            "later events wait here, and other tickets go on. Find out why (show), mend the program, and give them to "
            "it again (replay); or leave out what nobody will ever need (skip)."
        ),
        (
            "搁置件：无法处理的事件及其工单。\n\n"
            "程序多次处理某事件失败后，该工单即被搁置：该事件及其后续事件在此等待，其他工单照常办理。"
            "先查原因（show），修好程序后重新交付（replay）；确实无需处理的可跳过（skip）。"
        ),
    ),
    "deadletters list": ("Show the parked tickets, one line each.", "列出搁置的工单。"),
    "deadletters list.over": (
        "Also what is over: handled after a replay, or skipped, by whom and why.",
        "也列出已了结的：重新处理的，或被跳过的（何人、何故）。",
    ),
    "deadletters show": (
        (
            "Show why a ticket is parked.\n\n"
            "Each event that waits, its error, when it failed first and last, how often, and the stack."
        ),
        "显示工单为何搁置。\n\n各事件的错误、首末次失败时间、次数与调用栈。",
    ),
    "deadletters replay": (
        (
            "Give parked events to their system again, in the order of their ticket, then what came after them.\n\n"
            "The system takes them itself, within seconds if it runs, else when it is started."
        ),
        "将搁置的事件按序重新交给系统。\n\n同一工单的后续事件随后交付。系统运行时数秒内即取走，否则启动后取走。",
    ),
    "deadletters replay.ticket": ("The ticket; or --all.", "工单号；或用 --all。"),
    "deadletters replay.every": ("All parked tickets.", "全部搁置的工单。"),
    "deadletters replay.wait": (
        (
            "Wait so long for the outcome, and tell it: the exit code is 0 when all were handled, 1 when one failed "
            "again, 3 when the time was over first."
        ),
        "最多等待若干秒并报告结果：全部处理为 0，再次失败为 1，超时为 3。",
    ),
    "deadletters skip": (
        (
            "Count the event that a ticket waits for as done, without handling it.\n\nReason, name and time are kept. "
            "The ticket's other events wait on: replay gives them to the system."
        ),
        "跳过工单所卡的事件，不再处理。\n\n原因、何人、何时均留存。该工单的其他事件继续等待，可用 replay 重新交付。",
    ),
    "deadletters skip.reason": ("Why; kept for whoever asks later.", "原因；留存备查。"),
    "deadletters skip.whole": (
        "All of the ticket's waiting events, not only the first.",
        "跳过该工单全部等待的事件，而不只是第一个。",
    ),
    "*.of_system": ("Only what this system parked.", "只看该系统搁置的。"),
    "org": ("Organisations: their keys, and the directory.", "单位：密钥与目录。"),
    "org keygen": (
        "Make an organisation's keys: Ed25519 to sign, X25519 to seal for it. Nothing is written over.",
        "生成单位密钥：Ed25519 用于签名，X25519 用于密封。绝不覆盖已有文件。",
    ),
    "org keygen.folder": ("Where to, if not HUTONG_HOME/keys.", "存放目录，缺省为 HUTONG_HOME/keys。"),
    "org found": (
        "Found the city, as its registrar: make its topics and enter the registrar itself. Again changes nothing.",
        "登记机构建立城市：创建主题并登记自身。重复运行不作更改。",
    ),
    "org found.partitions": ("Of submissions, ledger and refusals; for ever.", "上报、台账、拒收的分区数；永久不变。"),
    "org found.replication": ("Copies of each topic.", "每个主题的副本数。"),
    "org register": (
        "Register an organisation, as the registrar, or change its entry: what is not said stays as it is.",
        "登记机构登记单位或变更其条目；未给出的项保持不变。",
    ),
    "org register.level": (
        "city, district, street, community, department, utility, partner or auditor.",
        "层级：city、district、street、community、department、utility、partner、auditor。",
    ),
    "org register.parent": ("The organisation above it.", "上级单位。"),
    "org register.signing_keys": ("Its Ed25519 public key, 64 hex digits; may be repeated.", "Ed25519 公钥；可重复。"),
    "org register.partitions": ("Of its deliveries; for ever.", "其送达主题的分区数；永久不变。"),
    "org list": ("Show the directory, revoked organisations too.", "显示单位目录，含已注销单位。"),
    "org revoke": (
        "End an organisation's entry, as the registrar: what it submits from now on is refused.",
        "登记机构注销单位：此后其上报一律拒收。",
    ),
    "org revoke.reason": ("Why, as a code, such as key_lost", "原因代码：key_lost、closed 等。"),
    "outbox": (
        "The outbox: events that are signed and wait for the broker.",
        "发件箱：已签名、等待发送的事件。",
    ),
    "*.file": ("The outbox, if not HUTONG_OUTBOX.", "发件箱文件，缺省为 HUTONG_OUTBOX。"),
    "outbox list": (
        "Show what waits, in the order of sending, and what was dropped; also while a program uses it.",
        "按发送顺序列出等待的事件及已移出的事件；程序使用时亦可。",
    ),
    "outbox send": (
        "Send what waits, in order, and end when the broker has all of it. Not while a program uses it.",
        "按顺序发送等待的事件，全部收妥后结束。程序使用时不可。",
    ),
    "outbox drop": (
        "Take one event out for good, recorded with the reason. Not while a program uses it.",
        "永久移出一个事件，并记录原因。程序使用时不可。",
    ),
    "outbox drop.event": ("Its id, or its number in the list.", "事件 id，或列表中的序号。"),
    "outbox drop.reason": ("Why.", "原因。"),
    "outbox send.timeout": ("How long to try.", "尝试时长（秒）。"),
    "refusals": (
        (
            "Refusals 拒收: events that were not admitted, each kept whole with the reason.\n\n"
            "As the city's own organisation: all of the city's. As any other: those returned through its own door."
        ),
        "拒收：未入台账的事件，连同原因完整保存。\n\n以城市本身的身份：全市的；以其他单位的身份：退回本单位的。",
    ),
    "refusals list": (
        "Show refusals, the newest last, and how many there are by reason.",
        "列出拒收（最新在后），并按原因计数。",
    ),
    "refusals list.limit": ("Show at most so many; all are counted.", "至多显示若干条；全部计数。"),
    "refusals show": (
        (
            "Show everything about one refusal.\n\n"
            "What its reason means, whether the same bytes may be sent again, what to do next, and the record itself."
        ),
        "显示一条拒收的全部。\n\n原因的含义、能否原样重发、作者下一步做什么，以及原始记录。",
    ),
    "*.which": (
        "Its position, or the beginning of its fingerprint (6 hex digits or more).",
        "位置，或指纹的开头（至少 6 位十六进制）。",
    ),
    "*.code": ("Only this reason, such as unknown_organisation.", "只要该原因，如 unknown_organisation。"),
    "refusals list.source": ("Only of this author.", "只要该作者的。"),
    "refusals resubmit.source": ("Only of this author.", "只要该作者的。"),
    "*.since": ("Refused at this time or later.", "拒收时间的起点（含）。"),
    "*.until": ("Refused before this time.", "拒收时间的终点（不含）。"),
    "refusals resubmit": (
        (
            "Send refused events again, byte for byte, and wait for the outcome.\n\n"
            "They are signed already, so no key is needed. What binds, or was not kept whole, is not sent (exit code "
            "1)."
        ),
        "将被拒收的事件原样重发，并等待结果。\n\n无需密钥。固定拒收的、未完整保存的不发送（退出码 1）。",
    ),
    "refusals resubmit.every": (
        "All, or all of a reason, an author, a ticket, a time.",
        "全部，或按原因、作者、工单、时间。",
    ),
    "refusals resubmit.timeout": (
        "How long to wait for the outcome of up to 200.",
        "每批（至多 200 个）最长等待秒数。",
    ),
}
