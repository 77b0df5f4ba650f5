"""``python -m benchmarks.ours.handler SYSTEM COUNT READY TAKEN``: a department that notes how late each event comes.

The file READY says that it reads, TAKEN gets the milliseconds of each of ``COUNT`` events.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import hutong
from hutong import complaint


def main(system: str, count: int, ready: Path, taken: Path) -> None:
    """Take so many events."""
    waited: list[float] = []
    with hutong.connect(system) as bus:
        for event in bus.subscribe(types=[complaint.Amended], start="now", idle=0.1):
            if event is None:
                ready.touch()
                continue
            with event:
                if event.time is not None:
                    waited.append((time.time() - event.time.timestamp()) * 1000)
            if len(waited) == count:
                break
    taken.write_text(json.dumps(waited), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
