"""Consumer groups in memory: members, range assignment, positions, static membership."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hutong.transport import Partition, Position


@dataclass(eq=False)
class Member:
    """One consumer in a group. ``instance`` is its static id."""

    name: str
    instance: str | None
    session_timeout: float
    topics: tuple[str, ...]
    assigned: frozenset[Partition] = frozenset()
    generation: int = 0
    fenced: bool = False
    left_at: float | None = None  # a static member that closed keeps its place until its session ends


class Group:
    """Rebalances at once when a member comes or goes; each member learns of it at its next poll.

    Kafka waits for the others to come back instead. Either way the member that lost a partition cannot commit
    for it any more, and the one that gained it starts from the last commit.
    """

    def __init__(self) -> None:
        self.positions: dict[Partition, Position] = {}
        self.generation = 0
        self._members: list[Member] = []

    def join(self, member: Member, partitions: Mapping[str, int]) -> None:
        """Take a member in. One under the same static id is fenced, and its place is taken over."""
        self.expire(partitions)
        for at, other in enumerate(self._members):
            if member.instance is not None and other.instance == member.instance:
                other.fenced = True
                member.assigned, member.generation = other.assigned, self.generation
                self._members[at] = member
                if other.topics != member.topics:
                    self._rebalance(partitions)
                return
        self._members.append(member)
        self._rebalance(partitions)

    def leave(self, member: Member, partitions: Mapping[str, int]) -> None:
        """A dynamic member gives its partitions back at once, a static one when its session ends."""
        if member not in self._members:
            return
        if member.instance is not None:
            member.left_at = time.monotonic()
            return
        self._members.remove(member)
        self._rebalance(partitions)

    def expire(self, partitions: Mapping[str, int]) -> None:
        """Forget static members whose session ended after they closed."""
        now = time.monotonic()
        gone = [m for m in self._members if m.left_at is not None and now - m.left_at >= m.session_timeout]
        if gone:
            self._members = [m for m in self._members if m not in gone]
            self._rebalance(partitions)

    @property
    def size(self) -> int:
        """How many members there are."""
        return len(self._members)

    def busy(self) -> bool:
        """Whether members share this group's partitions, so that nobody else may commit for it."""
        return bool(self._members)

    def _rebalance(self, partitions: Mapping[str, int]) -> None:
        self.generation += 1
        shares: dict[str, set[Partition]] = {m.name: set() for m in self._members}
        for topic in {t for m in self._members for t in m.topics}:
            takers = sorted(
                (m for m in self._members if topic in m.topics),
                key=lambda m: (m.instance is None, m.instance or "", m.name),
            )
            for name, share in zip(
                [m.name for m in takers], _ranges(partitions.get(topic, 0), len(takers)), strict=True
            ):
                shares[name] |= {Partition(topic, p) for p in share}
        for member in self._members:
            member.assigned, member.generation = frozenset(shares[member.name]), self.generation


def _ranges(partitions: int, takers: int) -> Sequence[range]:
    each, more = divmod(partitions, takers)
    starts = [each * i + min(i, more) for i in range(takers + 1)]
    return [range(a, b) for a, b in pairwise(starts)]
