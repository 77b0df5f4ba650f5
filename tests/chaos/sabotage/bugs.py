"""The eight bugs. Each is what a hurried colleague might write, and puts itself into the process that calls it.

What is broken is imported late, so that a process carries only what its own bug needs. ``hit`` is called whenever the
broken code runs: a schedule that never comes by there would prove nothing.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.chaos.sabotage.cuts import WRITE
from tests.chaos.sabotage.patching import Function, replace

Hit = Callable[[], None]


def commit_before_write(hit: Hit) -> None:
    """Admit commits its group's position before it writes the outcomes, and goes on where that position stands."""
    from hutong.transport import Position
    from services.admit.owner import AdmitOwner

    def process(original: Function) -> Function:
        def broken(self: Any, partition: Any, records: Any) -> Any:
            hit()
            self._consumer.commit({partition: Position(offset=records[-1].offset + 1)})
            return original(self, partition, records)

        return broken

    def resume(original: Function) -> Function:
        def broken(self: Any) -> Any:
            starts = original(self)
            committed = {partition: self._consumer.committed(partition) for partition in starts}
            return {p: starts[p] if at is None else at.offset for p, at in committed.items()}

        return broken

    replace(AdmitOwner, "process", "self", "partition", "records", by=process)
    replace(AdmitOwner, "resume", "self", by=resume)


def no_fencing(hit: Hit) -> None:
    """Every process writes under a transactional id of its own, so that nobody is ever fenced."""
    from hutong.transport.kafka import KafkaTransport

    def transactional(original: Function) -> Function:
        def broken(self: Any, *, transactional_id: str, **given: Any) -> Any:
            hit()
            return original(self, transactional_id=f"{transactional_id}-{os.getpid()}", **given)

        return broken

    replace(KafkaTransport, "transactional", "self", "client_id", "transactional_id", "timeout", by=transactional)


def fencing_back(hit: Hit) -> None:
    """Who is fenced fences back: a new producer under the same id, and on with the state there was."""
    from hutong.errors import Fenced
    from hutong.transport.kafka.fencing import FencingProducer

    def begin(original: Function) -> Function:
        def remembering(self: Any, settings: Mapping[str, object], **given: Any) -> None:
            original(self, settings, **given)
            self.anew = functools.partial(FencingProducer, settings, **given)

        return remembering

    def write(original: Function) -> Function:
        def broken(self: Any, records: Any, **given: Any) -> Any:
            try:
                return original(self, records, **given)
            except Fenced:
                hit()
                self.__dict__.update(self.anew().__dict__)
                return original(self, records, **given)

        return broken

    replace(FencingProducer, "__init__", "self", "settings", "transactional_id", "timeout", by=begin)
    replace(FencingProducer, "write", *WRITE, by=write)


def dedupe_off(hit: Hit) -> None:
    """Admit remembers nothing it has admitted."""
    from services.admit.store import Store

    def nothing(original: Function) -> Function:
        def broken(self: Any, *given: Any) -> None:
            hit()

        return broken

    def add_entry(original: Function) -> Function:
        def broken(self: Any, **entry: Any) -> None:
            try:
                original(self, **entry)
            except sqlite3.IntegrityError:
                self._head = entry["head"]

        return broken

    replace(Store, "entry", "self", "identity", by=nothing)
    replace(Store, "ticket", "self", "id", by=nothing)  # or the lifecycle would still refuse it
    replace(Store, "add_entry", "self", "identity", "fingerprint", "ticket", "head", by=add_entry)


def last_stable_offset(hit: Hit) -> None:
    """The state is brought up to the last stable offset, so what lies behind a hanging transaction is not in it; and
    nobody looks whether the first record comes to lie at that end."""
    from hutong.transport.kafka.fencing import FencingProducer
    from services.admit import owner

    def write(original: Function) -> Function:
        def broken(self: Any, records: Any, **given: Any) -> Any:
            return original(self, records, **{**given, "begins": None})

        return broken

    def bring_up(original: Function) -> Function:
        def broken(derived: Any, transport: Any, ends: Any) -> None:
            hit()
            original(derived, transport, {place: at.stable for place, at in transport.bounds(list(ends)).items()})

        return broken

    replace(owner, "bring_up", "derived", "transport", "ends", "scratch", "told", by=bring_up)
    replace(FencingProducer, "write", *WRITE, by=write)


