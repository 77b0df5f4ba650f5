"""A transport that breaks its program off between any two steps, and tells it when nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hutong.testing import MemoryTransport
from hutong.transport import Outgoing, Partition, Placed, Position, Record

_EMPTY_POLLS = 3


class Cut(BaseException):
    """The process was killed here."""


class Wire:
    """``inner``, counting each step (a write or a commit: before it, and after it). At ``cut_at`` the process dies:
    that step and everything after it raises :class:`Cut`. ``rest`` is called once nothing came for a few polls;
    ``refuse`` is raised in place of writing a dead letter; ``late`` counts commits after that.
    """

    def __init__(self, inner: MemoryTransport, *, cut_at: int | None = None) -> None:
        self.inner = inner
        self.cut_at = cut_at
        self.steps = 0
        self.rest: Callable[[], None] = lambda: None
        self.refuse: Exception | None = None
        self.refused = False
        self.late = 0

    def step(self) -> None:
        self.steps += 1
        self.alive()

    def alive(self) -> None:
        if self.cut_at is not None and self.steps >= self.cut_at:
            raise Cut

    def producer(self, *, client_id: str) -> Any:
        return _Producer(self, self.inner.producer(client_id=client_id))

    def consumer(self, *, group: str | None = None, **given: Any) -> Any:
        reader = self.inner.consumer(group=group, **given)
        return reader if group is None else _Member(self, reader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class _Producer:
    def __init__(self, wire: Wire, inner: Any) -> None:
        self._wire, self._inner = wire, inner

    def send(self, records: Sequence[Outgoing], *, timeout: float) -> list[Placed]:
        self._wire.step()
        if self._wire.refuse is not None and records[0].topic.startswith("deadletters."):
            self._wire.refused = True
            raise self._wire.refuse
        placed: list[Placed] = self._inner.send(records, timeout=timeout)
        self._wire.step()
        return placed

    def close(self) -> None:
        self._inner.close()


class _Member:
    """The consumer within a group."""

    def __init__(self, wire: Wire, inner: Any) -> None:
        self._wire, self._inner, self._empty = wire, inner, 0

    def poll(self, timeout: float, max_records: int = 500) -> dict[Partition, list[Record]]:
        self._wire.alive()
        polled: dict[Partition, list[Record]] = self._inner.poll(timeout, max_records)
        if not self._inner._paused and self._inner.assignment():
            self._empty = 0 if polled else self._empty + 1
            if self._empty >= _EMPTY_POLLS:
                self._wire.rest()
        return polled

    def commit(self, positions: Mapping[Partition, Position]) -> bool:
        self._wire.late += self._wire.refused
        self._wire.step()
        done: bool = self._inner.commit(positions)
        self._wire.step()
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
