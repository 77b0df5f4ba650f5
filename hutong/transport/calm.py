"""Keeping a client library's logs short: it logs every failed attempt to reconnect, some with a stack.

One broker restart would fill a screen per client.
"""

from __future__ import annotations

import logging
import time


class _Calm(logging.Filter):
    """Lets each message of a library through once in ten seconds, without its stack."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        now = time.monotonic()
        # Some messages are formatted before they are logged: their first words must do.
        key = (record.name, str(record.msg)[:24])
        if now - self._last.get(key, -60.0) < 10.0:
            return False
        self._last[key] = now
        return True


_CALM = _Calm()


def calm(library: str) -> logging.Logger:
    """Warnings and worse only, unless the program has set a level for this library itself; repeated ones seldom."""
    top = logging.getLogger(library)
    if top.level == logging.NOTSET:
        top.setLevel(logging.WARNING)
    for name in [n for n in logging.root.manager.loggerDict if n.split(".")[0] == library]:
        logger = logging.getLogger(name)
        if _CALM not in logger.filters:
            logger.addFilter(_CALM)
    return top