def ahead_of_dead_letter(hit: Hit) -> None:
    """The mark is committed past an event that failed, and only then its letter is written."""
    from hutong.subscribing.subscription import Subscription

    def failed(original: Function) -> Function:
        def broken(self: Any, door: Any, stamp: Any, record: Any, failure: Any) -> None:
            hit()
            door.marks.handled(stamp)
            door.next = record.offset + 1
            original(self, door, stamp, record, failure)  # commits, and then parks

        return broken

    replace(Subscription, "_failed", "self", "door", "stamp", "record", "failure", by=failed)


def marks_left_behind(hit: Hit) -> None:
    """The offset is committed without the marks, so whoever takes the partition next knows none."""
    from hutong.subscribing.marks import Marks

    def encode(original: Function) -> Function:
        def broken(self: Any) -> str:
            hit()
            return json.dumps({**json.loads(original(self)), "marks": []})

        return broken

    replace(Marks, "encode", "self", by=encode)


class _Shared:
    """One iterator for several threads."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._lock = threading.Lock()

    def __iter__(self) -> _Shared:
        return self

    def __next__(self) -> Any:
        with self._lock:
            return next(self._events)


def two_threads(hit: Hit) -> None:
    """Two threads share one subscription: the second handles a ticket's next event while the first is at work."""
    from hutong.client import Bus
    from hutong.event import Event
    from hutong.subscribing.subscription import Subscription
    from services import serving

    done: dict[int, Callable[[], None]] = {}
    shared: list[_Shared] = []
    opening = threading.Lock()

    def give(original: Function) -> Function:
        def broken(self: Any, door: Any, record: Any, stamp: Any) -> Iterator[Any]:
            hit()
            if not self._wishes.want(dict(record.headers)):
                yield from original(self, door, record, stamp)
                return
            giver = self._giving.give(record, lambda: None)
            event = next(giver)
            done[id(event.handling)] = lambda: self._journal.handled(stamp, record, given=True)
            door.marks.handled(stamp)
            yield event  # and does not wait for its block to end

        return broken

    def leave(original: Function) -> Function:
        def broken(self: Any, kind: Any, error: Any, trace: Any) -> bool:
            quiet = original(self, kind, error, trace)
            done.pop(id(self.handling))()
            return bool(quiet)

        return broken

    def around(original: Function) -> Function:
        @contextlib.contextmanager
        def broken(self: Any, event: Any) -> Iterator[None]:
            self._handling = event  # the guard against a second event in hand is in the way
            yield
            self._handling = None

        return broken

    def subscribe(original: Function) -> Function:
        def broken(self: Any, **given: Any) -> _Shared:
            with opening:
                if not shared:
                    shared.append(_Shared(original(self, **given)))
            return shared[0]

        return broken

    def serve(original: Function) -> Function:
        def broken(system: str, work: Callable[[Any], None]) -> None:
            def twice(bus: Any) -> None:
                threading.Thread(target=work, args=(bus,), daemon=True).start()
                work(bus)

            original(system, twice)

        return broken

    replace(Subscription, "_next", "self", "door", "record", "stamp", by=give)
    replace(Event, "__exit__", "self", "kind", "error", "trace", by=leave)
    replace(Bus, "_around", "self", "event", by=around)
    replace(Bus, "subscribe", "self", "types", "receipts", "refusals", "start", "idle", by=subscribe)
    replace(serving, "serve", "system", "work", by=serve)


BUGS: Mapping[str, Callable[[Hit], None]] = {
    bug.__name__.replace("_", "-"): bug
    for bug in (
        commit_before_write,
        no_fencing,
        fencing_back,
        dedupe_off,
        last_stable_offset,
        ahead_of_dead_letter,
        marks_left_behind,
        two_threads,
    )
}
SOUND = "sound"
