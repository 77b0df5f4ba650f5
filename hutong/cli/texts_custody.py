"""What ``hutong access`` and ``hutong erase`` say: English, 中文. See :mod:`hutong.cli.texts` for the keys."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "access": ("hutong access 110000-20260131-0G7XK2M9QZ",),
    "erase": ("hutong erase 110000-20260131-0G7XK2M9QZ --class identity --reason citizen_request",),
}

HELP: Mapping[str, tuple[str, str]] = {
    "access": (
        (
            "Show who could read what of a ticket: which class, under which key, since when, for what, until when.\n\n"
            "It follows from the ledger alone: who sealed a field, what the custodian released, what was erased."
        ),
        "查看谁能读取工单的哪些密封内容：类别、密钥、起止时间与用途。\n\n仅依据台账：谁密封、密钥保管向谁发放、何时删除。",
    ),
    "access.source": (
        "From this organisation's deliveries, or from the ledger (needs the right replay).",
        "读取本单位的送达，或台账（需要权限 replay）。",
    ),
    "erase": (
        (
            "Destroy every key of a class of a ticket, with everybody: what it sealed can never be read again.\n\n"
            "For the custodian's operator. The notice on the ledger is the order; the running custodian obeys it. "
            "Signatures and proofs stay valid. A copy that somebody kept cannot be recalled."
        ),
        (
            "销毁工单某一类别的全部密钥，所密封的内容从此无人能读。\n\n"
            "由密钥保管的操作员使用。台账上的通知即为指令，由运行中的密钥保管执行。签名与证明仍然有效；他人留存的副本无法收回。"
        ),
    ),
    "erase.key_class": ("identity: who the citizen is; content: what was said.", "identity：身份；content：内容。"),
    "erase.reason": (
        "Why, as a code: citizen_request, retention_over, court_order, ...",
        "原因代码：citizen_request、retention_over、court_order 等。",
    ),
    "erase.timeout": ("How long to wait for the admission.", "等待收录的时间。"),
}

WORDS: Mapping[str, tuple[str, str]] = {
    "access.nothing": ("nothing of {ticket} is sealed", "{ticket} 没有密封内容"),
    "access.lasts": ("lasts", "持续"),
    "column.access.organisation": ("organisation", "单位"),
    "column.access.class": ("class", "类别"),
    "column.access.purpose": ("purpose", "用途"),
    "column.access.since": ("since", "起"),
    "column.access.until": ("until", "止"),
    "column.access.key": ("key", "密钥"),
    "value.class.identity": ("identity 身份", "身份"),
    "value.class.content": ("content 内容", "内容"),
    "value.purpose.author": ("wrote it 作者", "作者"),
    "value.purpose.filing": ("filing 受理", "受理"),
    "value.purpose.handling": ("handling 办理", "办理"),
    "value.purpose.dispatch": ("dispatch 派单", "派单"),
    "value.purpose.assistance": ("assistance 协办", "协办"),
    "value.purpose.supervision": ("supervision 督办", "督办"),
    "value.purpose.call_back": ("call-back 回访", "回访"),
    "erase.nothing": ("no key of {ticket} seals its {what}", "{ticket} 没有密封{what}的密钥"),
    "erase.again": ("the {what} of {ticket} was erased before", "{ticket} 的{what}此前已删除"),
    "erase.reason": ("a code is wanted, such as citizen_request", "需要代码，如 citizen_request"),
    "erase.done": (
        "erased on the ledger: {what} of {ticket}, {place}; the custodian destroys the keys",
        "台账已记删除：{ticket} 的{what}，{place}；密钥保管随即销毁密钥",
    ),
}
