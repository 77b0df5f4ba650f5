"""Draws the table of ``hutong.observing.metrics`` into ``docs/observing.md``: ``python -m docs.observing``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hutong.observing.metrics import METRICS, Metric

PAGE = Path(__file__).parent / "observing.md"
MARK = "<!-- metrics -->"


def table(metrics: Iterable[Metric]) -> str:
    """The table of these metrics."""
    rows = ["| Metric | Kind | Labels | What it says |", "|---|---|---|---|"]
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(rows)


def main() -> None:
    """Write the table into the page."""
    before, _, after = PAGE.read_text(encoding="utf-8").split(MARK)
    PAGE.write_text(f"{before}{MARK}\n\n{table(METRICS)}\n\n{MARK}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
