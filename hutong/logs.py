"""Logs of a program of the bus: one line an event, to standard error, with the service as logger."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(service: str, *, level: int = logging.INFO) -> None:
    """Send structlog to standard error, every line bound to ``service``."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                pad_event_to=0,
                exception_formatter=structlog.dev.plain_traceback,  # one that shows variables shows people and keys
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # as it is when the line is written
    )
    structlog.contextvars.bind_contextvars(service=service)
