"""What ``hutong schemas`` and ``hutong topics`` say: English, 中文."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, str]] = {
    "schemas.none": (
        "there is no schema {which}: `hutong schemas list` shows ids and types",
        "没有模式 {which}：`hutong schemas list` 列出编号与类型",
    ),
    "schemas.published": (
        "{count} of {all} schemas published to _schemas; the others stood there",
        "已向 _schemas 发布 {count} 个模式（共 {all} 个），其余早已发布",
    ),
    "schemas.same": ("all {all} schemas stand on _schemas; nothing was written", "全部 {all} 个模式早已发布；未写入"),
    "topics.well": ("all topics are as agreed", "全部主题与约定一致"),
    "topics.amiss": (
        (
            "{count} topics are not as agreed (schemas/topics): set them back with the broker's own tools; what is "
            "missing of the city `hutong org found` makes again"
        ),
        "{count} 个主题与约定（schemas/topics）不符：请用服务器的工具改回；城市缺少的主题由 `hutong org found` 重建",
    ),
    "topics.missing": ("missing", "缺少"),
    "topics.closed": ("closed to you", "无权读取"),
    "topics.drift": ("{setting} is {found}, agreed {agreed}", "{setting} 为 {found}，约定 {agreed}"),
    "topics.newest": ("newest of each key", "每键最新"),
    "topics.ever": ("for ever", "永久"),
    "column.topic": ("topic", "主题"),
    "column.partitions": ("partitions", "分区"),
    "column.floor": ("floor", "最短保存期"),
    "column.kept": ("kept", "保存期"),
    "column.largest": ("largest", "单条上限"),
    "column.type": ("type", "类型"),
    "column.revision": ("revision", "修订"),
    "column.subject": ("subject", "登记名"),
}

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "schemas": ("hutong schemas list",),
    "schemas list": ("hutong schemas list --json",),
    "schemas show": ("hutong schemas show complaint.filed", "hutong schemas show 4 --json"),
    "schemas publish": ("hutong schemas publish",),
    "schemas asyncapi": ("hutong schemas asyncapi > hutong.asyncapi.json",),
    "topics": ("hutong topics", "hutong topics --json"),
}

HELP: Mapping[str, tuple[str, str]] = {
    "schemas": (
        (
            "Schemas 模式: the catalogue of events that came with this program, and what the city has published.\n\n"
            "An id means the same in every city and for ever."
        ),
        "模式：本程序所带的事件目录，及城市已发布的部分。\n\n编号在各城市含义相同，永久不变。",
    ),
    "schemas list": ("Show every schema. Asks no broker.", "列出全部模式。无需连接服务器。"),
    "schemas show": (
        "Show one schema as its file has it. Asks no broker.",
        "显示一个模式的原文。无需连接服务器。",
    ),
    "schemas show.which": (
        "Its id, or a type, such as disposition.accepted, for its newest revision.",
        "编号；或类型（如 disposition.accepted），取其最新修订。",
    ),
    "schemas publish": (
        (
            "Publish what the topic _schemas lacks of this catalogue, as the city's operator.\n\n"
            "Founding does it, too; this is for later revisions. Again writes nothing. What is published otherwise "
            "under one of the ids stops it, and nothing is written."
        ),
        (
            "运维人员发布 _schemas 主题中尚缺的模式。\n\n"
            "建立城市时已发布；此命令用于之后的修订。重复运行不写入。编号已有不同内容时停止，不作任何写入。"
        ),
    ),
    "schemas asyncapi": (
        "Write topics, events and headers as an AsyncAPI 3 document (JSON). Asks no broker.",
        "以 AsyncAPI 3 文档 (JSON) 输出主题、事件与消息头。无需连接服务器。",
    ),
    "topics": (
        (
            "Show the city's topics: partitions, how long they keep and must keep, and what is not as agreed.\n\n"
            "As the city's own organisation: every organisation's, too; as any other: its own. What is kept longer "
            "than its floor is as agreed. The exit code is 1 when a topic is missing or drifted."
        ),
        (
            "显示城市的主题：分区、保存期及其下限、与约定不符之处。\n\n"
            "以城市本身的身份：含全部单位的；以其他单位的身份：仅本单位的。"
            "保存期长于下限即为相符。主题缺少或不符时退出码为 1。"
        ),
    ),
}
