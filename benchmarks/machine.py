"""What this machine is, for whoever compares figures."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil

GIB = 1024**3


def describe() -> dict[str, str]:
    """Processor, memory, system, versions, by what they are called."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / GIB:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "kafka-python": version("kafka-python"),
        "confluent-kafka": version("confluent-kafka"),
        "load before": load,
    }


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text(encoding="utf-8").splitlines() if known.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
