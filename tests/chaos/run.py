"""One run: load, faults by the schedule, rest, verdict."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from hutong.errors import BusError
from tests.chaos import leaders
from tests.chaos.faults import BROKERS, DOING, EVERYTHING, Undo, hits, label, plans
from tests.chaos.operator import Operator
from tests.chaos.schedule import OVERLAP, Strike, strikes
from tests.chaos.stage import Stage, stage
from tests.chaos.verdict import judge, rest
from tests.chaos.watch import Watch
from tests.checker import Verdict

TICK = 0.2
LIVENESS = 60.0
"""Seconds after the last fault within which everything must be settled and handled."""
PATIENCE = 60.0
"""Seconds a fault may keep its place among the overlapping ones though what it hit does not come back."""
CALM = 1.5  # seconds after a fault in which its effect may first show


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to run. It ends after ``seconds`` of faults, or when ``submissions`` and ``faults`` are both reached."""

    brokers: int
    seed: int
    seconds: float
    submissions: int
    faults: int
    gap: float
    scale: float
    brief: bool = False
    client: str = "kafka-python"


@dataclass(kw_only=True)
class Result:
    """What came of it. ``recovery_s``: by kind of fault, the longest that what it hit stood still."""

    seed: int
    submissions: int = 0
    faults: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    recovery_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    parked: int = 0
    rest_s: float = 0.0
    left: str = ""
    zombies: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    verdict: Verdict | None = None
    again: dict[str, int] = field(default_factory=dict)
    often: list[str] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        """Everything that must not be."""
        found = [f"{one.rule}: {one.text}" for one in self.verdict.violations] if self.verdict else ["no verdict"]
        if self.left:
            found.append(f"liveness: {LIVENESS:.0f} s after the last fault: {self.left}")
        found += [f"handled_twice: {text}" for text in self.often]
        return [*found, *(f"zombie: {text}" for text in self.zombies), *(f"fault: {text}" for text in self.broken)]


@dataclass(kw_only=True)
class _Active:
    """A strike under way."""

    strike: Strike
    at: float
    doing: Future[Undo]
    undoing: Future[None] | None = None
    over: float | None = None


