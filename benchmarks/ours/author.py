"""``python -m benchmarks.ours.author RATE COUNT TICKETS``: adds to tickets, so many events a second.

What is due is submitted together, and says when it was due: an author that falls behind does not hide how late.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import hutong
from hutong import complaint

_AT_ONCE = 500
_WORDS = hutong.Clear("水还是没有来，物业说水泵要明天才能修好，楼里的老人用水很不方便，请尽快处理并回复。")


def main(rate: int, count: int, tickets: list[str]) -> None:
    """Submit ``count`` events."""
    with hutong.connect("author") as bus:
        began, sent = time.time() + 0.1, 0
        while sent < count:
            late = time.time() - began
            due = min(int(late * rate) + 1 if late >= 0 else 0, count, sent + _AT_ONCE)
            if due <= sent:
                time.sleep(max(began + sent / rate - time.time(), 0.0))
                continue
            drafts = [
                bus.draft(
                    complaint.Amended(narrative=_WORDS),
                    ticket=tickets[number % len(tickets)],
                    time=datetime.fromtimestamp(began + number / rate, UTC),
                )
                for number in range(sent, due)
            ]
            bus.submit_batch(drafts)
            sent = due


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text(encoding="utf-8")))
