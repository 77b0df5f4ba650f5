"""Is the city at rest, with nothing left to do? And were all promises kept?"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable

from local.lag import Lag
from tests.chaos.city import HOTLINE, SYSTEMS, WORKS
from tests.chaos.looks import looks
from tests.chaos.operator import Operator
from tests.chaos.stage import Stage
from tests.checker import Handled, Verdict, check, read_history

REST = 2.0  # seconds for which nothing may be left to do
BATCH = 100
AGAIN = 0.1
"""The share of its deliveries, and one batch, that a system may handle again. Measured: at most 0.02."""


def rest(
    stage: Stage, operator: Operator, *, since: float, within: float, at_most: float, say: Callable[[str], None]
) -> tuple[float, str]:
    """Wait until nothing is left to do, dead letters too.

    Seconds ``since`` then, and what was left after ``within`` of them ("" if nothing). Gives up after ``at_most``.
    """
    lag = Lag(stage.transport, HOTLINE, SYSTEMS)

    def todo() -> str:
        letters = operator.clear()
        return next(iter(lag.behind()), f"{letters} dead letters of {WORKS} are open" if letters else "")

    left = ""
    for behind, calm in looks(todo, pause=0.2):
        now = time.monotonic()
        if now - calm >= REST:
            return calm - since, left
        if behind and now - since > within and not left:
            left = behind
            say(f"not at rest after {within:.0f} s: {behind}")
        if now - since > at_most:
            return now - since, left or behind or "the city did not come to rest"
    raise AssertionError("looks() ends")


def judge(stage: Stage) -> tuple[Verdict, dict[str, int], list[str]]:
    """The checker's word; how often each system handled something again; and who did so too often.

    Whose process died, or whose partition moved, rightly handles again what it had not committed: which repeats those
    are, journals do not say. So the checker lets all pass, and here they are held against :data:`AGAIN`.
    """
    settings = stage.founded.settings(HOTLINE)
    state = stage.home / "state"
    history = read_history(stage.transport, settings, journals=stage.founded.journals, state=state)
    again, lines = repeats(history.journals.handled)
    often = [
        f"{system} handled {again[system]} of {count} deliveries again"
        for system, count in lines.items()
        if again[system] > AGAIN * count + BATCH
    ]
    return check(history, complete=True, systems=SYSTEMS, restarted=SYSTEMS), again, often


def repeats(handled: Iterable[Handled]) -> tuple[Counter[str], Counter[str]]:
    """By system: how many lines tell of a delivery that one before had told of, and how many lines there are."""
    again, lines, seen = Counter[str](), Counter[str](), set[tuple[str, str, int, int]]()
    for line in handled:
        delivery = (line.system, line.stream, line.partition, line.n)
        lines[line.system] += 1
        again[line.system] += delivery in seen
        seen.add(delivery)
    return again, lines