class Play:
    """Plays a schedule on a stage. Everything that may take long is done by threads that live as long as the run:
    a broker started by one of them dies with it (``local.tether``)."""

    def __init__(self, on: Stage, options: Options, hands: ThreadPoolExecutor, say: Callable[[str], None]) -> None:
        self._stage = on
        self._options = options
        self._hands = hands
        self._say = say
        self._active: list[_Active] = []
        self._past: list[tuple[Strike, float, float]] = []
        self._in_sync: Future[bool] | None = None
        self._began = time.monotonic()
        self.ended = self._began
        """When the last fault was undone."""
        self.operator = Operator(on.transport, options.seed)
        self._looking: Future[None] | None = None
        self.watch = Watch(on.founded.journals)
        self.result = Result(seed=options.seed, missing=on.missing)

    def warm_up(self) -> None:
        """Until events arrive on every partition, all the way."""
        deadline = time.monotonic() + 180
        while not self.watch.flowing(EVERYTHING):
            if time.monotonic() > deadline:
                raise SystemExit(f"the city does not come to life: see {self._stage.services.logs}")
            self._tick()

    def faults(self) -> None:
        """All faults, until it is enough and the last one is undone."""
        self._began = time.monotonic()
        schedule = strikes(self._options.seed, plans(self._stage, brief=self._options.brief), gap=self._options.gap)
        coming = next(schedule)
        while not self._enough():
            if time.monotonic() - self._began >= coming.at and self._room_for(coming):
                self._strike(coming)
                coming = next(schedule)
            self._tick()
        while self._active:
            self._tick()

    def account(self) -> None:
        """Sum up, after the rest: standstills that only ended then count too."""
        for strike, since, until in self._past:
            seconds = round(self.watch.standstill(hits(strike), since, until), 1)
            name = label(strike)
            self.result.recovery_s[name] = max(seconds, self.result.recovery_s[name])
            self.result.faults[name] += 1
        self.result.zombies = self._stage.zombies

    def _enough(self) -> bool:
        options = self._options
        if time.monotonic() - self._began >= options.seconds:
            return True
        return self.watch.acknowledged >= options.submissions and self._number() >= options.faults

    def _number(self) -> int:
        return len(self._past) + len(self._active)

    def _room_for(self, strike: Strike) -> bool:
        if len(self._active) >= OVERLAP or any(one.strike.field == strike.field for one in self._active):
            return False
        return strike.field != BROKERS or self._all_in_sync()

    def _all_in_sync(self) -> bool:
        """Asked by a hand, because the answer may take long; so it comes at a later tick."""
        if self._in_sync is None:
            self._in_sync = self._hands.submit(leaders.all_in_sync, self._stage.transport)
        if not self._in_sync.done():
            return False
        asked, self._in_sync = self._in_sync, None
        try:
            return asked.result()
        except BusError:
            return False

    def _strike(self, strike: Strike) -> None:
        doing = self._hands.submit(DOING[strike.kind], self._stage, strike)
        self._active.append(_Active(strike=strike, at=time.monotonic(), doing=doing))

    def _tick(self) -> None:
        time.sleep(TICK)
        self.watch.look()
        if self.operator.due() and (self._looking is None or self._looking.done()):
            self._looking = self._hands.submit(self.operator.glance)
        for one in list(self._active):
            try:
                self._go_on(one)
            except Exception as error:  # noqa: BLE001  # a fault that cannot be played must not be silent
                self.result.broken.append(f"{one.strike}: {type(error).__name__} {error}")
                self._say(f"{one.strike} could not be played: {type(error).__name__} {error}")
                self._active.remove(one)

    def _go_on(self, one: _Active) -> None:
        now = time.monotonic()
        if one.undoing is None:
            if one.doing.done() and now - one.at >= one.strike.seconds:
                one.undoing = self._hands.submit(one.doing.result())
        elif one.over is None:
            if one.undoing.done():
                one.undoing.result()
                one.over = self.ended = now
        else:
            calm = now - one.over >= CALM and self.watch.flowing(hits(one.strike))
            if calm or now - one.over >= PATIENCE:
                self._active.remove(one)
                shows = one.over + CALM
                self._past.append((one.strike, one.at, shows))
                seconds = self.watch.standstill(hits(one.strike), one.at, shows)
                late = "" if calm else ", and still does"
                self._say(
                    f"[{now - self._began:5.0f} s] {one.strike}: stood still {seconds:.1f} s{late}"
                    f" ({self.watch.acknowledged} submissions)"
                )


def run(options: Options, home: Path, say: Callable[[str], None]) -> Result:
    """Run it under ``home``, which stays."""
    with (
        ThreadPoolExecutor(8, thread_name_prefix="hand") as hands,
        stage(home, brokers=options.brokers, client=options.client, say=say) as on,
    ):
        for what, why in on.missing.items():
            say(f"left out: {what} ({why})")
        play = Play(on, options, hands, say)
        authors = list(on.cast.authors(options.scale))
        for author in authors:
            on.services.add(author)
        say("waiting for the first events")
        play.warm_up()
        say("striking")
        play.faults()
        say("the last fault is over: authors stop, everything must come to rest")
        for author in authors:
            on.services.remove(author.name)
        on.cast.mended.touch()
        result = play.result
        result.rest_s, result.left = rest(on, play.operator, since=play.ended, within=LIVENESS, at_most=240, say=say)
        play.watch.look()
        play.account()
        say(f"at rest after {result.rest_s:.1f} s; the checker reads everything")
        on.services.stop()
        result.verdict, result.again, result.often = judge(on)
        result.parked = result.verdict.looked["letter"] // 2
        result.submissions = result.verdict.counts.submissions
    return result
