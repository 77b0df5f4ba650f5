"""``python -m benchmarks.ours.subscribe JOB``: a department's program that takes every event, and does nothing."""

from __future__ import annotations

import contextlib
from typing import Any

import hutong
from benchmarks.measuring import Gauge, Job


def main() -> None:
    """Handle what the job asks for. The marks are committed behind the last batch, when the loop is left."""
    job = Job.of_argument()
    gauge = Gauge(job.warm, job.count)
    with hutong.connect(job.group) as bus:
        done = 0
        events: Any = bus.subscribe(receipts=True)
        with contextlib.closing(events):
            for event in events:
                with event:
                    done += 1
                if gauge.enough(done):
                    break
        gauge.report(job, done)


if __name__ == "__main__":
    main()
