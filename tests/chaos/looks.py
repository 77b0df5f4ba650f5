"""Looking again and again whether anything is left to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from hutong.errors import BusError


def looks(behind: Callable[[], str], *, pause: float) -> Iterator[tuple[str, float]]:
    """For ever: what is left to do ("" if nothing), and since when nothing is (``time.monotonic()``, inf if something).

    A broker that does not answer is something. ``pause`` is in seconds, between two looks.
    """
    calm = float("inf")
    while True:
        asked = time.monotonic()
        try:
            left = behind()
        except BusError as error:
            left = f"the broker does not answer: {error}"
        calm = float("inf") if left else min(calm, asked)
        yield left, calm
        time.sleep(pause)
