"""Two mends to a consumer's group coordinator in kafka-python 3.0.12. Only the instance handed over changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafka import errors as kafka  # type: ignore[import-untyped]

_FENCED_INSTANCE = kafka.FencedInstanceIdError.errno


def keep_finished_joins(coordinator: Any) -> None:
    """Keep the result of a join that finishes between two polls.

    kafka-python throws it away and joins again, which makes all other members join again, and so on: groups of
    members that poll briefly may go round for ever, all of them without their partitions.
    """
    join = coordinator._do_join_and_sync_async
    complete = coordinator._on_join_complete_async
    kept: list[tuple[Any, Any]] = []  # at most one: (membership it is for, assignment)

    async def join_once() -> Any:
        if kept and kept[0][0] is coordinator._generation:
            return kept[0][1]
        kept.clear()
        assignment = await join()
        kept[:] = [(coordinator._generation, assignment)]
        return assignment

    async def complete_once(*joined: Any) -> None:
        kept.clear()
        await complete(*joined)

    coordinator._do_join_and_sync_async = join_once
    coordinator._on_join_complete_async = complete_once


def watch_fencing(coordinator: Any, fenced: Callable[[], None]) -> None:
    """Call ``fenced``, on the I/O thread, when a heartbeat learns that another process has this static id.

    kafka-python then only stops its heartbeats, says nothing and reads on.
    """
    handle = coordinator._handle_heartbeat_response

    def watched(response: Any, send_time: float) -> Any:
        if response.error_code == _FENCED_INSTANCE:
            fenced()
        return handle(response, send_time)

    coordinator._handle_heartbeat_response = watched
