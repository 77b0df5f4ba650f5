"""``python -m tests.chaos.slow``: a department whose own system takes its time over each event."""

from __future__ import annotations

import time
from typing import Annotated

import typer

import hutong
from services.serving import serve
from tests.chaos.crew import answers


def main(pause: Annotated[float, typer.Option(help="Seconds for each event.")] = 0.05) -> None:
    """Answer what it is asked to lead, slowly."""

    def work(bus: hutong.Bus) -> None:
        for event in bus.subscribe():
            with event:
                time.sleep(pause)
                bus.submit_batch([bus.draft(data, answers=event) for data in answers(event, bus.organisation)])

    serve("crew", work)


if __name__ == "__main__":
    typer.run(main)
