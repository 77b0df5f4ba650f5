"""``python -m tests.chaos.load phone|bulk|twin``: authors, who stop at SIGTERM.

Whatever is not acknowledged is sent again, byte for byte, until it is. ``bulk`` also sends again later what was
acknowledged long ago: as it was, and under another batch's signature. Two ``twin`` processes file the same wishes at
the same time from two machines.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Annotated

import structlog
import typer

import hutong
from hutong import complaint
from hutong.logs import configure
from hutong.settings import Settings
from hutong.submitting.drafts import Draft
from hutong.submitting.outgoing import Signed
from hutong.wire.envelope import SIGNATURE
from hutong.wire.signing import Signer
from services.owning.running import crash_only
from tests.chaos.city import CATEGORIES

_log = structlog.get_logger()
TIMEOUT = 10.0
REMEMBERED = 5000


class Author:
    """Files for one organisation until told to stop."""

    def __init__(self, bus: hutong.Bus, settings: Settings, over: threading.Event) -> None:
        self._bus = bus
        self._signer = Signer(settings.private_key(), settings.environment)
        self._over = over
        self._random = Random()
        self._sent: deque[Signed] = deque(maxlen=REMEMBERED)

    def pace(self, rate: float, size: int, act: Callable[[int], None]) -> None:
        """``act`` with a running number, so that ``size`` events each time come to ``rate`` a second."""
        due, number = time.monotonic(), 0
        while not self._over.is_set():
            act(number)
            number += 1
            due = max(due + size / rate, time.monotonic() - 5)
            self._over.wait(max(0.0, due - time.monotonic()))

    def send(self, drafts: Sequence[Draft]) -> None:
        """Sign once; send until acknowledged."""
        self.send_signed(self._bus._signing().sign(drafts))

    def send_signed(self, events: Sequence[Signed]) -> None:
        """Send, the same bytes again and again, until acknowledged."""
        while True:
            try:
                self._bus.resend(events, timeout=TIMEOUT)
            except (hutong.Unconfirmed, hutong.Unavailable) as error:
                _log.warning("again", error=str(error))
                if self._over.wait(0.2):
                    return
            else:
                self._sent.extend(events)
                return

    # -- kinds ------------------------------------------------------------------------------------------------------

    def phone(self, number: int) -> None:
        """One complaint for a department; now and then with a sealed text."""
        sealed = hutong.Clear("没有水。") if number % 5 == 0 else None
        self.send([self._bus.draft(filed(number, complaint.Kind.COMPLAINT, sealed))])

    def bulk(self, number: int) -> None:
        """Twenty tickets, each filed and answered, under one signature; at times old ones again."""
        drafts = []
        for row in range(20):
            first = self._bus.draft(filed(row, complaint.Kind.CONSULTATION))
            drafts += [first, self._bus.draft(complaint.Answered(basis="knowledge_base"), ticket=first.ticket)]
        self.send(drafts)
        if number % 5 == 1:
            self.send_signed(self._old())
        if number % 5 == 3:
            self.send_signed(rebatched(self._old(), self._signer))

    def twin(self, number: int) -> None:
        """What another machine files at this moment too: the same wishes, dated the same."""
        second = int(time.time()) // 2 * 2  # both machines are within the same two seconds, mostly
        drafts = []
        for row in range(5):
            sealed = hutong.Clear("何时恢复？") if row == 0 else None  # other bytes under the same identity
            at = datetime.fromtimestamp(second, UTC) + timedelta(milliseconds=row)
            data, key = filed(row, complaint.Kind.CONSULTATION, sealed), f"{second}-{row}"
            first = self._bus.draft(data, once=key, time=at)
            answer = complaint.Answered(basis="knowledge_base")
            drafts += [first, self._bus.draft(answer, ticket=first.ticket, once=key, time=at)]
        self.send(drafts)

    def _old(self) -> list[Signed]:
        return self._random.sample(list(self._sent), min(6, len(self._sent)))


def filed(row: int, kind: complaint.Kind, narrative: hutong.Clear | None = None) -> complaint.Filed:
    """A complaint."""
    category = CATEGORIES[row % len(CATEGORIES)]
    return complaint.Filed(kind=kind, channel="phone", category=category, area="110105026", narrative=narrative)


def rebatched(events: Sequence[Signed], signer: Signer) -> list[Signed]:
    """The same events under the signature of a new batch: the same fingerprints."""
    signatures = signer.sign([event.fingerprint for event in events])
    return [
        replace(event, submission=replace(event.submission, headers=_signed_anew(event, signature)))
        for event, signature in zip(events, signatures, strict=True)
    ]


def _signed_anew(event: Signed, signature: bytes) -> tuple[tuple[str, bytes], ...]:
    headers = event.submission.headers
    return tuple((name, signature if name == SIGNATURE else value) for name, value in headers)


def main(
    kind: Annotated[str, typer.Argument(help="phone, bulk or twin")],
    system: Annotated[str, typer.Option()],
    rate: Annotated[float, typer.Option(help="Events a second.")],
) -> None:
    """File until SIGTERM."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())

    def work() -> None:
        configure(system)
        settings = Settings.load()
        with hutong.connect(system, settings) as bus:
            author = Author(bus, settings, over)
            match kind:
                case "phone":
                    author.pace(rate, 1, author.phone)
                case "bulk":
                    author.pace(rate, 40, author.bulk)
                case "twin":
                    author.pace(rate, 10, author.twin)
                case _:
                    raise hutong.SettingsError(f"there is no author of the kind {kind}")

    crash_only(work)


if __name__ == "__main__":
    typer.run(main)
