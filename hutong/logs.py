"""Logs of a program of the bus: one line an event, to standard error, with the service as logger."""

from __future__ import annotations

import io
import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, WrappedLogger

from hutong.shown import clean


def configure(service: str, *, level: int = logging.INFO) -> None:
    """Send structlog to standard error, every line bound to ``service``."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _clean,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                pad_event_to=0,
                exception_formatter=_traceback,
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_standard_error,
    )
    structlog.contextvars.bind_contextvars(service=service)


def keep_off_standard_output() -> None:
    """In a program that says nothing of logs they go to standard error: its standard output is its own."""
    if not structlog.is_configured():
        structlog.configure(logger_factory=_to_standard_error)


def _to_standard_error(*_: object) -> structlog.PrintLogger:
    return structlog.PrintLogger(sys.stderr)  # as it is when the line is written


def _clean(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """A stranger's words stay on their line and move no cursor. What is no text is shown by its repr, which escapes."""
    return {clean(name): clean(value) if isinstance(value, str) else value for name, value in event.items()}


def _traceback(out: TextIO, error: ExcInfo) -> None:
    """The traceback without variables (they would be people and keys), line by line cleaned."""
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, error)
    out.write("\n".join(clean(line) for line in plain.getvalue().split("\n")))
