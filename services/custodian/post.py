"""The way of letters to their readers' topics of keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import structlog

from hutong.errors import SettingsError
from hutong.rules.directory import Directory
from hutong.transport import Producer
from hutong.wire.wrapping import TOPIC, Letter, Wrapper

_log = structlog.get_logger()

SEND_SECONDS = 10.0


class Post:
    """Wraps, signs and sends. One organisation's missing topic holds up no other organisation.

    ``topics`` asks the broker which there are; it is asked only where one is not known, or not any more.
    """

    def __init__(self, producer: Producer, wrapper: Wrapper, topics: Callable[[], Collection[str]]) -> None:
        self._producer = producer
        self._wrapper = wrapper
        self._topics = topics
        self._known: frozenset[str] = frozenset()

    def send(self, letters: Sequence[Letter], directory: Directory) -> list[Letter]:
        """Those of ``letters`` that now lie on their readers' topics; the others have none, which the log says.

        Raises:
            Unavailable, Unconfirmed: the broker is away; send them all again.
            InvalidEvent: nothing can be wrapped for a reader. SettingsError: the broker refuses a topic that is there.
        """
        sent = self._deliverable(letters)
        try:
            self._send(sent, directory)
        except SettingsError:
            self._known = frozenset()  # a topic that was there may be gone
            left = self._deliverable(letters)
            if left == sent:
                raise
            self._send(left, directory)
            return left
        return sent

    def _deliverable(self, letters: Sequence[Letter]) -> list[Letter]:
        readers = sorted({letter.reader for letter in letters})
        if any(TOPIC + reader not in self._known for reader in readers):
            self._known = frozenset(self._topics())
        for reader in readers:
            if TOPIC + reader not in self._known:
                tickets = sorted({letter.name.ticket for letter in letters if letter.reader == reader})
                _log.warning("no topic of keys: left out until it is made", to=reader, tickets=tickets)
        return [letter for letter in letters if TOPIC + letter.reader in self._known]

    def _send(self, letters: Sequence[Letter], directory: Directory) -> None:
        self._producer.send(self._wrapper.records(letters, directory), timeout=SEND_SECONDS)
