"""Taking partitions, working, ending: how admit and deliver hold what they write (ADR 0002).

Taking a partition fences its former owner first, then brings up the state from what was committed, then goes on where
that ends. Every failure of a write ends the process; its restart under the same static id does all of this again.
Nothing here mends a producer or fences back.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Protocol

import structlog

from hutong.errors import BusError, SettingsError, TooManyDeadLetters
from hutong.loop import Loop
from hutong.observing.lag import lag
from hutong.transport import Consumer, Outgoing, Partition, Position, Record, TransactionalProducer, Transport
from services.owning.observed import Watch

_log = structlog.get_logger()

REBUILD_SECONDS = 3600.0
"""How long taking partitions may last without a poll, before the group gives them to another. What guards ownership is
the fence of the transactional id, not this; a member that is thrown out while it rebuilds would never finish."""

TRANSACTION_BYTES = 8 * 1024 * 1024
"""How much one transaction writes, so that a batch of the largest records ends before its deadline."""

WRITE_SECONDS = 10.0
"""Deadline of one transaction, from its first record to its commit."""


class Owner(Protocol):
    """What a service does with one partition number it owns. Made after the former owner was fenced."""

    def resume(self) -> Mapping[Partition, int]:
        """Rebuild the state; say at which offset of each input to go on."""
        ...

    def process(self, partition: Partition, records: Sequence[Record]) -> Mapping[Partition, Position]:
        """Do the batch in one transaction; the group's positions to commit afterwards, if any."""
        ...

    def close(self) -> None:
        """Let go of the partition."""
        ...


Take = Callable[[int, TransactionalProducer, Consumer], Owner]


def transactions(
    records: Iterable[Record], make: Callable[[Record], Iterable[Outgoing]]
) -> Iterator[tuple[Record, list[Outgoing]]]:
    """What ``make`` makes of a batch, split where a transaction grows over :data:`TRANSACTION_BYTES`.

    With each part comes the last record it answers. The caller writes a part before it asks for the next.
    """
    part: list[Outgoing] = []
    size, record = 0, None
    for record in records:
        made = list(make(record))
        part += made
        size += sum(len(one.value or b"") + sum(len(content) for _, content in one.headers) for one in made)
        if size > TRANSACTION_BYTES:
            yield record, part
            part, size = [], 0
    if record is not None:
        yield record, part


def run(
    name: str,
    transport: Transport,
    take: Take,
    *,
    city: str,
    topics: Sequence[str],
    instance: str,
    committed: bool,
    watch: Watch,
    strangers: bool = False,
    heartbeat: Path | None,
) -> None:
    """Consume ``topics`` in the group ``<city>.<name>`` until SIGTERM or SIGINT, owning what is assigned.

    The transactional id of partition p is ``<name>-<city>-<p>``. Partition p of all topics belongs together.
    ``committed`` hides open and aborted transactions of the input, ``strangers`` says that anybody may write there.
    ``heartbeat``: see :class:`hutong.loop.Loop`.
    """
    consumer = transport.consumer(
        client_id=f"{city}.{name}",
        group=f"{city}.{name}",
        instance=instance,
        committed=committed,
        max_poll_interval=REBUILD_SECONDS,
        strangers=strangers,
    )
    owners: dict[int, Owner] = {}

    def taken(partitions: frozenset[Partition]) -> Mapping[Partition, int]:
        for owner in owners.values():
            owner.close()
        owners.clear()
        starts: dict[Partition, int] = {}
        for number in sorted({partition.number for partition in partitions}):
            producer = transport.transactional(
                client_id=f"{city}.{name}", timeout=WRITE_SECONDS, transactional_id=f"{name}-{city}-{number}"
            )
            owners[number] = take(number, watch.over(producer), consumer)
            starts.update(owners[number].resume())
            _log.info(
                "partition taken", partition=number, at={p.topic: starts[p] for p in starts if p.number == number}
            )
        return starts

    loop = Loop(consumer, topics, taken, meter=watch.meter, heartbeat=heartbeat)
    watch.meter.ask(lag(loop, transport))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop())
    for partition, records in loop.batches():
        watch.begin()
        positions = owners[partition.number].process(partition, records)
        if positions:
            loop.commit(positions)
    for owner in owners.values():
        owner.close()
    consumer.close()


def crash_only(main: Callable[[], None]) -> None:
    """Run a service's ``main``. Every error ends the process at once: with 2 where a human must act first, else with 1
    and the supervisor starts it again.

    ``os._exit``, because a client library of unknown state may never let its threads end (kafka-python trap 3).
    """
    try:
        main()
    except BusError as error:
        _log.error("ending", error=type(error).__name__, text=str(error))
        _exit(2 if isinstance(error, (SettingsError, TooManyDeadLetters)) else 1)
    except BaseException as error:  # noqa: BLE001  # the third fate: unknown
        _log.error("ending", exc_info=error)
        _exit(1)


def _exit(code: int) -> NoReturn:
    sys.stderr.flush()
    os._exit(code)
