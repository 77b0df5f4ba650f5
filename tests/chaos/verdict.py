"""Is the city at rest, with nothing left to do? And were all promises kept?"""

from __future__ import annotations

import time
from collections.abc import Callable

from hutong.errors import BusError
from local.lag import Lag
from tests.chaos.city import HOTLINE, SYSTEMS, WORKS
from tests.chaos.operator import Operator
from tests.chaos.stage import Stage
from tests.checker import Verdict, check, read_history

REST = 2.0  # seconds for which nothing may be left to do


def rest(
    stage: Stage, operator: Operator, *, since: float, within: float, at_most: float, say: Callable[[str], None]
) -> tuple[float, str]:
    """Wait until nothing is left to do, dead letters too.

    Seconds ``since`` then, and what was left after ``within`` of them ("" if nothing). Gives up after ``at_most``.
    """
    lag = Lag(stage.transport, HOTLINE, SYSTEMS)
    left, quiet = "", None
    while True:
        asked = time.monotonic()
        try:
            letters = operator.clear()
            behind = next(iter(lag.behind()), f"{letters} dead letters of {WORKS} are open" if letters else "")
        except BusError as error:
            behind = f"the broker does not answer: {error}"
        if behind:
            quiet = None
        elif quiet is None:
            quiet = asked
        elif asked - quiet >= REST:
            return quiet - since, left
        seconds = time.monotonic() - since
        if behind and seconds > within and not left:
            left = behind
            say(f"not at rest after {within:.0f} s: {behind}")
        if seconds > at_most:
            return seconds, left or behind or "the city did not come to rest"
        time.sleep(0.2)


def judge(stage: Stage) -> Verdict:
    """The checker's word. Systems whose process died may handle an event twice; nothing else may."""
    settings = stage.founded.settings(HOTLINE)
    state = stage.home / "state"
    history = read_history(stage.transport, settings, journals=stage.founded.journals, state=state)
    return check(history, complete=True, systems=SYSTEMS, restarted=SYSTEMS)
