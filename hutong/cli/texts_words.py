"""What the commands say besides their help: English, 中文. Words in braces are filled in."""

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

WORDS: Mapping[str, tuple[str, str]] = {
    **texts_agreements.WORDS,
    **texts_status.WORDS,
    **texts_ticket.WORDS,
    **texts_board.WORDS,
    **texts_custody.WORDS,
    **texts_trace.WORDS,
    **texts_replay.WORDS,
    **texts_schemas.WORDS,
    **texts_securing.WORDS,
    "hint.broker": (
        "is HUTONG_BOOTSTRAP right, and is the city's Kafka running?",
        "请检查 HUTONG_BOOTSTRAP 及城市的 Kafka 是否运行",
    ),
    # options of several commands
    "option.moment": (
        "{text} is no date or time: write 2026-01-31, 2026-01-31T08:00 (the city's time) or 2026-01-31T00:00Z",
        "{text} 不是日期或时间：请写 2026-01-31、2026-01-31T08:00（城市时间）或 2026-01-31T00:00Z",
    ),
    "option.ticket": (
        "{text} is no ticket id: it looks like 110000-20260131-0G7XK2M9QZ",
        "{text} 不是工单号：应如 110000-20260131-0G7XK2M9QZ",
    ),
    "option.directory": ("the directory is written by `hutong org`", "单位目录由 `hutong org` 写入"),
    "option.several": ("{name} could be several: {choice}", "{name} 可能是多个：{choice}"),
    "option.no_event": ("{name} is no event here: {choice}", "没有事件 {name}：可用 {choice}"),
    # submit
    "submit.which_ticket": ("{type} needs --ticket: which ticket is it about?", "{type} 需要 --ticket：属于哪个工单？"),
    "submit.once_needs_time": (
        "a new complaint with --once needs --time too: its ticket's date must be the same tomorrow",
        "新诉求使用 --once 时还需 --time：工单号中的日期须始终一致",
    ),
    "submit.merge": (
        (
            "first tell the older ticket of its repeat: `hutong submit amended --ticket {into} --data "
            '\'{{"repeat": {{"ticket": "{ticket}", "filed": "…"}}}}\'` (its admission); give its fingerprint here'
        ),
        (
            "请先告知较早工单其重复：`hutong submit amended --ticket {into} --data "
            '\'{{"repeat": {{"ticket": "{ticket}", "filed": "…"}}}}\'`（其入账时间）；入账后在此给出其指纹'
        ),
    ),
    "submit.fingerprint": ("a fingerprint has 64 lower-case hex digits", "指纹为 64 位小写十六进制"),
    "submit.revoked": (
        "{organisation} was revoked by directory entry {number}: nothing it signs is admitted",
        "{organisation} 已由目录第 {number} 条注销：其上报一律不予入账",
    ),
    "submit.foreign_key": (
        (
            "{file} is no key of {organisation} in the directory: name the right file in HUTONG_KEY, or have its entry "
            "changed (`hutong org register`)"
        ),
        "{file} 不是目录中 {organisation} 的密钥：请更正 HUTONG_KEY，或变更登记（`hutong org register`）",
    ),
    "submit.again": (
        "Run the same command again with {options}: it becomes one event at most.",
        "请以 {options} 重新运行同一命令：最多成为一个事件。",
    ),
    "outcome.admitted": ("admitted", "已入台账"),
    "outcome.admitted_before": ("admitted before", "早已入台账"),
    "outcome.acknowledged": ("acknowledged, not yet admitted", "已收妥，尚未入台账"),
    "outcome.stored": ("stored in the outbox, sent later", "已存入发件箱，稍后发送"),
    "outcome.refused": ("refused", "拒收"),
    "place": ("partition {partition}, entry {sequence}", "分区 {partition} 第 {sequence} 条"),
    "id": ("id", "标识"),
    "fingerprint": ("fingerprint", "指纹"),
    "ledger": ("ledger", "台账"),
    "reason": ("reason", "原因"),
    "data.no_json": ("this is not JSON{where}", "不是 JSON{where}"),
    "data.no_object": ("the data must be a JSON object", "内容须为 JSON 对象"),
    "set.no_pair": ("write FIELD=VALUE", "格式为 字段=值"),
    "fault.missing": ("is missing", "缺失"),
    "fault.extra": (
        "{field} is no field of this event, which has {fields}",
        "{field} 不是该事件的字段；字段有 {fields}",
    ),
    "fault.enum": ("must be one of {choices}", "须为 {choices} 之一"),
    "fault.bool_type": ("must be true or false", "须为 true 或 false"),
    "fault.string_type": ("must be text", "须为文字"),
    "fault.int_type": ("must be a whole number", "须为整数"),
    "fault.tuple_type": ("must be a list", "须为列表"),
    "fault.model_type": ("must be an object", "须为对象"),
    "fault.value_error": ("is sealed: it takes text, a list or an object", "为密封字段：须为文字、列表或对象"),
    "fault.kind": ("must be {title}: {description} (such as {example})", "须为{title}（如 {example}）"),
    # subscribe
    "subscribe.fewer": (
        "{shown} of {count} came before {seconds} s passed without one",
        "{seconds} 秒内仅收到 {shown}/{count} 条",
    ),
    # outbox
    "outbox.which": (
        "which outbox? name its file by --file or HUTONG_OUTBOX",
        "哪个发件箱？请以 --file 或 HUTONG_OUTBOX 指明文件",
    ),
    "outbox.none": ("there is no outbox {file}", "没有发件箱 {file}"),
    "outbox.waiting": ("{count} events wait", "{count} 个事件等待发送"),
    "outbox.damaged": (
        "DAMAGED: neither it nor what follows is sent; `hutong outbox drop` takes it out",
        "已损坏：此条及其后均不发送；可用 `hutong outbox drop` 移出",
    ),
    "outbox.dropped": ("dropped {at} by {by}: {reason}", "{at} 由 {by} 移出：{reason}"),
    "outbox.reason": ("say why", "请说明原因"),
    "outbox.drop": (
        "{type} of {ticket} (id {id}) is not sent from here any more; if it was sent before, the city may have it",
        "{ticket} 的 {type}（id {id}）不再从此发送；若此前已发出，城市可能已收到",
    ),
    "outbox.sent": ("{count} events were sent", "已发送 {count} 个事件"),
    "outbox.left": (
        "{count} events still wait after {seconds} s ({why}); run it again",
        "{seconds} 秒后仍有 {count} 个事件等待（{why}）；请重新运行",
    ),
    "outbox.silent": ("the broker has not answered yet", "消息服务器尚未应答"),
    # refusals
    "refusals.none": ("no refusals", "没有拒收"),
    "refusals.total": ("{shown} of {count} refusals", "共 {count} 条拒收，显示 {shown} 条"),
    "refusals.which": ("name one by its position or fingerprint, or --all", "请给出位置或指纹，或用 --all"),
    "refusals.not_both": ("name one or --all, not both", "位置（指纹）与 --all 只能取其一"),
    "refusals.no_code": ("{code} is no reason: one of {codes}", "没有原因 {code}：可用 {codes}"),
    "refusals.other_topic": (
        "{topic} cannot be read from here, only {mine}",
        "此处只能读取 {mine}，不能读取 {topic}",
    ),
    "refusals.no_place": (
        "write a position such as {topic}/0@12, or at least 6 hex digits of a fingerprint",
        "请写位置（如 {topic}/0@12）或指纹的至少 6 位十六进制",
    ),
    "refusals.several": ("{which} begins several fingerprints: {places}", "{which} 对应多个指纹：{places}"),
    "refusals.unknown": ("there is no refusal {which} here", "此处没有拒收 {which}"),
    "refusals.meaning": ("meaning", "含义"),
    "refusals.next": ("next", "下一步"),
    "refusals.again": ("again", "重发"),
    "refusals.again.yes": (
        "the same bytes may be sent again once the cause is gone: `hutong refusals resubmit {position}`",
        "原因消除后可原样重新上报：`hutong refusals resubmit {position}`",
    ),
    "refusals.again.binding": (
        "these very bytes stay refused; submit a new event",
        "这些字节将一直被拒收；请另行上报新事件",
    ),
    "refusals.again.cut": (
        "the record could not be kept whole, so it cannot be sent again from here",
        "记录未完整保存，无法由此重发",
    ),
    "refusals.at": ("refused", "拒收时间"),
    "refusals.returned": ("returned to", "已退回"),
    "refusals.nobody": (
        "nobody: signature or source did not hold, or he was told before",
        "无（签名或来源不实，或早已告知）",
    ),
    "refusals.record": ("the record as it was sent", "上报的原始记录"),
    "refusals.value": ("value ({count} bytes)", "正文（{count} 字节）"),
    "refusals.not_sent": ("not sent", "未发送"),
    "refusals.unconfirmed": ("sent, outcome unknown", "已发送，结果未知"),
    "refusals.silent": (
        "nothing within {seconds} s: the city's admit may not be running, then it may be sent again",
        "{seconds} 秒内没有结果：该市 admit 可能未运行，恢复后可再次发送",
    ),
    "refusals.told_once": (
        "(more likely it was refused again for the same reason, of which an author is told once: mend the cause first)",
        "（更可能是因同一原因再次被拒收，而同一原因只退回一次：请先解决原因）",
    ),
    # org
    "signing_key": ("signing key", "签名公钥"),
    "sealing_key": ("sealing key", "密封公钥"),
    "keygen.found": ("To found a city with it, as its registrar:", "作为登记机构建立城市："),
    "keygen.register": (
        "To get its door, have the city's registrar run (add --name, --level, --parent, --right):",
        "请登记机构运行（补充 --name、--level、--parent、--right）：",
    ),
    "found.done": (
        "{city} is founded with {partitions} partitions; its registrar is directory entry {number}",
        "城市 {city} 已建立，{partitions} 个分区；登记机构为目录第 {number} 条",
    ),
    "found.before": (
        "{city} stands already with {partitions} partitions; nothing changed",
        "城市 {city} 早已建立，{partitions} 个分区；未作更改",
    ),
    "register.done": ("{organisation}: directory entry {number}", "{organisation}：目录第 {number} 条"),
    "register.same": (
        "{organisation} stands so since directory entry {number}; nothing changed",
        "{organisation} 自目录第 {number} 条起即如此；未作更改",
    ),
    "register.foreign": (
        "{organisation} does not lie under {city}: it may read, but what it submits here is refused",
        "{organisation} 不属于 {city}：可接收，但其上报将被拒收",
    ),
    "register.unsealed": (
        (
            "{organisation} has no sealing key: no ticket key can be released to it, so it opens no sealed field; "
            "register it again with --sealing-key"
        ),
        "{organisation} 未登记密封公钥：无法向其发放工单密钥，密封内容无法打开；请以 --sealing-key 重新登记",
    ),
    "register.missing": ("{organisation} is new: this is needed", "{organisation} 为新单位：此项必填"),
    "register.right": ("no right is called {right}: one of {rights}", "没有名为 {right} 的权限：可用 {rights}"),
    "register.level": ("must be one of {levels}", "须为 {levels} 之一"),
    "register.wrong.id": (
        "must be an organisation's id, such as 110105 or 110000.water",
        "须为单位代码，如 110000.water",
    ),
    "register.wrong.names": (
        "must be LANGUAGE=NAME, at most 120 characters on one line, such as zh=市供水单位",
        "须为 语言=名称，单行至多 120 字，如 zh=市供水单位",
    ),
    "register.wrong.level": ("is no level", "不是层级"),
    "register.wrong.parent": ("must be an organisation's id", "须为单位代码"),
    "register.wrong.signing_keys": ("must be 64 hex digits (`hutong org keygen` prints them)", "须为 64 位十六进制"),
    "register.wrong.sealing_key": ("must be 64 hex digits (`hutong org keygen` prints them)", "须为 64 位十六进制"),
    "register.wrong.rights": ("must be codes", "须为代码"),
    "register.wrong.partitions": ("must be a number from 1", "须为正整数"),
    "revoke.reason": ("must be a code, such as key_lost", "须为代码，如 key_lost"),
    "revoke.done": (
        "{organisation} is revoked by directory entry {number}: what it submits from now on is refused",
        "{organisation} 已由目录第 {number} 条注销：此后其上报一律拒收",
    ),
    "list.empty": (
        "the directory is empty, or signed by another registrar than the pinned one",
        "目录为空，或非所信登记机构签署",
    ),
    "revoked": ("revoked", "已注销"),
    "column.event": ("event", "事件"),
    "column.state": ("state", "状态"),
    "column.system": ("system", "系统"),
    "column.id": ("id", "代码"),
    "column.name": ("name", "名称"),
    "column.level": ("level", "层级"),
    "column.parent": ("parent", "上级"),
    "column.rights": ("rights", "权限"),
    "column.keys": ("keys", "密钥"),
    "column.since": ("since", "自"),
    # deadletters
    "deadletters.none": ("nothing is parked", "没有搁置的工单"),
    "deadletters.unknown": (
        "{ticket} is not parked: `hutong deadletters list`",
        "{ticket} 未被搁置：见 `hutong deadletters list`",
    ),
    "deadletters.which_system": (
        "{ticket} is parked by {systems}: say which with --system",
        "{ticket} 被 {systems} 搁置：请用 --system 指明",
    ),
    "deadletters.which": ("name a ticket, or --all", "请给出工单号，或用 --all"),
    "deadletters.not_both": ("name a ticket or --all, not both", "工单号与 --all 只能取其一"),
    "deadletters.no_reason": ("say why", "请说明原因"),
    "deadletters.released": (
        "{ticket}: {count} events released; {system} takes them within seconds if it runs, else when it is started",
        "{ticket}：已重新交付 {count} 个事件；{system} 运行时数秒内取走，否则启动后取走",
    ),
    "deadletters.handled": (
        "{ticket}: all {count} events handled by {system}",
        "{ticket}：{system} 已处理全部 {count} 个事件",
    ),
    "deadletters.failed": (
        "{ticket}: failed again in {system}: {reason} ({count} events wait)",
        "{ticket}：{system} 再次失败：{reason}（{count} 个事件等待）",
    ),
    "deadletters.waiting": (
        "{ticket}: {count} events not taken within {seconds} s: is {system} running?",
        "{ticket}：{seconds} 秒内有 {count} 个事件未取走：{system} 在运行吗？",
    ),
    "deadletters.skipped": ("{ticket}: {type} skipped", "{ticket}：已跳过 {type}"),
    "deadletters.left": (
        "{ticket}: {count} events wait on: `hutong deadletters replay {ticket}` gives them to {system}",
        "{ticket}：还有 {count} 个事件等待：`hutong deadletters replay {ticket}` 交给 {system}",
    ),
    "deadletters.count": ("{count} wait", "{count} 个等待"),
    "deadletters.failed_at": ("{tries} tries, last {last}", "尝试 {tries} 次，末次 {last}"),
    "deadletters.behind": ("waits behind an earlier event", "在前一事件之后等待"),
    "deadletters.tries": ("{tries} tries, {first} to {last}", "尝试 {tries} 次，{first} 至 {last}"),
    "letters.parked": ("parked", "搁置"),
    "letters.released": ("released", "已交付"),
    "letters.handled": ("handled", "已处理"),
    "letters.skipped": ("skipped", "已跳过"),
}
