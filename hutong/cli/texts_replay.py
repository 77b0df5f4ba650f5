"""What ``hutong replay`` says: English, 中文. See :mod:`hutong.cli.texts` for the keys."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "replay": (
        "hutong replay --since 2026-01-01 --until 2026-02-01 --output january.jsonl",
        "hutong replay --category public_service/water --area 110105 --output water.parquet",
    ),
}

HELP: Mapping[str, tuple[str, str]] = {
    "replay": (
        (
            "Write everything the source holds as of now, every signature checked: JSON lines, Avro or Parquet.\n\n"
            "What a filter leaves out of the ledger by time is not read, what it leaves out otherwise not verified. A "
            "file appears when it is whole; Ctrl-C leaves none."
        ),
        (
            "输出至今的全部事件，逐一验证签名：JSON 行、Avro 或 Parquet。\n\n"
            "台账中不在时间范围内的不读取，其他筛除的不验证。文件完整后才出现；按 Ctrl-C 则不留文件。"
        ),
    ),
    "replay.types": ("Only this type; may be repeated.", "只要该类型；可重复。"),
    "replay.authors": ("Only by this organisation; may be repeated.", "只要该单位上报的；可重复。"),
    "replay.category": (
        "Only this category and all below it, such as public_service/water (two levels at most).",
        "只要该分类及其下级，如 public_service/water（至多两级）。",
    ),
    "replay.area": ("Only this district or street, by its code.", "只要该区或街道（区划代码）。"),
    "replay.form": (
        "jsonl, avro or parquet (needs hutong[parquet]); else as the file's name ends.",
        "jsonl、avro 或 parquet（需 hutong[parquet]）；缺省按文件名后缀。",
    ),
    "replay.ticket": ("Only this ticket.", "只要该工单。"),
    "replay.since": ("Admitted at this time or later.", "进入台账时间的起点（含）。"),
    "replay.until": ("Admitted before this time.", "进入台账时间的终点（不含）。"),
    "replay.output": (
        "Write to this file; it appears when it is whole. With --json, standard output gets a summary.",
        "写入该文件，完整后才出现。",
    ),
}

WORDS: Mapping[str, tuple[str, str]] = {
    "replay.category": (
        "an entry shows two levels of its category: write public_service or public_service/water",
        "台账只显示两级分类：请写 public_service 或 public_service/water",
    ),
    "replay.needs_file": ("{form} is written to a file: name it", "{form} 须写入文件：请指明"),
    "replay.no_parquet": (
        "Parquet needs pyarrow, which is not installed: pip install 'hutong[parquet]'",
        "Parquet 需要 pyarrow，尚未安装：pip install 'hutong[parquet]'",
    ),
    "replay.unwritable": (
        "{file} cannot be written ({why}): name another file",
        "无法写入 {file}（{why}）：请换一个文件",
    ),
    "replay.stopped": (
        "stopped: {file} was not written; the same command begins anew",
        "已中断：{file} 未写入；重新运行同一命令即从头开始",
    ),
    "replay.count": ("{count} events in {seconds} s ({file})", "{count} 个事件，用时 {seconds} 秒（{file}）"),
}
