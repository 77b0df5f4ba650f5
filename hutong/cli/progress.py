"""A bar for what takes long: how far a topic was read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hutong.event import Event
    from hutong.transport import Transport


@contextmanager
def progress(transport: Transport, topic: str) -> Iterator[Callable[[Event], None]]:
    """A bar on standard error where that is a terminal; gives what to call with each event."""
    if not sys.stderr.isatty():
        yield lambda event: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    begins, ends = _extent(transport, topic)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(topic, total=sum(ends) - sum(begins))
        at = list(begins)

        def step(event: Event) -> None:
            at[event.position.partition] = event.position.offset + 1
            shown.update(task, completed=sum(at) - sum(begins))

        yield step


def _extent(transport: Transport, topic: str) -> tuple[list[int], list[int]]:
    """First and next offsets of the topic's partitions; what lies between is about what there is to read."""
    from hutong.transport import Partition

    consumer = transport.consumer(client_id="progress")
    try:
        places = [Partition(topic, number) for number in range(transport.topics().get(topic, 0))]
        return [consumer.beginning(place) for place in places], [consumer.end(place) for place in places]
    finally:
        consumer.close()
