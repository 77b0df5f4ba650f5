"""What breaks when: a seed gives the same list of strikes, for ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A kind of fault as the schedule sees it.

    ``field``: faults of the same field never overlap (the brokers are one field, each service one of its own, named
    by its target). ``low`` and ``high``: seconds until it is undone. ``weight``: how often it comes in each round.
    """

    kind: str
    targets: tuple[str, ...]
    field: str = ""
    low: float = 0.0
    high: float = 0.0
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """``kind`` hits ``target`` at ``at`` seconds after the beginning, and is undone after ``seconds`` more.

    ``draw`` is between 0 and 1, for what else is to be chosen when it strikes (a partition, a direction).
    """

    number: int
    at: float
    kind: str
    target: str
    field: str
    seconds: float
    draw: float

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"#{self.number} {self.kind} {self.target}{lasting}"


OVERLAP = 2
"""How many faults may be under way at once."""


def strikes(seed: int, plans: Sequence[Plan], *, gap: float) -> Iterator[Strike]:
    """Strikes without end, on average ``gap`` seconds apart, in rounds in which each kind comes ``weight`` times.

    As planned, at most :data:`OVERLAP` are under way at once and no two of one field; whoever plays them holds to
    that too where one takes longer to get over than planned.
    """
    random = Random(f"hutong chaos {seed}")
    under_way: list[tuple[float, str]] = []
    at, number = 0.0, 0
    while True:
        round_ = [plan for plan in plans if plan.targets for _ in range(plan.weight)]
        random.shuffle(round_)
        for plan in round_:
            number += 1
            target = random.choice(plan.targets)
            field = plan.field or target
            seconds = round(random.uniform(plan.low, plan.high), 1)
            at += random.uniform(0.5, 1.5) * gap
            while True:
                under_way = [(end, busy) for end, busy in under_way if end > at]
                in_the_way = [end for end, busy in under_way if busy == field]
                if len(under_way) >= OVERLAP:
                    in_the_way.append(min(end for end, _ in under_way))
                if not in_the_way:
                    break
                at = max(in_the_way)
            under_way.append((at + seconds, field))
            yield Strike(
                number=number,
                at=round(at, 1),
                kind=plan.kind,
                target=target,
                field=field,
                seconds=seconds,
                draw=random.random(),
            )
