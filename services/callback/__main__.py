"""``python -m services.callback``: calls back on what was resolved, for the organisation that holds ``call_back``."""

from __future__ import annotations

from typing import Annotated

import typer

import hutong
from services.callback.handler import Shares, decide
from services.serving import EventTimes, serve

NAME = "callback"


def call_back(bus: hutong.Bus, shares: Shares, seed: int, times: EventTimes) -> None:
    """Call back on every resolution; the call and its outcome under one signature, in this order."""
    for event in bus.subscribe(types=(hutong.disposition.Resolved,), receipts=True):  # it may be a lead unit itself
        with event:
            steps = decide(event, shares, seed)
            bus.submit_batch([bus.draft(step, answers=event, time=times.of(event)) for step in steps])


def main(
    satisfied: Annotated[float, typer.Option(min=0.01, max=1, help="Share of satisfied citizens. 满意率")] = 0.9,
    contacted: Annotated[float, typer.Option(min=0, max=1, help="Share of those reached. 接通率")] = 0.95,
    seed: Annotated[int, typer.Option(help="Another seed asks other citizens. 随机种子")] = 0,
    event_times: Annotated[
        EventTimes, typer.Option(help="Date answers now, or like the event they answer. 时间")
    ] = EventTimes.NOW,
) -> None:
    """Call back on resolved tickets; close them, or reopen those of the dissatisfied. 回访"""
    shares = Shares(contacted=contacted, satisfied=satisfied)
    serve(NAME, lambda bus: call_back(bus, shares, seed, event_times))


if __name__ == "__main__":
    typer.run(main)
